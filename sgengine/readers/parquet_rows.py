"""Rows of Parquet row groups: their lists by kernels, all other columns by Arrow, side by side."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from sgengine.readers.base import Partition
from sgengine.readers.parquet_footer import Chunk, UnreadableError, footer_of
from sgengine.readers.parquet_lists import Leaf, ListColumn, leaf_of
from sgengine.readers.parquet_pages import Ranges
from sgengine.schema import DELIVERIES

LISTS = ("chunk_times_ns", "chunk_tokens")
_SAMPLE_ROWS = 64
_EACH = 16
"""Bytes of a declared column: numbers of 8, codes of 4, and an id or an error now and then."""
_PAGE_BYTES = 5 << 18
"""Of a page and a fourth more: Arrow, and most who write, end one at a MiB."""
_SHARES = 8
"""A batch may be larger than ``batch_bytes`` by a share of so many, if that saves one: a small rest costs
Python as much as a batch, and a row group of 20,000 requests was cut into 18,200 and 1,800."""
_UNEVEN = 2
"""Rows are counted by their mean size; a batch of longer ones ends at so many times its bytes."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """All columns of a file in order, and ``leaves``, by name: the lists that are decoded here."""

    names: list[str]
    leaves: dict[str, Leaf]


def columns_of(file: pq.ParquetFile) -> Columns:
    """What the schema says: 0.15 ms, so it is asked once a file."""
    names = file.schema_arrow.names
    found = {name: leaf_of(file, name) for name in LISTS if name in names}
    leaves = {name: leaf for name, leaf in found.items() if leaf is not None}
    return Columns(names=names, leaves=leaves)


def batches(
    file: pq.ParquetFile, partition: Partition, footer: bytes, columns: Columns, *, streamed: bool
) -> Iterator[pa.RecordBatch]:
    """The rows of a partition of ``file``, in order, in batches of about ``batch_bytes``.

    ``footer``: its bytes (footer_bytes). ``columns``: of the file. ``streamed``: lists are read piece by
    piece, not mapped. Raises UnreadableError, at whatever row, for lists that are left to Arrow.
    """
    names, leaves = columns.names, columns.leaves
    if not leaves:
        raise UnreadableError("no list")
    rest = [name for name in names if name not in leaves]
    groups = list(range(partition.start, partition.stop))
    with _descriptor(partition.path) as descriptor:
        stored = footer_of(footer, file.metadata.num_columns)
        wanted = {name: stored.chunks(leaf.index, groups) for name, leaf in leaves.items()}
        means = {name: _mean(wanted[name]) for name in leaves}
        listed = sum(means[name] * leaf.dtype.itemsize for name, leaf in leaves.items())
        size = batch_rows(file, partition, _unknown(rest), int(listed) + _EACH * len(rest))
        lists = {
            name: ListColumn(
                Ranges(descriptor, streamed=streamed),
                wanted[name],
                leaf,
                room=int(size * means[name]) + _page(wanted[name]),
            )
            for name, leaf in leaves.items()
        }
        others = _Rows(file.iter_batches(size, groups, rest, use_threads=False))
        most = max(1, _UNEVEN * partition.batch_bytes // 8)
        yield from _joined(names, lists, others, size, most)


def _joined(
    names: Sequence[str], lists: dict[str, ListColumn], others: _Rows, size: int, most: int
) -> Iterator[pa.RecordBatch]:
    first, *more = lists
    while len(leading := lists[first].take(size, most)):
        made = {first: leading, **{name: lists[name].take(len(leading)) for name in more}}
        if any(len(column) != len(leading) for column in made.values()):
            raise UnreadableError("columns of different lengths")
        if len(made) < len(names):
            rest = others.take(len(leading))
            made |= dict(zip(rest.schema.names, rest.columns, strict=True))
        yield pa.RecordBatch.from_arrays([made[name] for name in names], names=list(names))


class _Rows:
    """Record batches cut anew: so many rows at a time."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._held: list[pa.RecordBatch] = []

    def take(self, rows: int) -> pa.RecordBatch:
        """The next ``rows`` rows, without a copy where they lie in one batch."""
        taken: list[pa.RecordBatch] = []
        while rows > 0:
            batch = self._held.pop() if self._held else next(self._batches, None)
            if batch is None:
                raise UnreadableError("columns of different lengths")
            taken.append(batch.slice(0, rows))
            if batch.num_rows > rows:
                self._held.append(batch.slice(rows))
            rows -= taken[-1].num_rows
        if len(taken) == 1:
            return taken[0]
        whole = pa.Table.from_batches(taken).unify_dictionaries().combine_chunks().to_batches()
        if len(whole) != 1:
            raise UnreadableError("texts that do not fit one array")
        return whole[0]


def batch_rows(
    file: pq.ParquetFile,
    partition: Partition,
    columns: Sequence[str] | None = None,
    others: int = 0,
) -> int:
    """Rows that take about the partition's ``batch_bytes``: of these columns, and of ``others`` bytes a row.

    As many in each batch, so that none is a small rest. Stored bytes a row are a lower bound only, for
    encodings pack well, so a few rows are tried. (The metadata of single columns would say more, but
    reading it ends the process in pyarrow 26 if it is damaged.)
    """
    groups = list(range(partition.start, partition.stop))
    found = [file.metadata.row_group(group) for group in groups]
    rows: int = max(1, sum(group.num_rows for group in found))
    stored = sum(group.total_byte_size for group in found) // rows
    decoded = 0
    if columns is None or columns:
        tried = next(file.iter_batches(_SAMPLE_ROWS, groups, columns, use_threads=False), None)
        decoded = tried.nbytes // tried.num_rows if tried else 0
    each: int = max(stored, decoded + others, 1)
    count = -(-rows * each * _SHARES // (partition.batch_bytes * (_SHARES + 1)))
    return int(-(-rows // max(count, 1)))


def _unknown(names: Sequence[str]) -> list[str]:
    """Columns of any width: a few of their rows have to be tried, which took 0.3 ns a token."""
    return [name for name in names if name not in DELIVERIES.names]


def _mean(column: Sequence[Chunk]) -> float:
    """Values a row."""
    return sum(chunk.levels for chunk in column) / max(1, sum(chunk.rows for chunk in column))


def _page(column: Sequence[Chunk]) -> int:
    """Values of a page: buffers of twice what is needed stay in memory when they are given back."""
    levels = sum(chunk.levels for chunk in column)
    stored = sum(chunk.raw_size for chunk in column)
    return min(levels, levels * _PAGE_BYTES // max(stored, 1))


@contextmanager
def _descriptor(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        yield descriptor
    finally:
        os.close(descriptor)
