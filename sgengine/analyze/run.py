"""``analyze``: from inputs and settings to figures, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from os.path import realpath
from typing import Any, TypeVar

import pyarrow as pa

from sgengine.aggregate import (
    Distribution,
    GapPool,
    Gathering,
    Key,
    RankSearch,
    Section,
    sections_of,
)
from sgengine.analyze.again import Again
from sgengine.analyze.analysis import Analysis
from sgengine.analyze.events import with_parts
from sgengine.analyze.fold import Fold
from sgengine.analyze.night import reading
from sgengine.analyze.partition import Gather, Measure, Observe
from sgengine.analyze.parts import Loaded, Part, Reads, Slice
from sgengine.analyze.plans import Failure, Planned, plan_sources
from sgengine.analyze.settings import AnalyzeSettings
from sgengine.analyze.sinks import ParquetSink, Sink, Tee
from sgengine.errors import UsageError
from sgengine.executors import Serial, Stop
from sgengine.readers import Skipped, SourcePlan, as_table, plan_table, slices_of

Left = TypeVar("Left")
"""What a pass leaves of a partition."""

_LEAST_SHARE_BYTES = 24 << 20
_LEAST_SHARE_OF_ALL_BYTES = 4 << 20
"""Of a table, for a worker: less of it takes longer on two threads, which share Python, than on one (34 MB
18 ms instead of 14, 47 MB 24 instead of 22; 67 MB 22 instead of 32). All columns take longer than figures
alone, the difference in kernels."""

Progress = Callable[[int, int], None]
"""Called with the partitions done and to be done; passes over the tokens add to the latter."""


def analyze(
    inputs: Sequence[str],
    settings: AnalyzeSettings | None = None,
    *,
    requests_path: str | None = None,
    keep_requests: bool = False,
    sink: Sink | None = None,
    figures: bool = True,
    progress: Progress | None = None,
) -> Analysis:
    """Measure ``inputs`` (files, folders, globs, ``label=PATH``) and summarise them by group.

    ``requests_path``: write the REQUESTS table there, whole or not at all. ``keep_requests``: keep it
    in memory. ``sink``: give it every batch of REQUESTS, in order. Without ``figures`` there are no
    groups, and nothing is spent on them. Raises UsageError for a wrong call, DataError if nothing could
    be read.
    """
    settings = bounded(settings or AnalyzeSettings())
    planned = plan_sources(inputs, settings)
    _check_output(requests_path, planned.plans)
    with ExitStack() as stack:
        if requests_path is not None:
            file = stack.enter_context(ParquetSink(requests_path))
            sink = file if sink is None else Tee(sink, file)
        return analyze_plans(
            planned,
            settings,
            sink=sink,
            keep_requests=keep_requests,
            figures=figures,
            progress=progress,
        )


def analyze_plans(
    planned: Planned,
    settings: AnalyzeSettings,
    *,
    sink: Sink | None = None,
    keep_requests: bool = False,
    figures: bool = True,
    progress: Progress | None = None,
) -> Analysis:
    """Measure sources that are planned; ``settings`` are ``bounded``, as they were for the planning."""
    with ExitStack() as stack:
        plans, parts = with_parts(planned.plans, settings, stack)
        passes = Passes(settings, parts, progress)
        fold = Fold(settings, plans, passes.sections())
        passes.measure(fold, sink, keep_requests=keep_requests, figures=figures)
        groups = passes.groups(fold) if figures else []
    requests = fold.requests() if keep_requests else None
    return analysis_of(fold, groups, planned.skipped, planned.failures, requests)


def analyze_table(
    data: Any, settings: AnalyzeSettings | None = None, *, keep_requests: bool = False
) -> Analysis:
    """Measure deliveries that are in memory, a table of pyarrow, Polars or DuckDB, as ``analyze`` does files.

    Every worker gets a share of the rows. Raises UsageError for what is no table, FormatError for one
    whose columns are not those of deliveries.
    """
    settings = bounded(settings or AnalyzeSettings())
    table = as_table(data)
    planned = plan_table(table, settings.read)
    parts = table_parts(table, planned, settings)
    passes = Passes(settings, parts, None)
    fold = Fold(settings, (planned,), passes.sections())
    passes.measure(fold, None, keep_requests=keep_requests)
    groups = passes.groups(fold)
    requests = fold.requests() if keep_requests else None
    return analysis_of(fold, groups, (), (), requests)


def table_parts(table: pa.Table, planned: SourcePlan, settings: AnalyzeSettings) -> list[Part]:
    """A share of the table's rows for each worker, if it is worth to share them."""
    (partition,) = planned.partitions
    least = _LEAST_SHARE_OF_ALL_BYTES if settings.measure.envelopes else _LEAST_SHARE_BYTES
    return [
        Slice(source=planned.source, table=rows, partition=partition, first_row=first)
        for first, rows in slices_of(table, settings.workers, least)
    ]


def analysis_of(
    fold: Fold,
    groups: list[dict[str, object]],
    skipped: tuple[Skipped, ...],
    failures: tuple[Failure, ...],
    requests: pa.Table | None = None,
) -> Analysis:
    """The outcome of the passes that ``fold`` took in."""
    return Analysis(
        settings=fold.settings,
        groups=groups,
        requests=requests,
        gaps=fold.gaps.table() if fold.gaps else None,
        said=partial(fold.ledger.table, fold.aggregate.spans, fold.chosen),
        said_daily=partial(fold.ledger.daily, fold.chosen),
        rejected=(*fold.rejects, *fold.outside.values()),
        skipped=skipped,
        failures=failures,
        windows=fold.sections,
    )


def bounded(settings: AnalyzeSettings) -> AnalyzeSettings:
    """The settings with their memory handed out to batches, samples and kept numbers."""
    share = settings.share_bytes
    return replace(
        settings,
        read=replace(
            settings.read,
            batch_bytes=settings.batch_bytes,
            document_bytes=settings.memory_bytes,
            block_bytes=settings.memory_bytes // settings.workers,
        ),
        summary=replace(settings.summary, pool_bytes=share, kept_bytes=share // 32),
    )


def _check_output(path: str | None, plans: Sequence[SourcePlan]) -> None:
    """Refuse to write over an input."""
    files = {realpath(file) for plan in plans for file in plan.paths}
    if path is not None and realpath(path) in files:
        raise UsageError(f"--requests is '{path}', which is an input: give another file to write")


class Passes:
    """The passes over the tokens of one analysis, each over all partitions, in order."""

    def __init__(
        self, settings: AnalyzeSettings, partitions: list[Part], progress: Progress | None
    ) -> None:
        self.settings = settings
        self.partitions = partitions
        self._reads = reading(settings.night)
        self._progress = progress or (lambda done, total: None)
        self._done = 0

    def run(self, work: Callable[[Part, Stop], Left]) -> Iterator[Left]:
        """What ``work`` leaves of each partition."""
        total = self._done + len(self.partitions)
        self._progress(self._done, total)
        # One part alone in memory needs no thread, which would cost more than a millisecond; a file's is
        # decoded by one while another measures.
        is_alone = len(self.partitions) <= 1 and all(
            isinstance(part, Loaded | Slice) for part in self.partitions
        )
        executor = Serial() if is_alone else self.settings.executor
        for left in executor.run(work, self.partitions):
            yield left
            self._done += 1
            self._progress(self._done, total)

    def sections(self) -> Mapping[str, Section] | None:
        """The part of each run that the settings choose, by a pass of its own; None for all of it."""
        if self.settings.night is not None:
            return self.settings.night.sections
        selection = self.settings.summary.selection
        if selection is None:
            return None
        work = Observe(settings=self.settings)
        activity = work.empty()
        for part in self.run(work):
            activity.merge(part)
        return sections_of(selection, activity)

    def measure(
        self,
        fold: Fold,
        sink: Sink | None,
        *,
        keep_requests: bool,
        itl: bool = True,
        figures: bool = True,
    ) -> None:
        """The pass that measures; without ``itl`` the samples of no group are pooled."""
        work = Measure(
            settings=self.settings,
            sections=self._chosen(fold),
            keep_requests=keep_requests or sink is not None,
            itl=itl,
            figures=figures,
            read=self._reads,
            seen=fold.aggregate.seen,
            file=fold.aggregate.file,
        )
        for part, receipt in zip(self.partitions, self.run(work), strict=True):
            fold.take(part.source.path, receipt, keep_requests=keep_requests)
            if sink is not None:
                for batch in receipt.requests:
                    sink.write(batch)
        fold.finish(work.carried)

    def _chosen(self, fold: Fold) -> Mapping[str, Section] | None:
        """The sections by which rows are left out; of a night they are before they are measured."""
        return None if self.settings.night is not None else fold.sections

    def groups(self, fold: Fold) -> list[dict[str, object]]:
        """The figures of every group, once all is measured."""
        aggregate = fold.aggregate
        search, several = aggregate.pool.search, self.settings.workers > 1
        with ThreadPoolExecutor(self.settings.workers, thread_name_prefix="sgengine-end") as pool:
            # Threads start with their first work. The search, 10 ms for 2e8 gaps, is the longest.
            begun = pool.submit(search) if several and aggregate.pool.sketches else None
            latencies = aggregate.latencies(pool.map if several else map)
            found = begun.result() if begun else search()
        itl = self._pooled(fold, found, self._reads)
        return aggregate.finish(fold.ledger.stated_ns(), itl, latencies=latencies)

    def itl(self, fold: Fold, reads: Reads | None = None) -> Mapping[Key, Distribution]:
        """Pooled ITL of each group, by further passes where what the pool kept does not decide it.

        ``reads``: how the pass that measured came by the batches of a part.
        """
        return self._pooled(fold, fold.aggregate.pool.search(), reads or self._reads)

    def _pooled(self, fold: Fold, search: RankSearch, reads: Reads) -> Mapping[Key, Distribution]:
        chosen, pool = self._chosen(fold), fold.aggregate.pool
        known = -1
        while not search.done and known < len(search.found):
            known = len(search.found)
            search = self._looked_again(pool, search, chosen, reads)
        return search.run(lambda empty: self._gather(empty, chosen, reads))

    def _looked_again(
        self,
        pool: GapPool,
        search: RankSearch,
        sections: Mapping[str, Section] | None,
        reads: Reads,
    ) -> RankSearch:
        """The search after a second look, for as much as fits in memory."""
        focus = pool.refocused(search)
        if not focus:
            return search
        work = Again(settings=self.settings, pool=pool, focus=focus, sections=sections, read=reads)
        for _ in self.run(work):
            pass
        return pool.search(work.found(), search.found)

    def _gather(
        self, gathering: Gathering, sections: Mapping[str, Section] | None, reads: Reads
    ) -> Gathering:
        empty = gathering.again()
        work = Gather(settings=self.settings, empty=empty, sections=sections, read=reads)
        for part in self.run(work):
            gathering.merge(part)
        return gathering
