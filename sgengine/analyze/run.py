"""``analyze``: from inputs and settings to figures, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from os.path import realpath
from typing import TypeVar

import pyarrow as pa

from sgengine.aggregate import Distribution, Gathering, Key, Section, sections_of
from sgengine.analyze.events import with_parts
from sgengine.analyze.fold import Fold
from sgengine.analyze.partition import Gather, Measure, Observe
from sgengine.analyze.parts import Part
from sgengine.analyze.rejects import Rejected, rejects_table
from sgengine.analyze.settings import AnalyzeSettings
from sgengine.analyze.sinks import ParquetSink
from sgengine.errors import DataError, UsageError
from sgengine.executors import Stop
from sgengine.readers import Skipped, SourcePlan, find, plan

Left = TypeVar("Left")
"""What a pass leaves of a partition."""

Progress = Callable[[int, int], None]
"""Called with the partitions done and to be done; passes over the tokens add to the latter."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A source that could not be read at all, among others that could."""

    source: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The outcome of one analysis.

    ``groups``: a dict a group, as ``--json`` prints it. ``requests``: the REQUESTS table, or None if it
    was not asked for. ``gaps``: the GAPS table, or None. ``failures``: sources that could not be read.
    ``windows``: the part of each run that was chosen, by run; None if all of each run counts.
    """

    settings: AnalyzeSettings
    groups: list[dict[str, object]]
    requests: pa.Table | None
    gaps: pa.Table | None
    runs: pa.Table
    rejected: tuple[Rejected, ...]
    skipped: tuple[Skipped, ...]
    failures: tuple[Failure, ...]
    windows: Mapping[str, Section] | None = None

    @property
    def rejects(self) -> pa.Table:
        """The REJECTS table."""
        return rejects_table(list(self.rejected))

    @property
    def is_clean(self) -> bool:
        """Whether every row was measured, but for those that the source marks as not meant to be."""
        return not self.failures and not any(reject.is_error for reject in self.rejected)


def analyze(
    inputs: Sequence[str],
    settings: AnalyzeSettings | None = None,
    *,
    requests_path: str | None = None,
    keep_requests: bool = False,
    progress: Progress | None = None,
) -> Analysis:
    """Measure ``inputs`` (files, folders, globs, ``label=PATH``) and summarise them by group.

    ``requests_path``: write the REQUESTS table there, whole or not at all. ``keep_requests``: keep it
    in memory. Raises UsageError for a wrong call, DataError if nothing could be read.
    """
    settings = bounded(settings or AnalyzeSettings())
    plans, skipped, failures = plan_sources(inputs, settings)
    _check_output(requests_path, plans)
    with ExitStack() as stack:
        plans, parts = with_parts(plans, settings, stack)
        passes = _Passes(settings, parts, progress)
        sections = passes.sections()
        fold = Fold(settings, plans, sections)
        sink = stack.enter_context(ParquetSink(requests_path)) if requests_path else None
        passes.measure(fold, sink, keep_requests=keep_requests)
        groups = fold.aggregate.finish(fold.ledger.stated_ns(), passes.itl(fold))
    return Analysis(
        settings=settings,
        groups=groups,
        requests=fold.requests() if keep_requests else None,
        gaps=fold.gaps.table() if fold.gaps else None,
        runs=fold.runs(),
        rejected=(*fold.rejects, *fold.outside.values()),
        skipped=skipped,
        failures=failures,
        windows=sections,
    )


def bounded(settings: AnalyzeSettings) -> AnalyzeSettings:
    """The settings with their memory handed out to batches, samples and kept numbers."""
    share = settings.share_bytes
    return replace(
        settings,
        read=replace(settings.read, batch_bytes=settings.batch_bytes),
        summary=replace(settings.summary, pool_bytes=share, kept_bytes=share // 2),
    )


def _check_output(path: str | None, plans: Sequence[SourcePlan]) -> None:
    """Refuse to write over an input."""
    files = {realpath(file) for plan in plans for file in plan.paths}
    if path is not None and realpath(path) in files:
        raise UsageError(f"--requests is '{path}', which is an input: give another file to write")


def plan_sources(
    inputs: Sequence[str], settings: AnalyzeSettings
) -> tuple[tuple[SourcePlan, ...], tuple[Skipped, ...], tuple[Failure, ...]]:
    """Plan every source; one that cannot be read is a failure, unless it is all there is."""
    found = find(inputs, settings.read)
    plans: list[SourcePlan] = []
    failures: list[Failure] = []
    for source in found.sources:
        try:
            plans.append(plan(source, settings.read))
        except DataError as error:
            if len(found.sources) == 1:
                raise
            failures.append(Failure(source=source.path, error=str(error)))
    if not plans:
        raise DataError(f"none of {len(failures)} sources can be read: {failures[0].error}")
    return tuple(plans), found.skipped, tuple(failures)


class _Passes:
    """The passes over the tokens of one analysis, each over all partitions, in order."""

    def __init__(
        self, settings: AnalyzeSettings, partitions: list[Part], progress: Progress | None
    ) -> None:
        self.settings = settings
        self.partitions = partitions
        self._progress = progress or (lambda done, total: None)
        self._done = 0

    def _run(self, work: Callable[[Part, Stop], Left]) -> Iterator[Left]:
        """What ``work`` leaves of each partition."""
        total = self._done + len(self.partitions)
        self._progress(self._done, total)
        for left in self.settings.executor.run(work, self.partitions):
            yield left
            self._done += 1
            self._progress(self._done, total)

    def sections(self) -> Mapping[str, Section] | None:
        """The part of each run that the settings choose, by a pass of its own; None for all of it."""
        selection = self.settings.summary.selection
        if selection is None:
            return None
        work = Observe(settings=self.settings)
        activity = work.empty()
        for part in self._run(work):
            activity.merge(part)
        return sections_of(selection, activity)

    def measure(self, fold: Fold, sink: ParquetSink | None, *, keep_requests: bool) -> None:
        """The pass that measures."""
        work = Measure(
            settings=self.settings,
            sections=fold.sections,
            keep_requests=keep_requests or sink is not None,
        )
        for part, receipt in zip(self.partitions, self._run(work), strict=True):
            fold.take(part.source.path, receipt, keep_requests=keep_requests)
            if sink is not None:
                for batch in receipt.requests:
                    sink.write(batch)

    def itl(self, fold: Fold) -> Mapping[Key, Distribution] | None:
        """Pooled ITL by further passes, or None where the samples fitted in memory."""
        pool = fold.aggregate.pool
        if pool.exact:
            return None
        return pool.search().run(lambda empty: self._gather(empty, fold.sections))

    def _gather(self, gathering: Gathering, sections: Mapping[str, Section] | None) -> Gathering:
        work = Gather(settings=self.settings, empty=gathering.again(), sections=sections)
        for part in self._run(work):
            gathering.merge(part)
        return gathering
