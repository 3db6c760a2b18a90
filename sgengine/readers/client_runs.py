"""What readers of files that hold whole runs of a client share: the plan, a partition a run; its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sgengine.errors import DataError
from sgengine.readers.base import Partition, ReadOptions, RunFacts, Source, SourcePlan
from sgengine.readers.names import names
from sgengine.readers.python_json import Decimal, Span, finite
from sgengine.readers.request_rows import ROW_FAULTS, Outcome, RequestRow, rejected
from sgengine.readers.seconds import NANOS

WORD = "request"
"""What the places of such a file number."""

_DURATION_MAX_S = 2.0**33
_ROW_BYTES = 256
_CHUNK_BYTES = 12

NO_ARRIVALS = "The file has no start times: arrivals are unknown."


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a client's file says of one run as a whole; ``None`` where it is silent.

    ``origins`` are the arrivals the file offers, the usual one first; none if it has none.
    """

    client: str
    system: str | None = None
    workload: str | None = None
    clock: str = "none"
    origins: tuple[str, ...] = ()
    request_rate: float | None = None
    duration_ns: int | None = None
    notes: tuple[str, ...] = ()


class Planned(NamedTuple):
    """A run's only partition and its facts."""

    partition: Partition
    facts: RunFacts


def planned(
    source: Source,
    options: ReadOptions,
    run: Run,
    span: Span,
    *,
    index: int = 0,
    suffix: str = "",
    first_row: int = 1,
) -> Planned:
    """The partition of a run at ``span`` and its facts. ``suffix`` tells runs of one file apart.

    Raises ``DataError`` if the file does not have the arrivals that ``options`` ask for.
    """
    called = names(source, options, system=run.system, suffix=suffix)
    partition = Partition(
        source=source,
        index=index,
        start=span.start,
        stop=span.stop,
        first_row=first_row,
        run=called.run,
        system=called.system,
        workload=options.workload or run.workload or called.workload,
        forced=called.forced,
        clock=run.clock,
        origin=_origin(source.path, run, options.origin),
        batch_bytes=options.batch_bytes,
    )
    return Planned(partition, _facts(partition, run))


def _origin(path: str, run: Run, wanted: str | None) -> str:
    offered = run.origins or ("sent",)
    if wanted is not None and wanted not in offered:
        raise DataError(
            f"{path} has no {wanted} times, its times count from {' or '.join(offered)}; leave "
            "--origin out"
        )
    return wanted or offered[0]


def _facts(partition: Partition, run: Run) -> RunFacts:
    return RunFacts(
        run=partition.run,
        system=partition.system,
        workload=partition.workload,
        format=partition.source.format,
        clock=partition.clock,
        origin=partition.origin,
        client_version=run.client,
        request_rate=run.request_rate,
        stated_duration_ns=run.duration_ns,
        notes=run.notes,
    )


def plan_of(source: Source, runs: Sequence[Planned]) -> SourcePlan:
    """The plan of a source with these runs."""
    return SourcePlan(
        source=source,
        partitions=tuple(run.partition for run in runs),
        facts=tuple(run.facts for run in runs),
    )


def duration_ns(seconds: Decimal) -> int | None:
    """A stated duration in ns; ``None`` where it is not stated or makes no sense."""
    found = finite(seconds)
    return None if found is None or not 0 <= found < _DURATION_MAX_S else round(found * NANOS)


def rate(value: Decimal) -> float | None:
    """A stated rate in requests/s; ``None`` for infinite ones (a closed loop, a burst) and others."""
    found = finite(value)
    return found if found is not None and found > 0 else None


def outcomes(run: str, count: int, make: Callable[[int], RequestRow]) -> Iterator[Outcome]:
    """What ``make`` makes of each of ``count`` requests, by index from 0; what it refuses is a reject."""
    for index in range(count):
        try:
            row = make(index)
        except ROW_FAULTS as error:
            yield Outcome(rejected(run, f"{WORD} {index + 1}", error), _ROW_BYTES)
        else:
            chunks = 0 if row.times is None else len(row.times)
            yield Outcome(row, _ROW_BYTES + _CHUNK_BYTES * chunks)
