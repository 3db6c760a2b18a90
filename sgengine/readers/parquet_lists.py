"""List columns of a Parquet file, decoded by kernels: as Arrow would, in a quarter of the time.

What is not known here (nulls within a list, other encodings, encryption) or is damaged raises UnreadableError,
and is left to Arrow. tests/readers/test_parquet_lists.py compares both, row by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sgengine.kernels import delta, hybrid
from sgengine.readers.parquet_footer import Chunk, UnreadableError
from sgengine.readers.parquet_pages import (
    DELTA,
    DICTIONARY,
    PLAIN,
    PLAIN_DICTIONARY,
    Page,
    Ranges,
    pages,
)

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]
Ints = npt.NDArray[Any]

_ITEMS = {"INT64": pa.int64(), "INT32": pa.int32()}
_MOST_VALUES = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """A list column: its place among the file's leaves, the Arrow type to give, and what its levels mean.

    A list is there from definition level ``of_list`` on, a value in it at ``of_value``.
    """

    index: int
    kind: pa.ListType
    of_list: int
    of_value: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        found: np.dtype[Any] = np.dtype(self.kind.value_type.to_pandas_dtype())
        return found


def leaf_of(file: pq.ParquetFile, name: str) -> Leaf | None:
    """The list column of this name; ``None`` if there is none that can be decoded here."""
    field = file.schema_arrow.field(name)
    schema = file.schema
    places = [k for k in range(len(schema)) if schema.column(k).path.startswith(f"{name}.")]
    is_list = pa.types.is_list(field.type) or pa.types.is_large_list(field.type)
    if len(places) != 1 or not is_list:
        return None
    column = schema.column(places[0])
    of_list = int(field.nullable)
    of_value = of_list + 1 + int(field.type.value_field.nullable)
    levels = (column.max_repetition_level, column.max_definition_level)
    is_known = _ITEMS.get(column.physical_type) == field.type.value_type
    if levels != (1, of_value) or not is_known:
        return None
    kind = pa.list_(field.type.value_field)
    return Leaf(index=places[0], kind=kind, of_list=of_list, of_value=of_value)


class ListColumn:
    """The rows of a list column over some row groups, in order, as many at a time as wanted.

    Values are decoded into one buffer, from which the rows that are asked for leave as an Arrow array;
    the rest, of a page at most, is copied to the next. A row that fills many pages costs twice its
    size in copies, for the buffer doubles. ``room``: values there is room for at first.
    """

    def __init__(self, file: Ranges, chunks: Sequence[Chunk], leaf: Leaf, room: int = 0) -> None:
        self._leaf, self._room = leaf, room
        self._buffer, self._values = _room(0, leaf.dtype)
        self._filled = 0
        self._starts = np.zeros(0, np.int64)
        self._nulls = np.zeros(0, np.uint8)
        self._begun = 0
        self._has_ended = False
        self._steps = self._decoding(file, chunks)

    def take(self, rows: int, values: int = _MOST_VALUES) -> pa.ListArray:
        """The next ``rows`` rows, fewer at the end or where they hold ``values`` values already."""
        while self._complete < rows and (self._filled < values or self._complete == 0):
            if next(self._steps, None) is None:
                self._has_ended = True
                break
        return self._leave(min(rows, self._complete))

    @property
    def _complete(self) -> int:
        """Rows that no further page belongs to."""
        return self._starts.size if self._has_ended else max(0, self._starts.size - 1)

    def _decoding(self, file: Ranges, chunks: Sequence[Chunk]) -> Iterator[bool]:
        """Decodes page after page, a page a step."""
        for chunk in chunks:
            before, values = self._begun, None
            for page in pages(file, chunk):
                if page.is_dictionary:
                    values = _plain(page, page.levels, self._leaf.dtype).copy()
                else:
                    self._add(page, values, is_first=self._begun == before)
                    yield True
            if self._begun - before != chunk.rows:
                raise UnreadableError("other rows than stated")

    def _add(self, page: Page, dictionary: Ints | None, *, is_first: bool) -> None:
        """Take in one page; the ``first`` of a row group begins with a row."""
        starts, nulls, count = self._rows(page)
        if is_first and (starts.size == 0 or starts[0] != self._filled):
            raise UnreadableError("a row group begins within a row")
        if count > self._values.size - self._filled:
            self._move(0, max(2 * self._filled, self._filled + count, self._room))
        into = self._values[self._filled : self._filled + count]
        _decode(page, dictionary, into)
        self._filled += count
        self._starts = np.concatenate([self._starts, starts])
        self._nulls = np.concatenate([self._nulls, nulls])
        self._begun += starts.size

    def _rows(self, page: Page) -> tuple[Int64s, UInt8s, int]:
        """Where rows begin among the values, which are NULL, and how many values there are."""
        leaf, starts = self._leaf, np.empty(page.levels, np.int64)
        if hybrid.is_only(page.defined, page.levels, leaf.of_value):
            rows = hybrid.zeros(page.repeated, page.levels, self._filled, starts)
            if rows < 0:
                raise UnreadableError("levels")
            return starts[:rows].copy(), np.zeros(rows, np.uint8), page.levels
        repeated, defined = (np.empty(page.levels, np.int32) for _ in range(2))
        is_read = hybrid.numbers(page.repeated, 1, page.levels, repeated) and hybrid.numbers(
            page.defined, leaf.of_value.bit_length(), page.levels, defined
        )
        nulls = np.empty(page.levels, np.uint8)
        rows, values = (
            hybrid.list_rows(
                repeated, defined, leaf.of_list, leaf.of_value, self._filled, starts, nulls
            )
            if is_read
            else (-1, -1)
        )
        if rows < 0:
            raise UnreadableError("levels, or a null in a list")
        return starts[:rows].copy(), nulls[:rows].copy(), values

    def _leave(self, rows: int) -> pa.ListArray:
        """The first ``rows`` rows; what is left begins a new buffer."""
        stop = int(self._starts[rows]) if rows < self._starts.size else self._filled
        if stop > _MOST_VALUES:
            raise UnreadableError("more values than a list array can hold")
        offsets = np.append(self._starts[:rows], stop).astype(np.int32)
        nulls = self._nulls[:rows]
        kind = self._leaf.kind
        values = pa.Array.from_buffers(kind.value_type, stop, [None, self._buffer])
        mask = pa.array(nulls.view(np.bool_)) if nulls.any() else None
        self._move(stop, max(self._filled, self._values.size))
        self._starts, self._nulls = self._starts[rows:] - stop, self._nulls[rows:]
        return pa.ListArray.from_arrays(pa.array(offsets), values, type=kind, mask=mask)

    def _move(self, start: int, size: int) -> None:
        """A new buffer for ``size`` values, with those from ``start`` on."""
        left = self._values[start : self._filled]
        self._buffer, self._values = _room(size, self._leaf.dtype)
        self._values[: left.size] = left
        self._filled = left.size


def _room(size: int, dtype: np.dtype[Any]) -> tuple[pa.Buffer, Ints]:
    """Memory for ``size`` values, from Arrow, whose pool keeps what is given back: fresh pages cost more."""
    buffer = pa.allocate_buffer(size * dtype.itemsize)
    return buffer, np.frombuffer(buffer, dtype)


def _plain(page: Page, count: int, dtype: np.dtype[Any]) -> Ints:
    if count * dtype.itemsize > page.values.size:
        raise UnreadableError("values end early")
    return np.frombuffer(page.values, dtype, count)


def _decode(page: Page, dictionary: Ints | None, into: Ints) -> None:
    """The values of a page."""
    if into.size == 0:
        return
    if page.encoding == DELTA:
        if delta.unpacked(page.values, into) < 0:
            raise UnreadableError("differences")
    elif page.encoding == PLAIN:
        into[:] = _plain(page, into.size, into.dtype)
    elif page.encoding in (DICTIONARY, PLAIN_DICTIONARY) and dictionary is not None:
        _look_up(page, dictionary, into)
    else:
        raise UnreadableError("encoding")


def _look_up(page: Page, dictionary: Ints, into: Ints) -> None:
    """Places in the dictionary, of as many bits as the first byte says."""
    width = int(page.values[0]) if page.values.size else hybrid.WIDEST + 1
    places = np.empty(into.size, np.int32)
    if width > hybrid.WIDEST or not hybrid.numbers(page.values[1:], width, into.size, places):
        raise UnreadableError("places in a dictionary")
    if int(places.max()) >= dictionary.size:
        raise UnreadableError("a place beyond the dictionary")
    np.take(dictionary, places, out=into)
