"""Event logs in Parquet and Arrow IPC: partitions are those of tables of deliveries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from sgengine.readers import (
    arrays,
    event_times,
    events,
    ipc,
    parquet,
    parquet_rows,
    tables,
)
from sgengine.readers.base import Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.events import EventBatch
from sgengine.readers.faults import one_line

ROWS = "rows"
"""The detail of a partition that says how many rows its whole file has."""


def plan_parquet(source: Source, options: ReadOptions) -> SourcePlan:
    """Partitions of about ``batch_bytes``, a row group or more each."""
    with parquet.opened(source.path) as file:
        schema = file.schema_arrow
        events.check(source.path, schema)
        pieces = parquet.pieces_of(file.metadata, options.batch_bytes)
        rows = file.metadata.num_rows
        time = event_times.time_name(schema.names)
        first = next(file.iter_batches(batch_size=1, columns=[time]), None)
    return _plan(source, options, schema, pieces, rows, first)


def plan_ipc(source: Source, options: ReadOptions) -> SourcePlan:
    """Partitions of a record batch or more each; a stream is one, for it has no index."""
    with ipc.opened(source.path) as reader:
        schema = reader.schema
    events.check(source.path, schema)
    time = event_times.time_name(schema.names)
    found = ipc.surveyed(source.path, options, schema, time, _first_row)
    pieces = ipc.pieces_of(source, found.counts, options)
    return _plan(source, options, schema, pieces, sum(found.counts), found.first)


def _first_row(batch: pa.RecordBatch) -> pa.RecordBatch | None:
    return batch.slice(0, 1) if batch.num_rows else None


def _plan(
    source: Source,
    options: ReadOptions,
    schema: pa.Schema,
    pieces: list[tables.Piece],
    rows: int,
    first: pa.RecordBatch | None,
) -> SourcePlan:
    ids = events.ids_of(schema.field("request_id").type)
    notes = tuple(
        f"Left out, for they are no scalars or have reserved names: {one_line(', '.join(names), 120)}."
        for names in [events.left_out(list(schema))]
        if names
    )
    return tables.plan_of(
        source,
        options,
        schema.names,
        pieces,
        _first_time(first),
        details=((events.IDS, ids), (ROWS, str(rows))),
        notes=notes,
    )


def _first_time(first: pa.RecordBatch | None) -> int | None:
    """The first event's time, which tells the clock."""
    if first is None or first.num_rows == 0:
        return None
    times, bad = event_times.times_of(first.schema.names[0], first.column(0))
    return None if bad is not None else int(times[0].as_py())


def read_parquet(partition: Partition) -> Iterator[EventBatch]:
    """The events of the partition's row groups, in order, in batches of about ``batch_bytes``."""
    with parquet.opened(partition.path) as file:
        schema = file.schema_arrow
        # Asked while texts are plain: a dictionary weighs as much as all the rows that share it.
        size = parquet_rows.batch_rows(file, partition)
        streamed = parquet.is_huge(file.metadata, partition)
    repeated = [i.name for i in schema if arrays.is_string(i.type) and i.name in _REPEATED]

    def decoded(names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        groups = list(range(partition.start, partition.stop))
        with parquet.opened(partition.path, streamed, read_dictionary=list(names)) as file:
            yield from file.iter_batches(size, row_groups=groups, use_threads=False)

    row = partition.first_row
    for rows in parquet.coded(decoded, repeated):
        rows.validate(full=True)
        yield _conformed(rows, partition, row)
        row += rows.num_rows


_REPEATED = ("run", "request_id", "event", "status")


def read_ipc(partition: Partition) -> Iterator[EventBatch]:
    """The events of the partition's record batches, in order, in slices of about ``batch_bytes``."""
    row = partition.first_row
    for rows in ipc.rows_of(partition, partition.batch_bytes):
        yield _conformed(rows, partition, row)
        row += rows.num_rows


def _conformed(rows: pa.RecordBatch, partition: Partition, first: int) -> EventBatch:
    places = np.arange(first, first + rows.num_rows, dtype=np.int64)
    return events.conform(rows, partition, places, "row")
