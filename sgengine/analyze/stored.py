"""``analyze`` over a store: the figures of requests that were measured before, under any settings.

Envelopes answer for every reader, benefit and SLO, exactly; GAPS answer for ITL, approximately.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa

from sgengine.aggregate import Aggregator, SummarySettings, summary_of
from sgengine.aggregate.keys import check_by
from sgengine.analyze.analysis import Analysis, Stored
from sgengine.analyze.fold import at_once
from sgengine.analyze.run import Progress, bounded
from sgengine.analyze.settings import AnalyzeSettings
from sgengine.analyze.stored_files import TASK_ROWS, Task, Wanted, check_wanted, opened, tasks_of
from sgengine.analyze.stored_itl import Gaps, ReadGaps, by_rows, is_stored, itl_figures
from sgengine.analyze.stored_rows import UNIT, Rows, known_columns, unit_of
from sgengine.errors import UsageError
from sgengine.executors import Stop
from sgengine.schema import RUNS
from sgengine.store import Night, Snapshot

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Units:
    """T in ns of every unit, where it is known, and the words for where it comes from.

    ``bounded``: the nights that are one unit.
    """

    bounded: frozenset[Night]
    stated: Mapping[str, int]
    sources: Mapping[str, str]


def analyze_store(
    snapshot: Snapshot,
    settings: AnalyzeSettings,
    wanted: Wanted | None = None,
    *,
    progress: Progress | None = None,
) -> Analysis:
    """The figures of the wanted rows of a store.

    The settings' reader need not be the measured one. Raises UsageError for a night that is not
    there, a window of runs, and what holds for the measured reader alone if it is another one.
    """
    wanted = wanted or Wanted()
    settings = bounded(settings)
    check_wanted(wanted, snapshot)
    _check_settings(settings.summary)
    nights = side_rows(snapshot, "nights", wanted)
    runs = side_rows(snapshot, "runs", wanted)
    groups = _Pass(snapshot, settings, wanted, progress).groups(units_of(nights, runs))
    return stored_analysis(snapshot, settings, groups, nights, runs)


def stored_analysis(
    snapshot: Snapshot,
    settings: AnalyzeSettings,
    groups: list[dict[str, object]],
    nights: Sequence[Row],
    runs: Sequence[Row],
) -> Analysis:
    """The outcome of a pass over a store, whose rejects were told when it was filled."""
    return Analysis(
        settings=settings,
        groups=groups,
        requests=None,
        gaps=None,
        said=partial(pa.Table.from_pylist, list(runs), schema=RUNS.schema()),
        said_daily=dict,
        rejected=(),
        skipped=(),
        failures=(),
        stored=Stored(root=snapshot.root, version=snapshot.version, nights=nights),
    )


def _check_settings(summary: SummarySettings) -> None:
    if summary.selection is not None:
        raise UsageError(
            f"--{summary.selection.kind} chooses a part of a run, and the runs of a store were cut "
            "into nights: give it to the analysis that fills the store, or group --by hour"
        )


def side_rows(snapshot: Snapshot, table: str, wanted: Wanted | None = None) -> list[Row]:
    """The rows of nights, runs, rejects or classes of the wanted nights, in order of day and job."""
    rows: list[Row] = []
    files = sorted(snapshot.files[table], key=lambda file: (file.night.day, file.night.job))
    for file in files:
        if wanted is None or wanted.has_night(*file.night):
            with opened(snapshot, file) as parquet:
                found = parquet.read(use_threads=False).to_pylist()
            rows += [row | {"job": file.night.job, "day": file.night.day} for row in found]
    return rows


def recorded_settings(
    snapshot: Snapshot, wanted: Wanted | None = None, **more: Any
) -> SummarySettings:
    """The settings that the newest of the wanted nights was scored with; T stated for it is no other's.

    Of several jobs' nights of that day, a nightly job's (it has a zone) goes before an ad-hoc one's,
    then the one committed last, then the least name: as in ``measured_settings``. ``more``: of what no
    night holds, as ``by``. Raises UsageError if there is no night.
    """
    wanted = wanted or Wanted()
    check_wanted(wanted, snapshot)
    nights = [night for night in snapshot.nights if wanted.has_night(*night)]
    newest = replace(wanted, days=frozenset([max(night.day for night in nights)]))
    rows = side_rows(snapshot, "nights", newest)
    chosen = min(rows, key=lambda row: (row["zone"] is None, -row["committed_at_ns"], row["job"]))
    found = summary_of(chosen, **more)
    return found if len(nights) == 1 else replace(found, duration_ns=None)


def units_of(nights: Sequence[Row], runs: Sequence[Row]) -> Units:
    """T of every unit: of a night with bounds, their distance; of a run in another one, its own T."""
    stated: dict[str, int] = {}
    sources: dict[str, str] = {}
    bounded = [night for night in nights if _is_bounded(night)]
    for night in bounded:
        unit = unit_of(night["job"], str(night["day"]))
        stated[unit] = night["until_ns"] - night["from_ns"]
        sources[unit] = "night"
    by_run: dict[str, list[Row]] = defaultdict(list)
    for run in runs:
        by_run[unit_of(run["job"], str(run["day"]), run["run"])].append(run)
    for unit, parts in by_run.items():
        found = _run_window(parts)
        if found is not None:
            stated[unit], sources[unit] = found
    return Units(
        bounded=frozenset(Night(night["job"], night["day"]) for night in bounded),
        stated=stated,
        sources=sources,
    )


def _is_bounded(night: Row) -> bool:
    return night["from_ns"] is not None and night["until_ns"] is not None


_SPANS = (
    ("window_start_ns", "window_end_ns", "window of the run"),
    ("", "stated_duration_ns", "stated by the run"),
    ("first_arrival_ns", "last_end_ns", "observed over the run"),
)
"""What can say T of a run, first to last: two columns, or one, and its name."""


def _run_window(parts: Sequence[Row]) -> tuple[int, str] | None:
    """T of a run over all its sources, and where it comes from; None if nothing says it."""
    for start, end, source in _SPANS:
        ends = [part[end] for part in parts if part[end] is not None]
        starts = [part[start] for part in parts if start and part[start] is not None]
        if ends and (starts or not start):
            return max(ends) - min(starts, default=0), source
    return None


class _Pass:
    """One pass over the wanted rows."""

    def __init__(
        self,
        snapshot: Snapshot,
        settings: AnalyzeSettings,
        wanted: Wanted,
        progress: Progress | None,
    ) -> None:
        self._snapshot, self._settings, self._wanted = snapshot, settings, wanted
        self._progress = progress or (lambda done, total: None)

    def groups(self, units: Units) -> list[dict[str, object]]:
        """The figures of every group."""
        summary = self._settings.summary
        files = self._wanted.files(self._snapshot, "requests")
        check_by(summary.by, known_columns(self._snapshot, files))
        aggregate = Aggregator(settings=summary, unit=UNIT, sources=units.sources)
        rows = Rows(snapshot=self._snapshot, settings=summary, bounded=units.bounded, times=False)
        for part in self._aggregates(rows, list(tasks_of(files, self._snapshot))):
            aggregate.merge(part)
        latencies = aggregate.latencies(at_once(self._settings.executor))
        groups = aggregate.finish(units.stated, {}, latencies=latencies)
        gaps = self._gaps()
        return [
            group | itl_figures(gaps.distribution(key) if gaps else None)
            for key, group in zip(aggregate.keys(), groups, strict=True)
        ]

    def _aggregates(self, rows: Rows, tasks: Sequence[Task]) -> Iterator[Aggregator]:
        def work(task: Task, stop: Stop) -> Aggregator:
            stop.check()
            # NIGHTS and RUNS say T: the times of requests are neither read nor looked at.
            found = Aggregator(settings=rows.settings, unit=UNIT, observes=False)
            found.add(rows.read(task))
            return found

        self._progress(0, len(tasks))
        for done, part in enumerate(self._settings.executor.run(work, tasks), 1):
            yield part
            self._progress(done, len(tasks))

    def _gaps(self) -> Gaps | None:
        """The histograms of every group; None if they cannot say anything of these groups."""
        if not is_stored(self._settings.summary):
            return None
        read = ReadGaps(snapshot=self._snapshot, settings=self._settings.summary)
        files = self._wanted.files(self._snapshot, "gaps")
        found = Gaps()
        for part in self._settings.executor.run(read, by_rows(files, 8 * TASK_ROWS)):
            found.merge(part)
        return found
