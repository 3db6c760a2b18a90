"""Deliveries in Arrow IPC, file or stream, mapped into memory: partitions are record batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from sgengine.readers import deliveries, ipc_sizes, tables
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.files import head
from sgengine.readers.ipc_sizes import FILE_MAGIC

_SHARES = 8
"""A slice may be larger than ``batch_bytes`` by a share of so many."""


def names_of(path: str) -> list[str]:
    """The names of the file's columns."""
    with opened(path) as reader:
        return list(reader.schema.names)


@contextmanager
def opened(path: str, only: list[int] | None = None) -> Iterator[pa.RecordBatchReader]:
    """A reader of the file or stream; ``only`` these columns are decompressed."""
    options = pa.ipc.IpcReadOptions(included_fields=only)
    is_file = head(path, len(FILE_MAGIC)) == FILE_MAGIC
    make = pa.ipc.open_file if is_file else pa.ipc.open_stream
    with pa.memory_map(path) as mapped, make(mapped, options=options) as reader:
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
    ipc_sizes.check(source.path, options.block_bytes)
    arrival = "arrival_ns" if "arrival_ns" in schema.names else schema.names[0]
    first: int | None = None
    counts: list[int] = []
    with opened(source.path, [schema.get_field_index(arrival)]) as reader:
        for batch in every(reader):
            counts.append(batch.num_rows)
            if first is None and arrival == "arrival_ns":
                first = tables.first_known(valid(batch).column(0))
    return tables.plan_of(source, options, schema.names, pieces_of(source, counts, options), first)


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
    with pa.memory_map(source.path) as mapped:
        each = max(1, options.batch_bytes * len(counts) // max(mapped.size(), 1))
    before = np.concatenate([[1], 1 + np.cumsum(counts, dtype=np.int64)])
    return [
        tables.Piece(start=start, stop=min(start + each, len(counts)), first_row=int(before[start]))
        for start in range(0, len(counts), each)
    ]


def read(partition: Partition) -> BatchIterator:
    """The rows of the partition's record batches, in order, in slices of about ``batch_bytes``."""
    row = partition.first_row
    with opened(partition.path) as reader:
        for batch in batches(reader, partition.start, partition.stop):
            for rows in slices(valid(batch), partition.batch_bytes):
                places = np.arange(row, row + rows.num_rows, dtype=np.int64)
                row += rows.num_rows
                yield deliveries.conform(rows, partition, places, "row")


def slices(batch: pa.RecordBatch, batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """The batch in slices of about ``batch_bytes``, all alike: a small rest costs as much as a batch."""
    rows = batch.num_rows
    count = max(1, -(-batch.nbytes * _SHARES // (batch_bytes * (_SHARES + 1))))
    size = max(1, -(-rows // count))
    return (batch.slice(start, size) for start in range(0, rows, size))
