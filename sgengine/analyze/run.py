"""``analyze``: from inputs and settings to figures, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from os.path import realpath

import pyarrow as pa

from sgengine.aggregate import Distribution, Gathering, Key
from sgengine.analyze.fold import Fold
from sgengine.analyze.partition import Gather, Measure
from sgengine.analyze.rejects import Rejected, rejects_table
from sgengine.analyze.settings import AnalyzeSettings
from sgengine.analyze.sinks import ParquetSink
from sgengine.errors import DataError, UsageError
from sgengine.readers import Partition, Skipped, SourcePlan, find, plan

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
    """

    settings: AnalyzeSettings
    groups: list[dict[str, object]]
    requests: pa.Table | None
    gaps: pa.Table | None
    runs: pa.Table
    rejected: tuple[Rejected, ...]
    skipped: tuple[Skipped, ...]
    failures: tuple[Failure, ...]

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
    plans, skipped, failures = _plans(inputs, settings)
    _check_output(requests_path, plans)
    partitions = [part for each in plans for part in each.partitions]
    fold = Fold(settings, plans)
    passes = _Passes(fold, partitions, progress)
    with ExitStack() as stack:
        sink = stack.enter_context(ParquetSink(requests_path)) if requests_path else None
        passes.measure(sink, keep_requests=keep_requests)
        groups = fold.aggregate.finish(fold.ledger.stated_ns(), passes.itl())
    return Analysis(
        settings=settings,
        groups=groups,
        requests=fold.requests() if keep_requests else None,
        gaps=fold.gaps.table() if fold.gaps else None,
        runs=fold.runs(),
        rejected=tuple(fold.rejects),
        skipped=skipped,
        failures=failures,
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
    if path is not None and any(realpath(path) == realpath(p.source.path) for p in plans):
        raise UsageError(f"--requests is '{path}', which is an input: give another file to write")


def _plans(
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
    """The passes over the tokens of one analysis."""

    def __init__(self, fold: Fold, partitions: list[Partition], progress: Progress | None) -> None:
        self.fold = fold
        self.settings = fold.settings
        self.partitions = partitions
        self._progress = progress or (lambda done, total: None)

    def measure(self, sink: ParquetSink | None, *, keep_requests: bool) -> None:
        """The pass that measures."""
        total = len(self.partitions)
        work = Measure(settings=self.settings, keep_requests=keep_requests or sink is not None)
        receipts = self.settings.executor.run(work, self.partitions)
        self._progress(0, total)
        for done, (part, receipt) in enumerate(zip(self.partitions, receipts, strict=True), 1):
            self.fold.take(part.source.path, receipt, keep_requests=keep_requests)
            if sink is not None:
                for batch in receipt.requests:
                    sink.write(batch)
            self._progress(done, total)

    def itl(self) -> Mapping[Key, Distribution] | None:
        """Pooled ITL by further passes, or None where the samples fitted in memory."""
        pool = self.fold.aggregate.pool
        if pool.exact:
            return None
        passes = count(1)
        return pool.search().run(lambda empty: self._gather(empty, next(passes)))

    def _gather(self, gathering: Gathering, passes: int) -> Gathering:
        each = len(self.partitions)
        work = Gather(settings=self.settings, empty=gathering.again())
        found = self.settings.executor.run(work, self.partitions)
        for done, part in enumerate(found, 1):
            gathering.merge(part)
            self._progress(passes * each + done, (passes + 1) * each)
        return gathering
