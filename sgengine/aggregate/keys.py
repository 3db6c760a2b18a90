"""Which group each row belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.aggregate.windows import SLICES
from sgengine.compute import RequestColumns, Rows, names_of, once
from sgengine.compute.ragged import bools, frozen, in_order, int64s, only_value, places_in
from sgengine.errors import UsageError

Int64s = npt.NDArray[np.int64]
Key = tuple[object, ...]

_FEW_CODES = 1 << 12


def group_rows(batch: Rows, by: tuple[str, ...]) -> tuple[Sequence[Key], Int64s]:
    """The distinct values of the ``by`` columns in ``batch``, and each row's index among them, read-only.

    ``hour`` and ``day`` are slices of the arrival on a unix clock, as ns since the epoch, else None.
    A column that is not there is None in every row: other sources may have it (see ``check_by``).
    Raises UsageError for a column that holds lists.
    """
    return once(batch, ("groups", by), lambda: _group_rows(batch, by))


def _group_rows(batch: Rows, by: tuple[str, ...]) -> tuple[tuple[Key, ...], Int64s]:
    columns = [_column(batch, name) for name in by]
    several = [column for column in columns if not isinstance(column, _Same)]
    if not several:
        key = tuple(column.value for column in columns if isinstance(column, _Same))
        return (key,) * min(batch.num_rows, 1), _zeros(batch.num_rows)
    codes, distinct = _zeros(batch.num_rows), 1
    firsts = codes[:0]
    for column in several:
        own, count = _codes(column)
        codes, firsts = _dense(codes * count + own, distinct * count)
        distinct = firsts.size
    values = [_values(column, firsts) for column in columns]
    return tuple(zip(*values, strict=True)), frozen(codes)


@lru_cache(maxsize=2)
def _zeros(rows: int) -> Int64s:
    """The codes of a batch that is one group: the same for every batch of so many rows."""
    return frozen(np.zeros(rows, dtype=np.int64))


@dataclass(frozen=True, kw_only=True)
class _Same:
    """A column with one value in every row."""

    value: object


def _values(column: pa.Array | _Same, rows: Int64s) -> list[object]:
    """The values at ``rows``."""
    if isinstance(column, _Same):
        return [column.value] * rows.size
    found: list[object] = column.take(pa.array(rows)).to_pylist()
    return found


def _at_a_glance(column: pa.Array) -> pa.Array | _Same:
    """The column, or its one value if a glance shows that, as it does of most labels of a file."""
    if not isinstance(column, pa.DictionaryArray):
        return _Same(value=None) if column.null_count == len(column) else column
    values = column.dictionary
    if len(values) == 1 and not column.null_count + values.null_count:
        return _Same(value=values[0].as_py())
    return column


def _codes(column: pa.Array) -> tuple[Int64s, int]:
    """A code below the count for each row, equal for equal values; NULL is a value."""
    if not pa.types.is_dictionary(column.type):
        encoded = column.dictionary_encode(null_encoding="encode")
        return int64s(encoded.indices), max(len(encoded.dictionary), 1)
    # A dictionary may hold a value twice, and NULL as a value or as an index.
    entries, count = _codes(pa.concat_arrays([column.dictionary, _null_like(column)]))
    places = column.indices.fill_null(len(column.dictionary))
    return entries[int64s(places)], count


def _null_like(column: pa.Array) -> pa.Array:
    return pa.nulls(1, column.type.value_type)


def _dense(codes: Int64s, limit: int) -> tuple[Int64s, Int64s]:
    """``codes`` (R,) below ``limit`` as 0, 1, ... in their order, and the first row of each.

    Without sorting where there are few codes: 0.4 ms instead of 4 for 20,000 rows.
    """
    if limit > _FEW_CODES + codes.size:
        _, firsts, dense = np.unique(codes, return_index=True, return_inverse=True)
        return dense.astype(np.int64), firsts
    first = np.full(limit, codes.size, dtype=np.int64)
    first[codes[::-1]] = np.arange(codes.size - 1, -1, -1)
    present = first < codes.size
    return (np.cumsum(present) - 1)[codes], first[present]


def plain_columns(batch: Rows) -> list[str]:
    """The columns of ``batch`` that rows can be grouped by."""
    if isinstance(batch, RequestColumns):
        return batch.plain
    return [field.name for field in batch.schema if not pa.types.is_nested(field.type)]


def check_by(by: Iterable[str], known: Iterable[str]) -> None:
    """Raise UsageError for a column of ``by`` that no source has, ``known`` being all they have."""
    named = list(dict.fromkeys([*known, *SLICES]))
    for name in by:
        if name not in named:
            raise UsageError(
                f"by names {name}, which is no column of this trace: give one of {', '.join(named)}"
            )


def _column(batch: Rows, name: str) -> pa.Array | _Same:
    if name in names_of(batch):
        column = batch.column(name)
        same = only_value(column)
        return _at_a_glance(_plain(column, name)) if same is None else _Same(value=same)
    if name in SLICES:
        return _slice(batch, SLICES[name])
    return _Same(value=None)


def _plain(column: pa.Array, name: str) -> pa.Array:
    """The column's values; NaN, which equals nothing and would be a group a row, is NULL."""
    if pa.types.is_nested(column.type):
        raise UsageError(f"by names {name}, which holds lists: give a column of plain values")
    if pa.types.is_dictionary(column.type) and pa.types.is_floating(column.type.value_type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column


def _slice(batch: Rows, length_ns: int) -> pa.Array | _Same:
    arrival = batch.column("arrival_ns")
    same = _only_slice(batch, length_ns)
    if same is not None:
        return _Same(value=same)
    start = int64s(arrival) // length_ns * length_ns
    known = bools(arrival.is_valid()) & (places_in(batch.column("clock"), ("unix",)) == 0)
    return pa.array(start, mask=~known)


def _only_slice(batch: Rows, length_ns: int) -> int | None:
    """The slice that all rows are in, if their extremes are: most batches lie within an hour."""
    arrival = batch.column("arrival_ns")
    if not len(arrival) or arrival.null_count or only_value(batch.column("clock")) != "unix":
        return None
    values = int64s(arrival)
    first, last = int(values.min()) // length_ns, int(values.max()) // length_ns
    return first * length_ns if first == last else None


def rows_by_key(keys: Sequence[Key], codes: Int64s) -> dict[Key, Int64s]:
    """The rows of each key, in their order."""
    if len(keys) == 1:
        return {keys[0]: in_order(codes.size)}
    order = np.argsort(codes, kind="stable")
    cuts = np.searchsorted(codes[order], np.arange(len(keys) + 1))
    return {key: order[cuts[i] : cuts[i + 1]] for i, key in enumerate(keys)}
