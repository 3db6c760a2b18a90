"""Deliveries that are in memory already: an Arrow table, or whatever offers one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from sgengine.errors import UsageError
from sgengine.readers import deliveries, ipc, tables
from sgengine.readers.base import Batch, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.names import names

NAME = "table"
"""What stands for the source's path, and for its system and run where the rows do not say."""

_IN_PLACE = 2
"""Times ``batch_bytes`` of tokens that a batch should have, as they are in memory anyway: 20,000 requests of
200 tokens took 13 ms in one batch, and 15 in two."""


def as_table(data: Any) -> pa.Table:
    """An Arrow table of ``data``: a table, batch or reader of pyarrow, Polars, DuckDB, pandas, ...

    Raises UsageError for what does not speak Arrow's stream protocol.
    """
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if hasattr(data, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(data).read_all()
    raise UsageError(
        f"the deliveries are a {type(data).__name__}: give paths to sgengine.read, or a table of "
        "pyarrow, Polars or DuckDB"
    )


def plan_table(table: pa.Table, options: ReadOptions) -> SourcePlan:
    """The plan of a table: one partition, and facts unless its rows name their runs.

    Raises FormatError if its columns are not those of deliveries.
    """
    source = Source(path=NAME, format="deliveries-table", name=NAME)
    tables.check(NAME, table.schema)
    known = tables.first_known(table["arrival_ns"]) if "arrival_ns" in table.column_names else None
    called = names(source, options)
    clock, origin = deliveries.clock_of(known), deliveries.origin_of(source, options)
    partition = Partition(
        source=source,
        index=0,
        start=0,
        stop=table.num_rows,
        run=called.run,
        system=called.system,
        workload=called.workload,
        forced=called.forced,
        clock=clock,
        origin=origin,
        batch_bytes=options.batch_bytes,
    )
    own_runs = "run" in table.column_names and "run" not in called.forced
    facts = () if own_runs else (tables.facts_of(source, called, clock, origin, ()),)
    return SourcePlan(source=source, partitions=(partition,), facts=facts)


def slices_of(table: pa.Table, count: int, least_bytes: int) -> Iterator[tuple[int, pa.Table]]:
    """The table in ``count`` slices of equally many rows, fewer if each had less than ``least_bytes``.

    Each with the number of its first row, from 1.
    """
    is_worth = count > 1 and _is_beyond(table, 2 * least_bytes - 1)
    count = max(1, min(count, table.nbytes // least_bytes)) if is_worth else 1
    size = max(1, -(-table.num_rows // count))
    for start in range(0, table.num_rows, size):
        yield start + 1, table.slice(start, size)


def _is_beyond(table: pa.Table, limit: int) -> bool:
    """Whether a table may take more bytes; at a glance, for what its rows take is found in 0.1 ms."""
    return bool(table.get_total_buffer_size() > limit)


def batches_of(table: pa.Table, partition: Partition, first_row: int = 1) -> Iterator[Batch]:
    """The rows of ``table`` as batches of deliveries, zero-copy where types match.

    A batch holds about ``_IN_PLACE`` times ``partition.batch_bytes`` of tokens; chunks of the table are not
    joined. ``first_row``: the number of the first row, where the table is a part of one.
    """
    limit = _IN_PLACE * partition.batch_bytes
    batches: Iterable[pa.RecordBatch] = table.to_batches()
    if _is_beyond(table, limit):
        batches = (rows for chunk in batches for rows in ipc.slices(chunk, limit))
    row = first_row
    for rows in batches:
        places = np.arange(row, row + rows.num_rows, dtype=np.int64)
        row += rows.num_rows
        yield deliveries.conform(rows, partition, places, "row")
