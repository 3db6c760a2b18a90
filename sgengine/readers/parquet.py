"""Deliveries in Parquet: partitions are ranges of row groups."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sgengine.readers import arrays, deliveries, parquet_rows, tables
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.parquet_footer import FILES_KNOWN, UnreadableError, footer_bytes
from sgengine.schema import DELIVERIES, LABEL

_PACKED = 8
_WORTH_KERNELS = 1 << 20
"""Bytes of row groups from which on their lists are decoded by kernels, which take 30 ms to load."""
_PIECE_BYTES = 1 << 20
_HAS_RANGES = hasattr(os, "preadv")
_UNCODED = "Not yet implemented"
_MAPPED_BATCHES = 4
"""Row groups of up to so many batches are mapped; pages of a mapped file stay in memory while it is
open, and a row group of 1e8 tokens has 670 MB of them."""


def opened(path: str, streamed: bool = False, **options: Any) -> pq.ParquetFile:
    """The file, mapped into memory or read piece by piece.

    The path is made absolute, for Arrow takes a name like ``12:30.parquet`` for a URI.
    """
    access: dict[str, Any] = {"buffer_size": _PIECE_BYTES} if streamed else {"memory_map": True}
    # Buffered ahead, a column of a row group would be in memory as a whole; what is mapped gains nothing.
    return pq.ParquetFile(Path(path).absolute(), pre_buffer=False, **access, **options)


def names_of(path: str) -> list[str]:
    """The names of the file's columns."""
    with opened(path) as file:
        return list(file.schema_arrow.names)


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Partitions of about ``batch_bytes``, a row group or more each."""
    with opened(source.path) as file:
        schema = file.schema_arrow
        tables.check(source.path, schema)
        pieces = pieces_of(file.metadata, options.batch_bytes)
        arrival = _first_arrival(file) if "arrival_ns" in schema.names else None
    return tables.plan_of(source, options, schema.names, pieces, arrival)


def pieces_of(metadata: pq.FileMetaData, batch_bytes: int) -> list[tables.Piece]:
    """Consecutive row groups, gathered until they hold a fair part of a batch.

    Times pack to a quarter or less, so an eighth of a batch in the file is a good part of one in
    memory; larger pieces would leave workers idle at the end.
    """
    pieces: list[tables.Piece] = []
    start, first, size, row = 0, 1, 0, 1
    for group in range(metadata.num_row_groups):
        size += metadata.row_group(group).total_byte_size
        row += metadata.row_group(group).num_rows
        if size >= batch_bytes // _PACKED or group == metadata.num_row_groups - 1:
            pieces.append(tables.Piece(start=start, stop=group + 1, first_row=first))
            start, first, size = group + 1, row, 0
    return pieces


def _first_arrival(file: pq.ParquetFile) -> int | None:
    for batch in file.iter_batches(columns=["arrival_ns"]):
        found = tables.first_known(batch.column(0))
        if found is not None:
            return found
    return None


def read(partition: Partition) -> BatchIterator:
    """The rows of the partition's row groups, in order, in batches of about ``batch_bytes``."""
    row = partition.first_row
    for rows in _batches(partition):
        rows.validate(full=True)
        places = np.arange(row, row + rows.num_rows, dtype=np.int64)
        row += rows.num_rows
        yield deliveries.conform(rows, partition, places, "row")


def _batches(partition: Partition) -> Iterator[pa.RecordBatch]:
    footer = footer_bytes(partition.path)
    metadata, labels, columns = _said_by(footer, partition.path)
    yield from coded(partial(_decoded, partition, footer, metadata, columns), labels)


def coded(
    read: Callable[[Sequence[str]], Iterator[pa.RecordBatch]], names: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """What ``read`` yields with the columns ``names`` as dictionaries; as texts from where that cannot be.

    Arrow makes no dictionaries of the second version's encodings of text, which DuckDB may write. The
    metadata of columns would say it before, but reading it ends the process if it is damaged.
    """
    done = 0
    try:
        for rows in read(names):
            yield rows
            done += rows.num_rows
        return
    except (OSError, NotImplementedError) as error:
        if not names or _UNCODED not in str(error):
            raise
    yield from _after(done, read(()))


def _after(done: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows behind the first ``done``."""
    for rows in batches:
        if rows.num_rows > done:
            yield rows.slice(done)
        done = max(0, done - rows.num_rows)


def _decoded(
    partition: Partition,
    footer: bytes,
    metadata: pq.FileMetaData,
    columns: parquet_rows.Columns,
    labels: Sequence[str],
) -> Iterator[pa.RecordBatch]:
    """Lists by kernels where that is worth it; from the row on where it cannot be done, all by Arrow."""
    options = {"metadata": metadata, "read_dictionary": list(labels)}
    streamed = is_huge(metadata, partition)
    done = 0
    try:
        if _HAS_RANGES and stored_bytes(metadata, partition) >= _WORTH_KERNELS:
            with opened(partition.path, streamed, **options) as file:
                for rows in parquet_rows.batches(
                    file, partition, footer, columns, streamed=streamed
                ):
                    yield rows
                    done += rows.num_rows
            return
    except (UnreadableError, MemoryError):
        pass  # a damaged header may state any size
    with opened(partition.path, streamed, **options) as file:
        yield from _after(done, _by_arrow(file, partition))


@lru_cache(maxsize=FILES_KNOWN)
def _said_by(_footer: bytes, path: str) -> tuple[pq.FileMetaData, list[str], parquet_rows.Columns]:
    """The metadata, which columns are labels, and which are lists for kernels.

    Kept, for the footer is read for each partition: 0.7 ms of 50 row groups. Known by all its bytes, so
    that a file that is written anew is another.
    """
    with opened(path) as file:
        return file.metadata, _labels(file.schema_arrow), parquet_rows.columns_of(file)


def _by_arrow(file: pq.ParquetFile, partition: Partition) -> Iterator[pa.RecordBatch]:
    groups = range(partition.start, partition.stop)
    size = parquet_rows.batch_rows(file, partition)
    # One thread: the executor owns parallelism, a partition a worker.
    yield from file.iter_batches(size, list(groups), use_threads=False)


def is_huge(metadata: pq.FileMetaData, partition: Partition) -> bool:
    """Whether the row groups of a partition are too large to be mapped."""
    return stored_bytes(metadata, partition) > _MAPPED_BATCHES * partition.batch_bytes


def stored_bytes(metadata: pq.FileMetaData, partition: Partition) -> int:
    """Bytes of the partition's row groups before compression."""
    groups = range(partition.start, partition.stop)
    return int(sum(metadata.row_group(group).total_byte_size for group in groups))


def _labels(schema: pa.Schema) -> list[str]:
    """Few names repeat over many rows: as dictionaries they are never spelled out in memory."""
    return [
        field.name
        for field in schema
        if arrays.is_string(field.type)
        and field.name in DELIVERIES.names
        and DELIVERIES.column(field.name).type == LABEL
    ]
