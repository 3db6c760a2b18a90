"""Counts of rows by run, and within a run by day of arrival."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.aggregate import Span, group_rows, span_of
from sgengine.analyze.rejects import Rejected
from sgengine.compute import Rows, numbers_of
from sgengine.compute.ragged import frozen, only_value
from sgengine.kernels.sums import sum_known

Int64s = npt.NDArray[np.int64]

_LABELS = ("system", "workload", "clock", "origin")


@dataclass(kw_only=True)
class Counts:
    """Rows that were measured, what they delivered, and from when to when."""

    rows: int = 0
    n_chunks: int = 0
    n_output_tokens: int = 0
    span: Span = field(default_factory=Span)

    def add(self, requests: Rows, rows: int) -> None:
        """Take in REQUESTS rows of one run, made of so many ``rows`` of the source."""
        self.rows += rows
        self.n_chunks += _sum(requests, "n_chunks")
        self.n_output_tokens += _sum(requests, "n_output_tokens")
        self.span.merge(span_of(requests))

    def merge(self, other: Counts) -> None:
        """Add another part's counts."""
        self.rows += other.rows
        self.n_chunks += other.n_chunks
        self.n_output_tokens += other.n_output_tokens
        self.span.merge(other.span)


@dataclass(kw_only=True)
class Tally:
    """Counts of one run within one source, and the labels of its first row.

    ``days``: by the day of arrival, as ns since the epoch of its start (UTC); None: the clock is not
    unix, or the arrival is not known.
    """

    labels: dict[str, str]
    rows_rejected: int = 0
    remarks: Counter[str] = field(default_factory=Counter)
    days: dict[int | None, Counts] = field(default_factory=dict)

    @property
    def whole(self) -> Counts:
        """The counts of all days."""
        total = Counts()
        for counts in self.days.values():
            total.merge(counts)
        return total

    def merge(self, other: Tally) -> None:
        """Add another part's counts."""
        self.rows_rejected += other.rows_rejected
        self.remarks.update(other.remarks)
        self.labels = self.labels or other.labels
        for day, counts in other.days.items():
            self.days.setdefault(day, Counts()).merge(counts)


Tallies = dict[str | None, Tally]
"""By run; None: of rows that name no run."""


def count_rows(requests: Rows, weights: Int64s | None, tallies: Tallies) -> None:
    """Add one batch's rows to the counts of their runs; ``weights``: rows of the source behind each, if not 1."""
    for tally, part, mine in _by_run(requests, weights, tallies):
        days, codes = group_rows(part, ("day",))
        for i, (day,) in enumerate(days):
            assert day is None or isinstance(day, int), "a slice"
            at = None if len(days) == 1 else np.flatnonzero(codes == i)
            some, counted = _some(part, mine, at)
            if day not in tally.days:
                tally.days[day] = Counts()
            tally.days[day].add(some, _weigh(some, counted))


def count_rejects(found: Iterable[Rejected], tallies: Tallies) -> None:
    """Add rejects to the counts of their runs."""
    for reject in found:
        tally = tallies.setdefault(reject.run, Tally(labels={}))
        tally.rows_rejected += reject.count


def count_outside(requests: Rows, weights: Int64s | None, tallies: Tallies) -> None:
    """Add one batch's rows outside of windows to the counts of their runs."""
    for tally, part, mine in _by_run(requests, weights, tallies):
        tally.rows_rejected += _weigh(part, mine)


def _by_run(
    requests: Rows, weights: Int64s | None, tallies: Tallies
) -> Iterator[tuple[Tally, Rows, Int64s | None]]:
    """The counts of each run in ``requests``, its rows, and the weights of these."""
    runs, codes = group_rows(requests, ("run",))
    for i, (run,) in enumerate(runs):
        rows = None if len(runs) == 1 else np.flatnonzero(codes == i)
        part, mine = _some(requests, weights, rows)
        if str(run) not in tallies:
            tallies[str(run)] = Tally(labels={})
        tally = tallies[str(run)]
        if not tally.labels:
            tally.labels = {name: _first(part.column(name)) for name in _LABELS}
        yield tally, part, mine


def _first(labels: pa.Array) -> str:
    """The label of the first row, most often of all: that is told in a fifth of the time."""
    same = only_value(labels)
    found: str = labels[0].as_py() if same is None else same
    return found


def _some(
    requests: Rows, weights: Int64s | None, rows: Int64s | None
) -> tuple[Rows, Int64s | None]:
    """Some ``rows``, or all of them (None), which are not copied."""
    if rows is None:
        return requests, weights
    return requests.take(pa.array(rows)), None if weights is None else weights[rows]


def _weigh(requests: Rows, weights: Int64s | None) -> int:
    """Rows of the source behind some ``requests``."""
    return requests.num_rows if weights is None else int(weights.sum())


def _sum(requests: Rows, name: str) -> int:
    """Of the numbers that are known."""
    return int(sum_known(frozen(numbers_of(requests, name))))
