"""What the Parquet and Arrow IPC readers share: checks, names, and the plan of a table file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from sgengine.readers import deliveries
from sgengine.readers.base import Partition, ReadOptions, RunFacts, Source, SourcePlan
from sgengine.readers.names import Names, names
from sgengine.schema import DELIVERIES


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A range of a file, in the units of its format, and the number of its first row."""

    start: int
    stop: int
    first_row: int


def check(path: str, schema: pa.Schema) -> None:
    """Raise ``FormatError`` unless the columns are those of a deliveries table."""
    if schema.equals(DELIVERIES.schema()):
        return
    deliveries.check_columns(path, schema.names)
    deliveries.check_types(path, schema)


def first_known(column: pa.Array) -> int | None:
    """The first value that is not null."""
    known = column if column.null_count == 0 else pc.drop_null(column)
    return int(known[0].as_py()) if len(known) else None


def plan_of(
    source: Source,
    options: ReadOptions,
    columns: Sequence[str],
    pieces: Sequence[Piece],
    first_arrival: int | None,
    details: tuple[tuple[str, str], ...] = (),
    notes: tuple[str, ...] = (),
) -> SourcePlan:
    """The plan of a canonical file with these columns, cut into these pieces."""
    called = names(source, options)
    clock = deliveries.clock_of(first_arrival)
    origin = deliveries.origin_of(source, options)
    partitions = tuple(
        Partition(
            source=source,
            index=index,
            start=piece.start,
            stop=piece.stop,
            first_row=piece.first_row,
            run=called.run,
            system=called.system,
            workload=called.workload,
            forced=called.forced,
            clock=clock,
            origin=origin,
            batch_bytes=options.batch_bytes,
            details=details,
        )
        for index, piece in enumerate(pieces)
    )
    own_runs = "run" in columns and "run" not in called.forced
    facts = () if own_runs else (facts_of(source, called, clock, origin, notes),)
    return SourcePlan(
        source=source,
        partitions=partitions,
        facts=facts,
    )


def facts_of(
    source: Source, called: Names, clock: str, origin: str, notes: tuple[str, ...]
) -> RunFacts:
    """What is said of the one run of a source whose rows do not name theirs."""
    return RunFacts(
        run=called.run,
        system=called.system,
        workload=called.workload,
        format=source.format,
        clock=clock,
        origin=origin,
        notes=notes,
    )
