"""Deliveries in Arrow IPC, file or stream, mapped into memory: partitions are record batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from sgengine.readers import deliveries, ipc_files, ipc_rows, ipc_sizes, tables
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.files import head
from sgengine.readers.ipc_sizes import FILE_MAGIC

Found = TypeVar("Found")

_SHARES = 8
"""A slice may be larger than it should be by a share of so many."""

_MAPPED = 2
"""Times ``batch_bytes`` that a slice should have: its tokens stay where the file is mapped. Half as large
ones took a tenth longer to figures, for Python does as much for each batch, one worker at a time."""


_JOINED = 4 << 20
"""Bytes that small record batches are joined to. Of 2,000 batches of 50 requests each took 0.8 ms by itself."""


def names_of(path: str) -> list[str]:
    """The names of the file's columns."""
    with opened(path) as reader:
        return list(reader.schema.names)


@contextmanager
def opened(path: str, only: list[int] | None = None) -> Iterator[pa.RecordBatchReader]:
    """A reader of the file or stream; ``only`` these columns are decompressed."""
    options = pa.ipc.IpcReadOptions(included_fields=only)
    with pa.memory_map(path) as mapped, ipc_files.reader_of(mapped, options) as reader:
        yield reader


def batches(reader: pa.RecordBatchReader, start: int, stop: int) -> Iterator[pa.RecordBatch]:
    """Record batches ``start`` to ``stop``; a stream is read from its beginning."""
    if isinstance(reader, pa.RecordBatchFileReader):
        yield from (reader.get_batch(index) for index in range(start, stop))
        return
    for index, batch in enumerate(reader):
        if start <= index < stop:
            yield batch


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Partitions of a record batch or more each; a stream is one, for it has no index."""
    with opened(source.path) as reader:
        schema = reader.schema
    tables.check(source.path, schema)
    found = surveyed(source.path, options, schema, "arrival_ns", _first_known)
    return tables.plan_of(
        source, options, schema.names, pieces_of(source, found.counts, options), found.first
    )


def _first_known(batch: pa.RecordBatch) -> int | None:
    return tables.first_known(batch.column(0))


class Survey(NamedTuple, Generic[Found]):
    """Rows of each record batch of a file, and what was looked for in a column."""

    counts: list[int]
    first: Found | None


def surveyed(
    path: str,
    options: ReadOptions,
    schema: pa.Schema,
    name: str | None,
    look: Callable[[pa.RecordBatch], Found | None],
) -> Survey[Found]:
    """What ``look`` finds in the first batch where it finds anything; no other column is decompressed.

    Raises ``DataError`` for a batch that is compressed and too large.
    """
    known = ipc_rows.rows_of(path)
    if known is None:
        ipc_sizes.check(path, options.block_bytes)
    is_there = name in schema.names
    counts: list[int] = []
    first: Found | None = None
    with opened(path, [schema.get_field_index(name) if is_there else 0]) as reader:
        for batch in every(reader):
            counts.append(batch.num_rows)
            if is_there and first is None:
                first = look(valid(batch))
            if known is not None and (first is not None or not is_there):
                break
    return Survey(counts if known is None else known, first)


def every(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """All record batches."""
    count = getattr(reader, "num_record_batches", None)
    return iter(reader) if count is None else batches(reader, 0, count)


def valid(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch, once its offsets, indices and texts are known to stay within their buffers."""
    batch.validate(full=True)
    return batch


def pieces_of(source: Source, counts: list[int], options: ReadOptions) -> list[tables.Piece]:
    """Consecutive record batches, gathered until their share of the file reaches a batch's size."""
    if head(source.path, len(FILE_MAGIC)) != FILE_MAGIC:
        return [tables.Piece(start=0, stop=len(counts), first_row=1)] if counts else []
    size = Path(source.path).stat().st_size
    each = max(1, options.batch_bytes * len(counts) // max(size, 1))
    before = np.concatenate([[1], 1 + np.cumsum(counts, dtype=np.int64)])
    return [
        tables.Piece(start=start, stop=min(start + each, len(counts)), first_row=int(before[start]))
        for start in range(0, len(counts), each)
    ]


def read(partition: Partition) -> BatchIterator:
    """The rows of the partition's record batches, in order, in slices of some ``batch_bytes``."""
    row = partition.first_row
    for rows in rows_of(partition, _MAPPED * partition.batch_bytes):
        places = np.arange(row, row + rows.num_rows, dtype=np.int64)
        row += rows.num_rows
        yield deliveries.conform(rows, partition, places, "row")


def rows_of(partition: Partition, nbytes: int) -> Iterator[pa.RecordBatch]:
    """The rows of the partition's record batches, in order and valid, in slices of about ``nbytes``."""
    with ipc_files.lent(partition.path) as file:
        found = (valid(batch) for batch in batches(file.reader, partition.start, partition.stop))
        for batch in joined(found, min(nbytes, _JOINED)):
            for rows in slices(batch, nbytes):
                yield rows
                del rows
                file.forget()
            del batch


def joined(found: Iterable[pa.RecordBatch], nbytes: int) -> Iterator[pa.RecordBatch]:
    """The batches in order; consecutive ones of less than a quarter of ``nbytes`` are copied to one of about that."""
    small: list[pa.RecordBatch] = []
    size = 0
    for batch in found:
        taken = batch.get_total_buffer_size()
        is_small = 4 * taken < nbytes
        if is_small:
            small.append(batch)
            size += taken
        if not is_small or size >= nbytes:
            yield from _one(small)
            small, size = [], 0
        if not is_small:
            yield batch
    yield from _one(small)


def _one(small: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """The batches as one, but for those that Arrow cannot join: dictionaries that have nulls, for one."""
    try:
        return [pa.concat_batches(small)] if len(small) > 1 else small
    except pa.ArrowException:
        return small


def slices(batch: pa.RecordBatch, nbytes: int) -> Iterator[pa.RecordBatch]:
    """The batch in slices of about ``nbytes``, all alike: a small rest costs as much as a batch."""
    rows = batch.num_rows
    # What buffers take is found in 4 us, what rows take of them in 80.
    if rows and batch.get_total_buffer_size() * _SHARES <= nbytes * (_SHARES + 1):
        return iter((batch,))
    count = max(1, -(-batch.nbytes * _SHARES // (nbytes * (_SHARES + 1))))
    size = max(1, -(-rows // count))
    return (batch.slice(start, size) for start in range(0, rows, size))
