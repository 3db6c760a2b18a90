"""The part of each run that a selection leaves, and which requests belong to it (METRICS 5, T (b)).

A section's bounds are found from the run's activity, from its first arrival to its last
max(arrival + max(last chunk, end)). Its members are the requests that arrive in it, with all of their
tokens; its T is its length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.aggregate.activity import Activity
from sgengine.aggregate.keys import group_rows
from sgengine.aggregate.selection import Moment, Selection, Steady, TimeWindow, Trim
from sgengine.aggregate.windows import Window
from sgengine.compute import Measured, Rows
from sgengine.compute.ragged import int64s
from sgengine.errors import DataError, UsageError
from sgengine.objectives import format_duration

Int64s = npt.NDArray[np.int64]

WHERE = (
    "arrives in the window",
    "arrives before the window",
    "arrives after the window",
    "has no arrival time: it is in no window",
)
"""Where a request stands to its run's section, by code."""

INSIDE, BEFORE, AFTER, NOWHERE = range(4)


@dataclass(frozen=True, kw_only=True)
class Section:
    """One run's section, in ns on the run's clock.

    T covers [``start_ns``, ``end_ns``), which lies within the run. Members arrive from ``from_ns`` on
    and before ``until_ns``; None: that side is open. ``run_start_ns``: the run's first arrival.
    ``peak``: the most requests in flight, if the selection looked.
    """

    start_ns: int
    end_ns: int
    run_start_ns: int
    from_ns: int | None = None
    until_ns: int | None = None
    peak: int | None = None

    @property
    def duration_ns(self) -> int:
        """T."""
        return max(0, self.end_ns - self.start_ns)


Sections = Mapping[str, Section]


@dataclass(frozen=True, kw_only=True)
class NightSections(Mapping[str, Section]):
    """The section of every run alike: the night [``start_ns``, ``end_ns``), a slice of time.

    It holds no run by name, and has a section for any.
    """

    start_ns: int
    end_ns: int

    def __getitem__(self, run: str) -> Section:
        return Section(start_ns=self.start_ns, end_ns=self.end_ns, run_start_ns=self.start_ns)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def sections_of(selection: Selection, activity: Activity) -> dict[str, Section]:
    """The section of every run.

    Raises DataError for a run that has no arrivals, none on the clock that the selection speaks of,
    or nothing in flight; UsageError if nothing of any run is left.
    """
    found = {run: _section(selection, activity, run) for run in activity.spans}
    if found and not any(section.duration_ns for section in found.values()):
        run, span = next(iter(activity.spans.items()))
        raise UsageError(
            f"--{selection.kind} {selection.text} leaves nothing of run {run}, which lasts "
            f"{format_duration(span.observed_ns or 0)}: give less to leave out"
        )
    return found


def _section(selection: Selection, activity: Activity, run: str) -> Section:
    span = activity.spans[run]
    if span.first is None or span.last is None:
        raise DataError(
            f"run {run} has no arrival times, which --{selection.kind} needs: leave it out, or read "
            "a file that has them"
        )
    whole = Section(start_ns=span.first, end_ns=span.last, run_start_ns=span.first)
    match selection:
        case TimeWindow():
            return _windowed(selection, whole, activity.clocks[run], run)
        case Trim():
            start = whole.start_ns + selection.start_ns
            end = whole.end_ns - selection.end_ns
            return _cut(whole, start, end if selection.end_ns else None)
        case Steady():
            return _steady(selection, whole, activity, run)


def _windowed(selection: TimeWindow, whole: Section, clocks: set[str], run: str) -> Section:
    moments = [m for m in (selection.start, selection.end) if m is not None]
    if any(moment.is_epoch for moment in moments) and clocks != {"unix"}:
        raise DataError(
            f"run {run} has clock {' and '.join(sorted(clocks))}, and --window {selection.text} "
            "names a time of day: give durations since its first arrival, as in 10s,60s"
        )
    start, end = (_place(moment, whole) for moment in (selection.start, selection.end))
    return _cut(whole, start, end)


def _place(moment: Moment | None, whole: Section) -> int | None:
    if moment is None:
        return None
    return moment.ns if moment.is_epoch else whole.start_ns + moment.ns


def _cut(whole: Section, start: int | None, end: int | None) -> Section:
    """Members by the bounds as they are, T by the bounds within the run."""
    first = whole.start_ns if start is None else max(start, whole.start_ns)
    last = whole.end_ns if end is None else min(end, whole.end_ns)
    return replace(whole, start_ns=first, end_ns=max(first, last), from_ns=start, until_ns=end)


def _steady(selection: Steady, whole: Section, activity: Activity, run: str) -> Section:
    found = activity.steady(run, selection.share)
    if found is None:
        raise DataError(
            f"run {run} has no request that took any time, so no part of it is steady: leave "
            "--steady out"
        )
    cut = _cut(whole, found.start_ns, found.end_ns)
    return replace(cut, peak=found.peak)


def places(requests: Rows, sections: Sections) -> npt.NDArray[np.int8]:
    """Where each REQUESTS row stands to its run's section: a code of ``WHERE``, (R,) int8."""
    codes = np.full(requests.num_rows, NOWHERE, dtype=np.int8)
    known = requests.column("arrival_ns").is_valid().to_numpy(zero_copy_only=False)
    arrival = int64s(requests.column("arrival_ns"))
    keys, runs = group_rows(requests, ("run",))
    for i, (run,) in enumerate(keys):
        section, mine = sections[str(run)], known & (runs == i)
        codes[mine] = side_of(arrival[mine], section.from_ns, section.until_ns)
    return codes


def side_of(arrivals: Int64s, from_ns: int | None, until_ns: int | None) -> npt.NDArray[np.int8]:
    """INSIDE, BEFORE or AFTER for each arrival; None: that side is open."""
    codes = np.full(arrivals.size, INSIDE, dtype=np.int8)
    if until_ns is not None:
        codes[arrivals >= until_ns] = AFTER
    if from_ns is not None:
        codes[arrivals < from_ns] = BEFORE
    return codes


def only(measured: Measured, rows: Int64s) -> Measured:
    """Some of the measured rows, by their positions in ``requests``, with the tokens behind them."""
    return replace(
        measured, columns=measured.columns.take(pa.array(rows)), kept=measured.kept[rows]
    )


def windowed(
    runs: Iterable[str], sections: Sections, source: str, *, part: tuple[int, int] | None = None
) -> Window:
    """T of a group that touches ``runs``: the sum of their sections.

    ``part``: the group is a slice of time [a, b): what the sections cover of it, once.
    """
    mine = [sections[run] for run in runs]
    if part is None:
        return Window(duration_ns=sum(section.duration_ns for section in mine), source=source)
    clipped = sorted((max(s.start_ns, part[0]), min(s.end_ns, part[1])) for s in mine)
    covered, upto = 0, part[0]
    for start, end in clipped:
        covered += max(0, end - max(start, upto))
        upto = max(upto, end)
    return Window(duration_ns=covered, source=f"slice of the {source}")
