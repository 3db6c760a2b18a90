"""``audit``: every figure of a trace before and after operations that keep T and R (METRICS 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sgengine.aggregate import INSIDE, Focus, Key, only, places
from sgengine.analyze import (
    Analysis,
    AnalyzeSettings,
    Fold,
    Loaded,
    Measure,
    Part,
    Passes,
    Progress,
    Receipt,
    analysis_of,
    bounded,
    plan_sources,
    read_part,
    with_parts,
)
from sgengine.audit.break_even import BreakEven, break_even
from sgengine.audit.change import change
from sgengine.audit.effects import Effects, EffectTable
from sgengine.audit.operations import Operation
from sgengine.compute import Measured
from sgengine.errors import UsageError
from sgengine.executors import Stop
from sgengine.readers import Batch, ReadOptions, SourcePlan, as_table, batches_of, plan_table
from sgengine.schema import REQUESTS

Figures = dict[str, object]

_KEPT = (
    "run",
    "request_id",
    "system",
    "workload",
    "clock",
    "origin",
    "timing",
    "arrival_ns",
    "n_input_tokens",
    "reader_first_ns",
    "reader_pace_ns",
)
"""Columns of REQUESTS that no operation changes."""


@dataclass(frozen=True, kw_only=True)
class AuditedGroup:
    """One group: its ``by`` columns, its figures ``before`` and ``after``, and what was done to it."""

    key: dict[str, object]
    before: Figures
    after: Figures
    effects: Effects
    break_even: BreakEven

    @property
    def change(self) -> Figures:
        """Every figure after less before, nested as they are; None where either is undefined."""
        return _difference(self.before, self.after)


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> Figures:
    found: Figures = {}
    for name, old in before.items():
        new = after[name]
        if isinstance(old, Mapping):
            found[name] = _difference(old, new)
        elif not isinstance(old, str | list | bool) and not isinstance(new, str | list | bool):
            found[name] = None if old is None or new is None else new - old
    return found


@dataclass(frozen=True, kw_only=True)
class Audited:
    """The outcome of an audit; ``analysis`` is that of the trace as it is."""

    operations: tuple[Operation, ...]
    analysis: Analysis
    groups: tuple[AuditedGroup, ...]


def audit(
    inputs: Sequence[str],
    operations: Sequence[Operation],
    settings: AnalyzeSettings | None = None,
    *,
    progress: Progress | None = None,
) -> Audited:
    """Measure ``inputs`` (files, folders, globs, ``label=PATH``) as they are and after ``operations``.

    Without an SLO in the settings it is that of the first operation. T and its source are those of the
    trace as it is. One pass over the inputs, in the memory of the settings; ITL percentiles may take
    more. Raises UsageError for a wrong call, DataError if nothing could be read.
    """
    settings = _settings(settings or AnalyzeSettings(), operations)
    plans, skipped, failures = plan_sources(inputs, settings)
    with ExitStack() as stack:
        plans, parts = with_parts(plans, settings, stack)
        both = _Both(settings, plans, parts, tuple(operations), progress)
        before, after = both.figures()
    analysis = analysis_of(both.before, before, skipped, failures)
    return _audited(both, analysis, before, after)


def audit_table(
    deliveries: Any, operations: Sequence[Operation], settings: AnalyzeSettings | None = None
) -> Audited:
    """The same of deliveries in memory: a table of pyarrow, Polars or DuckDB with their columns."""
    settings = _settings(settings or AnalyzeSettings(), operations)
    table = as_table(deliveries)
    plan = plan_table(table, ReadOptions(batch_bytes=settings.batch_bytes))
    (partition,) = plan.partitions
    part = Loaded(source=plan.source, loaded=tuple(batches_of(table, partition)))
    both = _Both(settings, (plan,), [part], tuple(operations), None)
    before, after = both.figures()
    return _audited(both, analysis_of(both.before, before, (), ()), before, after)


def _settings(settings: AnalyzeSettings, operations: Sequence[Operation]) -> AnalyzeSettings:
    """The settings with an SLO, and with their memory handed out to both sides of the audit."""
    if not operations:
        raise UsageError("the audit has no operation: give delay, abandon, or both in their order")
    for name in settings.summary.by:
        if name in REQUESTS.names and name not in _KEPT:
            raise UsageError(f"by names {name}, which an audit may change: group by what it keeps")
    measure = settings.measure
    if settings.summary.slo is None:
        slo = operations[0].slo
        settings = replace(settings, summary=replace(settings.summary, slo=slo))
        # A pace clause of another reader than the measured one is decided by the envelopes.
        measure = replace(measure, envelopes=measure.envelopes or slo.pace is not None)
    settings = bounded(replace(settings, measure=replace(measure, gaps=False)))
    summary = settings.summary
    halved = replace(
        summary, pool_bytes=summary.pool_bytes // 2, kept_bytes=summary.kept_bytes // 2
    )
    return replace(settings, summary=halved)


@dataclass(frozen=True, kw_only=True)
class _Left:
    """What is left of a part: a receipt of each side, and the effects."""

    before: Receipt
    after: Receipt
    effects: EffectTable


@dataclass(frozen=True, kw_only=True)
class _MeasureBoth:
    """Measures partitions as they are and after the operations."""

    measure: Measure
    operations: tuple[Operation, ...]
    seen_after: dict[Key, Focus] = field(default_factory=dict)
    """Where percentiles lie after the operations, which is not where they were before."""

    def empty(self) -> EffectTable:
        """Effects of nothing yet."""
        summary = self.measure.settings.summary
        return EffectTable(by=summary.by, benefit=summary.benefit)

    def __call__(self, part: Part, stop: Stop) -> _Left:
        """Read, change and measure one partition, a batch at a time."""
        before, after = (self.measure.start(seen) for seen in (self.measure.seen, self.seen_after))
        found = _Left(before=before, after=after, effects=self.empty())
        for batch in read_part(part):
            stop.check()
            self._take(batch, part.source.path, found)
        for side in (before, after):
            side.aggregate.pool.rest()
        return found

    def _take(self, batch: Batch, source: str, found: _Left) -> None:
        before = self.measure.take(batch, source, found.before)
        changed = change(batch.deliveries, self.operations, before)
        after = self.measure.take(
            replace(batch, deliveries=changed.deliveries), source, found.after
        )
        assert np.array_equal(before.kept, after.kept), "what keeps the rules still does"
        inside = self._inside(before)
        found.effects.add(
            only(before, inside).requests,
            only(after, inside).requests,
            changed.marks.of(before.kept[inside]),
        )

    def _inside(self, measured: Measured) -> npt.NDArray[np.int64]:
        """The rows that figures are about, by their place in ``requests``."""
        sections, requests = self.measure.sections, measured.requests
        if sections is None:
            return np.arange(requests.num_rows)
        return np.flatnonzero(places(requests, sections) == INSIDE)

    def reads(self, part: Part) -> Iterator[Batch]:
        """The batches of a part after the operations."""
        for batch in read_part(part):
            changed = change(batch.deliveries, self.operations)
            yield replace(batch, deliveries=changed.deliveries)


class _Both:
    """The passes of an audit: both sides are folded from the same receipts."""

    def __init__(
        self,
        settings: AnalyzeSettings,
        plans: tuple[SourcePlan, ...],
        parts: list[Part],
        operations: tuple[Operation, ...],
        progress: Progress | None,
    ) -> None:
        self.operations = operations
        self._parts = parts
        self._passes = Passes(settings, parts, progress)
        sections = self._passes.sections()
        self.before = Fold(settings, plans, sections)
        self.after = Fold(settings, plans, sections)
        measure = Measure(settings=settings, sections=sections)
        self._work = _MeasureBoth(measure=measure, operations=operations)
        self.effects = self._work.empty()

    def figures(self) -> tuple[list[Figures], list[Figures]]:
        """The figures of both sides, whose groups are the same, in the same order.

        A delay may end a run later and a cut earlier: the spans, and so T, are those of the trace.
        """
        for part, left in zip(self._parts, self._passes.run(self._work), strict=True):
            self.before.take(part.source.path, left.before, keep_requests=False)
            self.after.take(part.source.path, left.after, keep_requests=False)
            self.effects.merge(left.effects)
        self.after.aggregate.spans = self.before.aggregate.spans
        stated = self.before.ledger.stated_ns()
        before = self.before.aggregate.finish(stated, self._passes.itl(self.before))
        after = self.after.aggregate.finish(stated, self._passes.itl(self.after, self._work.reads))
        return before, after


def _audited(
    both: _Both, analysis: Analysis, before: list[Figures], after: list[Figures]
) -> Audited:
    by = both.before.settings.summary.by
    groups = [_group(both, len(by), *sides) for sides in zip(before, after, strict=True)]
    return Audited(operations=both.operations, analysis=analysis, groups=tuple(groups))


def _group(both: _Both, keys: int, before: Figures, after: Figures) -> AuditedGroup:
    """One group; the ``by`` columns come first in its figures."""
    key = dict(list(before.items())[:keys])
    sides = [
        {name: value for name, value in side.items() if name not in key} for side in (before, after)
    ]
    for side in sides:
        side["slo_attainment_completed"] = _completed(side)
    effects = both.effects.groups[tuple(key.values())]
    benefit = both.before.settings.summary.benefit
    return AuditedGroup(
        key=key,
        before=sides[0],
        after=sides[1],
        effects=effects,
        break_even=break_even(effects, benefit),
    )


def _completed(figures: Figures) -> float | None:
    """slo_attainment over the requests that are ok, whatever denominator was chosen: all attained are."""
    status: Any = figures["status"]
    attained: Any = figures["attained"]
    return attained / status["ok"] if attained is not None and status["ok"] else None
