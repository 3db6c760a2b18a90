"""Traces looked at: from inputs to findings, in one pass over the rows and bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sgengine.aggregate import Load, load_of
from sgengine.analyze import (
    AnalyzeSettings,
    Part,
    Progress,
    bounded,
    plan_sources,
    read_part,
    with_parts,
)
from sgengine.check.checked import Checked
from sgengine.check.evidence import Evidence
from sgengine.check.findings import Example, Finding, finding
from sgengine.check.judge_rows import rows_judged
from sgengine.check.judge_runs import runs_judged
from sgengine.check.judge_times import times_judged
from sgengine.check.keys import suspects_in
from sgengine.check.look import Look
from sgengine.compute import MeasureSettings, compute
from sgengine.errors import DataError, SgengineError
from sgengine.executors import Stop
from sgengine.readers import SourcePlan, is_log

Int64s = npt.NDArray[np.int64]


def check_traces(
    inputs: Sequence[str],
    settings: AnalyzeSettings | None = None,
    *,
    progress: Progress | None = None,
) -> Checked:
    """Look at ``inputs`` (files, folders, globs, ``label=PATH``) for what makes figures untrue.

    Of the ``settings`` those of reading, executor and memory count. Raises UsageError for a wrong
    call, DataError if nothing could be read.
    """
    settings = bounded(settings or AnalyzeSettings())
    plans, skipped, failures = plan_sources(inputs, settings)
    broken = {failure.source: failure.error for failure in failures}
    with ExitStack() as stack:
        plans, parts = _parts(plans, settings, stack, broken)
        seen = _seen(settings, parts, progress)
        seen.failures |= broken
        repeated = _repeated(seen, settings, parts)
    found = [
        *runs_judged(seen, plans, skipped, _loads(seen)),
        *repeated,
        *times_judged(seen),
        *rows_judged(seen),
    ]
    requests = sum(run.counts["rows"] for run in seen.runs.values())
    return Checked(
        findings=tuple(found),
        sources=len(plans) + len(broken),
        runs=len({run for _, run in seen.runs}),
        rows=seen.rows + sum(seen.rejects.values()),
        requests=requests,
    )


def _parts(
    plans: tuple[SourcePlan, ...],
    settings: AnalyzeSettings,
    stack: ExitStack,
    broken: dict[str, str],
) -> tuple[tuple[SourcePlan, ...], list[Part]]:
    """The plans and their parts; event logs that cannot be read join the ``broken``, beside others."""
    try:
        return with_parts(plans, settings, stack)
    except DataError as error:
        others = tuple(plan for plan in plans if not is_log(plan.source))
        if not others:
            raise
        broken |= {plan.source.path: str(error) for plan in plans if plan not in others}
        return others, [part for plan in others for part in plan.partitions]


def _seen(settings: AnalyzeSettings, partitions: list[Part], progress: Progress | None) -> Evidence:
    work = Look(settings=settings)
    seen = work.empty()
    for done, part in enumerate(settings.executor.run(work, partitions), 1):
        seen.merge(part)
        if progress is not None:
            progress(done, len(partitions))
    return seen


def _loads(seen: Evidence) -> dict[str, Load]:
    """The load of each run; several sources of a run are one."""
    loads = {run: load_of(seen.activity, run) for run in seen.activity.spans}
    return {run: load for run, load in loads.items() if load is not None}


def _repeated(seen: Evidence, settings: AnalyzeSettings, partitions: list[Part]) -> list[Finding]:
    """Keys that come again: their hashes are looked up among the rows once more, to be sure."""
    extra, suspects = seen.keys.repeated()
    if not extra:
        return []
    work = _Confirm(suspects=suspects)
    rows: Counter[tuple[str, str]] = Counter()
    sources: dict[tuple[str, str], str] = {}
    for part, counts in zip(partitions, settings.executor.run(work, partitions), strict=True):
        rows.update(counts)
        for key in counts:
            sources[key] = part.source.path
    sure = {key: count for key, count in rows.items() if count > 1}
    if not sure:
        return []
    (run, request), times = next(iter(sure.items()))
    by_chance = sum(count == 1 for count in rows.values())
    return [
        finding(
            "duplicate_key",
            extra - by_chance,
            f"request {request} of run {run} comes {times} times",
            total=sum(run.counts["rows"] for run in seen.runs.values()),
            example=Example(source=sources[run, request], run=run, request=request),
        )
    ]


@dataclass(frozen=True, kw_only=True)
class _Confirm:
    """Counts the rows of the keys whose hashes are suspect."""

    suspects: Int64s

    def __call__(self, partition: Part, stop: Stop) -> Counter[tuple[str, str]]:
        """The rows of one partition by key."""
        slim = MeasureSettings(envelopes=False, smoothness=False, gaps=False)
        found: Counter[tuple[str, str]] = Counter()
        try:
            for batch in read_part(partition):
                stop.check()
                found.update(suspects_in(compute(batch.deliveries, slim).requests, self.suspects))
        except SgengineError:
            return found  # told by the first pass
        return found
