"""Arrow columns from numpy arrays and the rows they are defined for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.compute.ragged import Bools, frozen
from sgengine.compute.rows import Hulls
from sgengine.schema import ENVELOPE


class Values:
    """One column in the making: ``data`` (R,), meaningful where ``defined`` (R,) bool."""

    def __init__(self, *, data: npt.NDArray[Any], defined: Bools) -> None:
        self.data = data
        self.defined = defined

    def arrow(self, type_: pa.DataType) -> pa.Array:
        """The Arrow column: NULL where not defined."""
        data = self.data.astype(type_.to_pandas_dtype(), copy=False)
        if self.defined.all():
            return pa.array(data, type=type_)
        # As bits: given a mask of bytes, Arrow took 52 us of 20,000 rows, and this takes 5.
        valid = np.packbits(self.defined, bitorder="little")
        return pa.Array.from_buffers(type_, data.size, [pa.py_buffer(valid), pa.py_buffer(data)])

    def overlaid(self, over: Values, rows: npt.NDArray[np.int64]) -> Values:
        """These values, with ``over``'s at ``rows`` where it defines them."""
        data, defined = self.data.copy(), self.defined.copy()
        take = rows[over.defined]
        data[take] = over.data[over.defined]
        defined[take] = True
        return Values(data=data, defined=defined)

    def numbers(self) -> npt.NDArray[np.int64]:
        """Whole numbers with -1 for NULL; of a column that holds no negative ones."""
        return np.where(self.defined, self.data, -1)


class Whole(Values):
    """Whole numbers of 0 and more, -1 for NULL: which rows are defined is seen only if it is asked."""

    def __init__(self, data: npt.NDArray[np.int64]) -> None:
        self.data = data

    @cached_property
    def defined(self) -> Bools:  # type: ignore[override] # made when asked for
        """(R,) bool."""
        return self.data >= 0

    def arrow(self, type_: pa.DataType) -> pa.Array:
        """The Arrow column: most often all rows are defined, or none is."""
        if int(self.data.min(initial=0)) >= 0:
            return pa.array(self.data.astype(type_.to_pandas_dtype(), copy=False), type=type_)
        if int(self.data.max()) < 0:
            return nulls(self.data.size, type_)
        return super().arrow(type_)

    def numbers(self) -> npt.NDArray[np.int64]:
        """The data as they are."""
        return self.data


class Later(Values):
    """A column that is made when it is asked for: figures need few of them."""

    def __init__(self, make: Callable[[], Values]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Values:
        return self._make()

    def arrow(self, type_: pa.DataType) -> pa.Array:
        """The Arrow column."""
        return self._made.arrow(type_)

    def numbers(self) -> npt.NDArray[np.int64]:
        """Whole numbers with -1 for NULL."""
        return self._made.numbers()

    @property
    def data(self) -> npt.NDArray[Any]:  # type: ignore[override] # made when asked for
        """(R,)."""
        return self._made.data

    @property
    def defined(self) -> Bools:  # type: ignore[override] # made when asked for
        """(R,) bool."""
        return self._made.defined


@lru_cache(maxsize=16)
def nulls(rows: int, type_: pa.DataType) -> pa.Array:
    """A column of NULL, the same for every batch of so many rows."""
    return pa.nulls(rows, type_)


@lru_cache(maxsize=2)
def unknown(rows: int) -> Values:
    """Whole numbers that are NULL in every row, the same for every batch of so many rows."""
    return Whole(frozen(np.full(rows, -1)))


@lru_cache(maxsize=4)
def same(value: int, rows: int) -> Values:
    """One number in every row, the same for every batch of so many rows."""
    return Values(data=frozen(np.full(rows, value)), defined=frozen(np.ones(rows, dtype=np.bool_)))


def envelopes(hulls: Hulls, defined: Bools) -> pa.Array:
    """The ENVELOPE column of ``hulls``, NULL where not ``defined``; vertices of NULL rows are dropped.

    Where all rows are defined, as most often, the hulls are taken over as they are.
    """
    if not defined.any():
        return nulls(defined.size, ENVELOPE)
    if defined.all():
        return pa.ListArray.from_arrays(
            pa.array(hulls.offsets.astype(np.int32)),
            _points(hulls.tokens, hulls.times),
            type=ENVELOPE,
        )
    counts = np.where(defined, np.diff(hulls.offsets), 0)
    keep = np.repeat(defined, np.diff(hulls.offsets))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    points = _points(hulls.tokens[keep], hulls.times[keep])
    mask = pa.array(~defined)
    return pa.ListArray.from_arrays(pa.array(offsets), points, type=ENVELOPE, mask=mask)


def _points(tokens: npt.NDArray[np.int32], times: npt.NDArray[np.int64]) -> pa.Array:
    vertex = ENVELOPE.value_type
    return pa.StructArray.from_arrays(
        [pa.array(tokens), pa.array(times)], fields=[vertex.field(0), vertex.field(1)]
    )


def overlaid_envelopes(base: pa.Array, over: pa.Array, rows: npt.NDArray[np.int64]) -> pa.Array:
    """``base`` with ``over`` at ``rows``, both ENVELOPE columns."""
    positions = np.arange(len(base), dtype=np.int64)
    positions[rows] = len(base) + np.arange(len(over), dtype=np.int64)
    return pa.concat_arrays([base, over]).take(pa.array(positions))
