"""read and measure, and the figures of what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from os import PathLike, fspath
from typing import Any

import numpy as np
import pyarrow as pa

from sgengine.aggregate import (
    INSIDE,
    Activity,
    Aggregator,
    Distribution,
    Gathering,
    Key,
    Section,
    Steady,
    SummarySettings,
    gather_samples,
    only,
    places,
    sections_of,
)
from sgengine.aggregate.spelling import (
    Duration,
    Objectives,
    Share,
    resolve,
    resolve_reader,
    summary_settings,
)
from sgengine.analyze import (
    AnalyzeSettings,
    Fold,
    Measure,
    joined_requests,
    read_part,
    rejects_table,
    table_parts,
    with_parts,
)
from sgengine.api.values import Measured, Summary, Trace
from sgengine.compute import Measured as Tokens
from sgengine.compute import MeasureSettings
from sgengine.errors import UsageError
from sgengine.executors import choose_executor
from sgengine.objectives import DEFAULT_READER, Slo
from sgengine.readers import Batch, ReadOptions, as_table, plan, plan_table
from sgengine.readers import resolve as resolve_inputs
from sgengine.schema import DELIVERIES

_UNBOUNDED = 1 << 62
"""Of memory: what is read is kept, so that there is no use in spilling it."""

Inputs = str | PathLike[str] | Sequence[str | PathLike[str]]


def read(
    inputs: Inputs,
    *,
    format: str | None = None,
    system: str | None = None,
    workload: str | None = None,
    run: str | None = None,
    origin: str | None = None,
    mapping: str | PathLike[str] | None = None,
) -> Trace:
    """Read traces into memory as one DELIVERIES table.

    ``inputs``: files, folders, globs or ``label=PATH``; formats are told by content. ``system``,
    ``workload`` and ``run`` replace what the files say; ``origin`` chooses between the arrivals a file
    offers; ``mapping`` names a TOML file that says how to read a log of one's own (docs/mapping.md).
    For inputs beyond memory use ``sgengine.analyze.analyze``. Raises UsageError for a path that is
    not there, FormatError for a file that is no trace.
    """
    options = ReadOptions(
        format=format,
        system=system,
        workload=workload,
        run=run,
        origin=origin,
        mapping=None if mapping is None else fspath(mapping),
    )
    given = [inputs] if isinstance(inputs, str | PathLike) else list(inputs)
    plans = tuple(
        plan(source, options) for source in resolve_inputs([fspath(i) for i in given], options)
    )
    with ExitStack() as stack:
        settings = AnalyzeSettings(read=options, memory_bytes=_UNBOUNDED)
        plans, parts = with_parts(plans, settings, stack)
        batches = tuple((part.source.path, batch) for part in parts for batch in read_part(part))
    return Trace(deliveries=_joined(batches), plans=plans, batches=batches)


def _joined(batches: Iterable[tuple[str, Batch]]) -> pa.Table:
    found = [batch.deliveries for _, batch in batches if batch.deliveries.num_rows]
    if not found:
        return DELIVERIES.empty()
    return joined_requests(found)


def measure(
    deliveries: Trace | Any,
    *,
    speed: float | None = None,
    first_token: Duration | None = None,
    itl_rule: str = "chunk",
    preset: str | None = None,
    on: str | None = None,
) -> Measured:
    """Measure every request for one reader.

    ``deliveries``: a Trace, or a table of pyarrow, Polars or DuckDB with the columns of DELIVERIES.
    ``speed``: tokens a second (default 5); ``first_token``: how long the reader waits for token 1,
    as text with a unit or in ms (default: one pace). ``on``: ``threads:N`` or ``serial``. Rows that
    break a rule are in ``rejects``, not in ``requests``. Raises FormatError for wrong columns.
    """
    reader = resolve_reader(speed, first_token, preset)
    settings = AnalyzeSettings(
        measure=MeasureSettings(reader=reader, itl_rule=itl_rule),
        summary=SummarySettings(reader=reader, itl_rule=itl_rule),
        executor=choose_executor(on),
    )
    trace = deliveries
    if not isinstance(trace, Trace):
        trace = _trace_of(deliveries, settings)
    work = Measure(settings=settings, keep_requests=True, keep_tokens=True)
    fold = Fold(settings, trace.plans)
    receipts = settings.executor.run(
        lambda item, stop: work.batches([item[1]], item[0], stop), trace.batches
    )
    for (source, _), receipt in zip(trace.batches, receipts, strict=True):
        fold.take(source, receipt, keep_requests=True)
    fold.finish(work.carried)
    assert fold.gaps is not None, "the default settings want GAPS"
    return Measured(
        requests=fold.requests(),
        gaps=fold.gaps.table(),
        rejects=rejects_table(fold.rejects),
        runs=fold.runs(),
        settings=settings.measure,
        stated_ns=fold.ledger.stated_ns(),
        parts=tuple(fold.tokens),
    )


def _trace_of(data: Any, settings: AnalyzeSettings) -> Trace:
    """A table as a trace, in batches of which every worker has its share."""
    table = as_table(data)
    planned = plan_table(table, ReadOptions())
    batches = tuple(
        (part.source.path, batch)
        for part in table_parts(table, planned, settings)
        for batch in read_part(part)
    )
    return Trace(deliveries=table, plans=(planned,), batches=batches)


def with_reader(objectives: Objectives, measured: Measured) -> Objectives:
    """The objectives for the reader that was measured; UsageError if their preset needs another one."""
    reader = measured.settings.reader
    if objectives.preset and objectives.reader not in (DEFAULT_READER, reader):
        raise UsageError(
            f"preset {objectives.preset} has a reader of its own and the trace was measured with "
            f"another: measure with preset='{objectives.preset}'"
        )
    return replace(objectives, reader=reader)


def summarize_measured(
    measured: Measured,
    *,
    by: str | Iterable[str] | None = None,
    goodput: str | Iterable[str] | Slo | None = None,
    alpha: float | None = None,
    penalty: str | None = None,
    unfinished_idle: Duration = 0,
    preset: str | None = None,
    denominator: str = "all",
    population: str = "defined",
    duration: Duration | None = None,
    window: str | None = None,
    trim: str | None = None,
    steady: Share | None = None,
) -> Summary:
    """The figures of METRICS 5 for every group of a measured trace; keywords as for ``summarize``."""
    objectives = resolve(
        alpha=alpha,
        penalty=penalty,
        unfinished_idle=unfinished_idle,
        goodput=goodput,
        preset=preset,
    )
    settings = summary_settings(
        with_reader(objectives, measured),
        by=by,
        denominator=denominator,
        population=population,
        itl_rule=measured.settings.itl_rule,
        duration=duration,
        window=window,
        trim=trim,
        steady=steady,
    )
    windows = _windows(measured, settings)
    unlimited = replace(settings, pool_bytes=2**62, kept_bytes=2**62)
    aggregate = Aggregator(settings=unlimited, sections=windows)
    members = []
    for part in measured.parts:
        mine = part
        if windows is not None:
            inside = places(part.requests, windows) == INSIDE
            aggregate.leave_out(only(part, np.flatnonzero(~inside)).requests)
            mine = only(part, np.flatnonzero(inside))
        aggregate.add(mine.requests, mine)
        members.append(mine)
    groups = aggregate.finish(measured.stated_ns, _itl(aggregate, members))
    return Summary(groups=groups, settings=settings, windows=windows)


def _itl(aggregate: Aggregator, members: Sequence[Tokens]) -> Mapping[Key, Distribution]:
    """Pooled ITL of each group, by further passes over the tokens where the pool did not keep enough."""

    def passed(empty: Gathering) -> Gathering:
        for part in members:
            gather_samples(empty, part.requests, part, aggregate.settings)
        return empty

    return aggregate.pool.search().run(passed)


def _windows(measured: Measured, settings: SummarySettings) -> dict[str, Section] | None:
    """The part of each run that the settings choose, None for all of it."""
    if settings.selection is None:
        return None
    activity = Activity(in_flight=isinstance(settings.selection, Steady), limit_bytes=2**62)
    for part in measured.parts:
        activity.add(part.requests)
    return sections_of(settings.selection, activity)
