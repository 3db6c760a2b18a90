"""Arrow arrays of whatever flavour a file has, brought to the types of DELIVERIES.

Arrays that have the right type pass through as they are, slices included. Values out of range do
not stop a column: their rows are marked, for the reader to reject one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from sgengine.schema import LABEL


class Cast(NamedTuple):
    """A converted column, and which rows (bool, one a row) hold values out of range, if any."""

    array: pa.Array
    bad: np.ndarray | None = None


def is_text(kind: pa.DataType) -> bool:
    """Whether values of this type can name something: any string flavour, whole numbers, nulls."""
    if pt.is_dictionary(kind):
        kind = kind.value_type
    return is_string(kind) or pt.is_integer(kind) or pt.is_null(kind)


def is_string(kind: pa.DataType) -> bool:
    """Whether this is one of Arrow's string types."""
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def is_whole(kind: pa.DataType) -> bool:
    """Whether values of this type are whole numbers or nulls."""
    return bool(pt.is_integer(kind) or pt.is_null(kind))


def is_whole_list(kind: pa.DataType) -> bool:
    """Whether values of this type are lists of whole numbers, or nulls."""
    if pt.is_null(kind):
        return True
    return bool(_is_list(kind) and is_whole(kind.value_type))


def _is_list(kind: pa.DataType) -> bool:
    plain = pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)
    return bool(plain or pt.is_list_view(kind) or pt.is_large_list_view(kind))


def text(array: pa.Array) -> pa.Array:
    """A column of names or messages as ``string``; whole numbers become their digits."""
    if pt.is_dictionary(array.type):
        # The dictionary is converted before decoding: not every value type can be decoded.
        values = array.dictionary.cast(pa.string())
        array = pa.DictionaryArray.from_arrays(array.indices, values).dictionary_decode()
    return array if pt.is_string(array.type) else array.cast(pa.string())


def dimension(array: pa.Array) -> pa.Array:
    """A column that is carried through: as it is, but for views, which few functions of Arrow take."""
    kind = array.type
    if pt.is_dictionary(kind) and pt.is_string_view(kind.value_type):
        return pa.DictionaryArray.from_arrays(array.indices, array.dictionary.cast(pa.string()))
    if pt.is_string_view(kind):
        return array.cast(pa.string())
    return array.cast(pa.binary()) if pt.is_binary_view(kind) else array


def is_full_label(array: pa.Array) -> bool:
    """Whether a column is a ``LABEL`` in every row."""
    return bool(array.type == LABEL and not array.null_count + array.dictionary.null_count)


def label(array: pa.Array, default: str | pa.Array) -> pa.Array:
    """A column of few repeated names as ``LABEL``; null values become the default."""
    if is_full_label(array):
        return array
    filled = pc.coalesce(text(array), default)
    return filled.dictionary_encode().cast(LABEL)


def constant(value: str, rows: int) -> pa.Array:
    """The same label in every row."""
    indices = pa.array(np.zeros(rows, dtype=np.int32))
    return pa.DictionaryArray.from_arrays(indices, pa.array([value], pa.string()))


def whole(array: pa.Array, target: pa.DataType) -> Cast:
    """A column of whole numbers as ``target`` (int64 or int32)."""
    if array.type == target:
        return Cast(array)
    try:
        return Cast(array.cast(target))
    except pa.ArrowInvalid:
        return Cast(array.cast(target, safe=False), _outside(array, target))


def _outside(array: pa.Array, target: pa.DataType) -> np.ndarray:
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    range_of = np.iinfo(target.to_pandas_dtype())
    outside: np.ndarray = (values < range_of.min) | (values > range_of.max)
    return outside


def whole_list(array: pa.Array, target: pa.DataType) -> Cast:
    """A column of lists of whole numbers, of any list flavour, as the list type ``target``."""
    if array.type == target:
        return Cast(array)
    if pt.is_null(array.type):
        return Cast(pa.nulls(len(array), target))
    if pt.is_list(array.type) and array.type.value_type == target.value_type:
        return Cast(_renamed(array, target))
    offsets = _offsets(array)
    values, bad = whole(array.flatten(), target.value_type)
    # Offsets that are null make null lists.
    lists = pa.ListArray.from_arrays(_nulled(offsets, array), values, type=target)
    return Cast(lists, None if bad is None else _rows_of(bad, offsets))


def _renamed(array: pa.Array, target: pa.DataType) -> pa.Array:
    """The same buffers under a type that differs in the item's name or nullability only."""
    return pa.Array.from_buffers(
        target,
        len(array),
        array.buffers()[:2],
        offset=array.offset,
        children=[array.values],
    )


def _offsets(array: pa.Array) -> np.ndarray:
    """Offsets (int32, one more than rows) into ``array.flatten()``, in which null lists are empty."""
    lengths = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
    return offsets_of(lengths)


def offsets_of(lengths: np.ndarray | Sequence[int]) -> np.ndarray:
    """Offsets (int32) of consecutive lists of these lengths."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _nulled(offsets: np.ndarray, array: pa.Array) -> pa.Array:
    null = np.zeros(len(offsets), dtype=bool)
    null[:-1] = array.is_null().to_numpy(zero_copy_only=False)
    return pa.array(offsets, mask=null)


def _rows_of(bad: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    rows = np.zeros(len(offsets) - 1, dtype=bool)
    rows[np.searchsorted(offsets, np.flatnonzero(bad), side="right") - 1] = True
    return rows


def lists(parts: Sequence[np.ndarray | None], item: pa.DataType) -> pa.Array:
    """A list column from one array a row; ``None`` is a null list."""
    known = [part for part in parts if part is not None]
    values = np.concatenate(known) if known else np.zeros(0, dtype=item.to_pandas_dtype())
    offsets = offsets_of([0 if part is None else len(part) for part in parts])
    null = np.array([part is None for part in parts] + [False])
    kind = pa.list_(pa.field("item", item))
    return pa.ListArray.from_arrays(
        pa.array(offsets, mask=null), pa.array(values, type=item), type=kind
    )


def listed(offsets: np.ndarray, values: np.ndarray, null: np.ndarray | None = None) -> pa.Array:
    """A list column from consecutive lists; ``null``: which of them are null (bool)."""
    mask = None if null is None else pa.array(null)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values), mask=mask)


def sizes(chunks: np.ndarray, surplus: np.ndarray) -> pa.Array:
    """Tokens of each chunk where of ``chunks`` a row ``surplus``, behind the first, hold none.

    Null where there is no surplus; every other chunk holds one.
    """
    rows = np.flatnonzero(surplus)
    offsets = offsets_of(np.where(surplus, chunks, 0))
    behind = np.arange(offsets[-1]) - np.repeat(offsets[rows], chunks[rows])
    empty = (behind >= 1) & (behind <= np.repeat(surplus[rows], chunks[rows]))
    return listed(offsets, (~empty).astype(np.int32), surplus == 0)


def in_order(
    many: pa.RecordBatch, few: pa.RecordBatch, places: tuple[np.ndarray, np.ndarray]
) -> tuple[pa.RecordBatch, np.ndarray]:
    """The rows of both in order of their places (int64), and these; both have the same columns."""
    both = np.concatenate(places)
    order = np.argsort(both)
    return pa.concat_batches([many, few]).take(order), both[order]
