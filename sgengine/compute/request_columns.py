"""REQUESTS of one batch, a column at a time: figures need a third of them, and most as plain numbers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import cache, cached_property
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.compute.columns import Values
from sgengine.compute.ragged import int64s
from sgengine.schema import DELIVERIES, REQUESTS

Int64s = npt.NDArray[np.int64]
T = TypeVar("T")

_CARRIED = {
    "run": "run",
    "request_id": "request_id",
    "system": "system",
    "workload": "workload",
    "clock": "clock",
    "origin": "origin",
    "timing": "timing",
    "status": "status",
    "error": "error",
    "arrival_ns": "arrival_ns",
    "end_ns": "end_ns",
    "n_input_tokens": "input_tokens",
}
"""Columns of REQUESTS that are columns of DELIVERIES, and which."""


@cache
def _in_order(measured: frozenset[str]) -> tuple[str, ...]:
    """The columns of REQUESTS that are carried or ``measured``: of each batch alike."""
    return tuple(name for name in REQUESTS.names if name in _CARRIED or name in measured)


@cache
def _schema(known: tuple[str, ...]) -> pa.Schema:
    """Of some columns of REQUESTS; there are as many of these as settings choose, a handful."""
    return pa.schema([REQUESTS.column(name).field() for name in known])


class RequestColumns:
    """The columns of ``deliveries`` (DELIVERIES, then dimensions) and what was measured of their rows.

    As far as ``num_rows``, ``column`` and ``take`` go it stands for a record batch; none is made before
    ``batch`` is asked for. Of 20,000 rows that alone took 1 ms.
    """

    def __init__(
        self,
        deliveries: pa.RecordBatch,
        values: Mapping[str, Values],
        envelopes: Mapping[str, pa.Array],
    ) -> None:
        self._deliveries = deliveries
        self._values = values
        self._envelopes = envelopes
        self._made: dict[str, pa.Array] = {}
        self._held: dict[Hashable, Any] = {}
        self.num_rows: int = deliveries.num_rows

    @cached_property
    def _dimensions(self) -> list[pa.Field]:
        if self._deliveries.num_columns == len(DELIVERIES.names):
            return []  # most often: told without making seventeen fields
        return [field for field in self._deliveries.schema if field.name not in DELIVERIES.names]

    @cached_property
    def names(self) -> list[str]:
        """Of the columns, in order: those of REQUESTS that were measured, then the dimensions."""
        known = _in_order(frozenset((*self._values, *self._envelopes)))
        return [*known, *(field.name for field in self._dimensions)]

    @property
    def plain(self) -> list[str]:
        """The names of columns that hold no lists."""
        nested = {f.name for f in self._dimensions if pa.types.is_nested(f.type)}
        return [name for name in self.names if name not in self._envelopes and name not in nested]

    def column(self, name: str) -> pa.Array:
        """One column, as ``batch`` has it."""
        if name not in self._made:
            self._made[name] = self._column(name)
        return self._made[name]

    def _column(self, name: str) -> pa.Array:
        if name in self._values:
            return self._values[name].arrow(REQUESTS.column(name).type)
        if name in self._envelopes:
            return self._envelopes[name]
        return self._deliveries.column(_CARRIED.get(name, name))

    def numbers(self, name: str) -> Int64s:
        """A column of whole numbers that are never negative, (R,) int64, -1 for NULL."""
        if name in self._values:
            return self._values[name].numbers()
        return int64s(self.column(name))

    @cached_property
    def batch(self) -> pa.RecordBatch:
        """All columns."""
        known = self.names[: len(self.names) - len(self._dimensions)]
        schema = _schema(tuple(known))
        carried = [self._deliveries.column(field.name) for field in self._dimensions]
        return pa.RecordBatch.from_arrays(
            [*(self.column(name) for name in known), *carried],
            schema=pa.schema([*schema, *self._dimensions]) if carried else schema,
        )

    def take(self, rows: pa.Array) -> pa.RecordBatch:
        """Some rows, with all columns."""
        return self.batch.take(rows)

    def once(self, what: Hashable, find: Callable[[], T]) -> T:
        """``what`` is said of these rows, found the first time it is asked for; no one may change it.

        It must not hold these columns: a batch in a cycle would stay until the garbage is collected.
        """
        if what not in self._held:
            self._held[what] = find()
        found: T = self._held[what]
        return found


Rows: TypeAlias = RequestColumns | pa.RecordBatch
"""REQUESTS rows, made or to be made."""


def names_of(rows: Rows) -> list[str]:
    """The names of the columns, in order."""
    return rows.names if isinstance(rows, RequestColumns) else list(rows.schema.names)


def numbers_of(rows: Rows, name: str) -> Int64s:
    """A column of whole numbers that are never negative, (R,) int64, -1 for NULL."""
    return rows.numbers(name) if isinstance(rows, RequestColumns) else int64s(rows.column(name))


def once(rows: Rows, what: Hashable, find: Callable[[], T]) -> T:
    """``what`` is said of ``rows``: of REQUESTS in the making found once, of a batch whenever it is asked."""
    return rows.once(what, find) if isinstance(rows, RequestColumns) else find()
