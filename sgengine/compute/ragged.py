"""Arrow lists as the flat arrays that kernels read: zero-copy, sliced input included.

A sliced list array's offsets do not start at 0, its values reach beyond them, and a null list may span
values: offsets are taken as they are, and rows without a list are marked by their kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.errors import DataError
from sgengine.kernels import scan
from sgengine.kernels.kinds import decide_kinds

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Int8s = npt.NDArray[np.int8]
UInt8s = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Lists:
    """One list column of R rows: ``values`` (C,), ``offsets`` (R + 1,) int64, ``valid`` (R,) bool.

    ``holed`` (R,) bool: rows with a null inside the list; their value there is arbitrary. ``complete``:
    every row has a list, and nothing in the column is NULL. ``some``: a row has a list.
    """

    values: npt.NDArray[Any]
    offsets: Int64s
    valid: Bools
    holed: Bools
    complete: bool
    some: bool

    @cached_property
    def lengths(self) -> Int64s:
        """Entries of each row; 0 for a null list, whatever it spans."""
        lengths = np.diff(self.offsets)
        return lengths if self.complete else np.where(self.valid, lengths, 0)


@dataclass(frozen=True, kw_only=True)
class Ragged:
    """The arrays of one batch that every kernel takes (kernels.request), read-only, R rows."""

    times: Int64s
    offsets: Int64s
    sizes: Int32s
    size_offsets: Int64s
    kinds: npt.NDArray[np.uint8]

    @property
    def rows(self) -> int:
        """R."""
        return self.kinds.size

    @cached_property
    def one_each(self) -> bool:
        """Whether all rows are of kind ONE_EACH, as most often."""
        return bool((self.kinds == scan.ONE_EACH).all())

    def with_kinds(self, kinds: npt.NDArray[np.uint8]) -> Ragged:
        """The same tokens with other kinds of rows."""
        return Ragged(
            times=self.times,
            offsets=self.offsets,
            sizes=self.sizes,
            size_offsets=self.size_offsets,
            kinds=frozen(kinds),
        )


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A read-only view: Arrow's buffers are read-only, and one signature is one compilation."""
    view = array.view()
    view.setflags(write=False)
    return view


def bools(array: pa.Array) -> Bools:
    """(R,) bool of a boolean array without nulls."""
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.bool_)


@lru_cache(maxsize=2)
def in_order(rows: int) -> Int64s:
    """All rows of a batch, in order, read-only: the same for every batch of so many."""
    return frozen(np.arange(rows))


def known(array: pa.Array) -> Bools:
    """(R,) bool: the rows that are not NULL, most often all or none. Read-only."""
    nulls = array.null_count
    if nulls in (0, len(array)):
        return _alike(len(array), not nulls)
    return frozen(bools(array.is_valid()))


@lru_cache(maxsize=8)
def _alike(rows: int, answer: bool) -> Bools:
    """The same answer for every row of every batch of so many rows."""
    return frozen(np.full(rows, answer))


def int64s(array: pa.Array, fill: int = -1) -> Int64s:
    """(R,) int64 of any integer column, NULL as ``fill``."""
    if array.null_count == len(array):
        return np.full(len(array), fill, dtype=np.int64)
    filled = array.fill_null(fill) if array.null_count else array
    return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.int64)


def least(array: pa.Array) -> int:
    """The least of a column of whole numbers, which has a row; NULL counts as 0."""
    filled = array.fill_null(0) if array.null_count else array
    return int(filled.to_numpy(zero_copy_only=False).min())


def only_value(column: pa.Array) -> str | None:
    """The text that every row has, if a dictionary of one shows it, as that of most labels does."""
    if not isinstance(column, pa.DictionaryArray) or column.null_count:
        return None
    values = column.dictionary
    if len(values) != 1:
        return None
    (value,) = values.to_pylist()  # a tenth of the time that values[0] takes
    return value if isinstance(value, str) else None


def places_in(column: pa.Array, names: tuple[str, ...]) -> Int8s:
    """(R,) int8, read-only: where each row's text is among ``names``, of which there are few, else -1.

    Of a dictionary column only the dictionary is compared: rows are a hundred times as many.
    """
    same = only_value(column)
    if same is not None:
        return _places(len(column), names.index(same) if same in names else -1)
    if not isinstance(column, pa.DictionaryArray):
        found = int64s(pc.index_in(column.cast(pa.string()), pa.array(names)))
        return frozen(found.astype(np.int8))
    entries = int64s(pc.index_in(column.dictionary.cast(pa.string()), pa.array(names)))
    return frozen(np.append(entries, -1).astype(np.int8)[int64s(column.indices, fill=-1)])


@lru_cache(maxsize=4)
def _places(rows: int, place: int) -> Int8s:
    """The same place for every row of every batch of so many rows."""
    return frozen(np.full(rows, place, dtype=np.int8))


def lists(array: pa.Array, dtype: type[np.generic]) -> Lists:
    """The flat arrays of a list or large_list of any integers; values cast to ``dtype`` if needed.

    Raises DataError for values outside ``dtype``.
    """
    offsets = np.asarray(array.offsets.to_numpy(zero_copy_only=False), dtype=np.int64)
    valid = known(array)
    flat = array.values
    nulls = flat.null_count
    holed = _holed(flat, offsets)
    if nulls:
        holed &= valid
        flat = flat.fill_null(0)
    return Lists(
        values=frozen(_as_dtype(flat, dtype)),
        offsets=frozen(offsets),
        valid=valid,
        holed=holed,
        complete=not (array.null_count or nulls),
        some=array.null_count < len(array),
    )


def _as_dtype(flat: pa.Array, dtype: type[np.generic]) -> npt.NDArray[Any]:
    wanted = pa.from_numpy_dtype(np.dtype(dtype))
    if flat.type != wanted:
        try:
            flat = flat.cast(wanted)
        except pa.ArrowInvalid as error:
            raise DataError(f"a value does not fit {wanted}: {error}") from error
    return np.asarray(flat.to_numpy(zero_copy_only=True))


def _holed(flat: pa.Array, offsets: Int64s) -> Bools:
    """Which rows span a null value."""
    if flat.null_count == 0:
        return _alike(offsets.size - 1, False)
    nulls_before = np.concatenate([[0], np.cumsum(bools(flat.is_null()))])
    return np.diff(nulls_before[offsets]) > 0


@lru_cache(maxsize=2)
def empty_lists(rows: int, dtype: type[np.generic]) -> Lists:
    """A list column that is NULL in all ``rows``, the same for every batch of so many."""
    return Lists(
        values=frozen(np.zeros(0, dtype=dtype)),
        offsets=frozen(np.zeros(rows + 1, dtype=np.int64)),
        valid=_alike(rows, False),
        holed=_alike(rows, False),
        complete=not rows,
        some=False,
    )


def kinds_of(times: Lists, sizes: Lists, declared: Int64s) -> tuple[UInt8s, Int64s]:
    """The kind (kernels.scan) and n of each row, from what is known of it; ``declared`` is -1 if nothing is.

    n of rows of kind SIZED is what their sizes add up to, and not known yet.
    """
    kinds = np.empty(times.valid.size, dtype=np.uint8)
    n = np.empty(times.valid.size, dtype=np.int64)
    decide_kinds(
        times.offsets,
        frozen(declared),
        times.valid if not times.complete else _alike(0, True),
        sizes.valid if sizes.some else _alike(0, False),
        kinds,
        n,
    )
    return kinds, n
