"""What is kept of the rows that were looked at: counts and first examples, by source and run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sgengine.aggregate import Activity
from sgengine.aggregate.gap_table import gap_edges
from sgengine.check.keys import Keys

Int64s = npt.NDArray[np.int64]

FIRST = 10
"""First arrivals of a run that are compared with the rest of it."""

MOST_STEPS = 1000
"""Steps back that are kept of a run, the widest."""


@dataclass(kw_only=True)
class Histogram:
    """Counts by bucket of kernels.histogram: values within 1/256 of the truth."""

    counts: Counter[int] = field(default_factory=Counter)

    def add(self, dense: Int64s) -> None:
        """Add counts (N_BUCKETS,) int64."""
        for bucket in np.flatnonzero(dense):
            self.counts[int(bucket)] += int(dense[bucket])

    def median(self, least: int = 0) -> float | None:
        """The median in ns of the values from bucket ``least`` on; None for none."""
        chosen = sorted((b, n) for b, n in self.counts.items() if b >= least)
        total, upto = sum(n for _, n in chosen), 0
        for bucket, count in chosen:
            upto += count
            if 2 * upto >= total:
                return float(gap_edges()[bucket])
        return None


@dataclass(kw_only=True)
class RunEvidence:
    """What is known of one run within one source.

    ``counts``: rows by what holds of them (``look``). ``examples``: the request_id of the first.
    ``earliest``: (arrival, TTFT) ns of the first arrivals. ``previous``: the arrival of the row that
    came last; ``first_row``: of the one that came first. ``steps_back``: the widest of the steps by
    which rows arrive before the rows in front of them.
    """

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Counter[str]] = field(default_factory=dict)
    earliest: list[tuple[int, int]] = field(default_factory=list)
    ttft: Histogram = field(default_factory=Histogram)
    longest_ns: int = 0
    last_arrival_ns: int | None = None
    first_row_ns: int | None = None
    previous_ns: int | None = None
    steps_back: list[int] = field(default_factory=list)

    def merge(self, later: RunEvidence) -> None:
        """Take in the rows that come next."""
        self.counts.update(later.counts)
        self.examples = later.examples | self.examples
        for name, counts in later.labels.items():
            self.labels.setdefault(name, Counter()).update(counts)
        self.earliest = sorted([*self.earliest, *later.earliest])[:FIRST]
        self.ttft.counts.update(later.ttft.counts)
        self.longest_ns = max(self.longest_ns, later.longest_ns)
        self._join(later)

    def _join(self, later: RunEvidence) -> None:
        """The order of arrival across the seam."""
        if later.first_row_ns is None or later.last_arrival_ns is None:
            return
        if self.previous_ns is not None and later.first_row_ns < self.previous_ns:
            self.step_back([self.previous_ns - later.first_row_ns])
        self._keep(later.steps_back)
        if self.first_row_ns is None:
            self.first_row_ns = later.first_row_ns
        self.previous_ns = later.previous_ns
        latest = self.last_arrival_ns
        self.last_arrival_ns = max(later.last_arrival_ns, latest or later.last_arrival_ns)

    def step_back(self, steps_ns: list[int]) -> None:
        """Rows arrived so long before the rows in front of them."""
        self.counts["backwards"] += len(steps_ns)
        self._keep(steps_ns)

    def _keep(self, steps_ns: list[int]) -> None:
        self.steps_back = sorted([*self.steps_back, *steps_ns], reverse=True)[:MOST_STEPS]

    def share(self, name: str, of: str) -> float:
        """Rows of which ``name`` holds, of those of which ``of`` does; 0 for none."""
        return self.counts[name] / self.counts[of] if self.counts[of] else 0.0


@dataclass(kw_only=True)
class Evidence:
    """All that was seen: by (source, run), by source, and over all of them.

    ``rows``: rows of the sources behind the requests. ``rejects``: rows that are in none, by (source,
    run, rule). ``places``: the first place of each rule. ``remarks``: by (source, run, text).
    """

    activity: Activity
    keys: Keys
    runs: dict[tuple[str, str], RunEvidence] = field(default_factory=dict)
    gaps: dict[str, Histogram] = field(default_factory=dict)
    rejects: Counter[tuple[str, str | None, str]] = field(default_factory=Counter)
    places: dict[str, tuple[str, str | None, str, str]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    remarks: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    rows: int = 0

    def merge(self, later: Evidence) -> None:
        """Take in what was seen of the next rows."""
        self.activity.merge(later.activity)
        self.keys.merge(later.keys)
        for key, run in later.runs.items():
            self.runs.setdefault(key, RunEvidence()).merge(run)
        for source, histogram in later.gaps.items():
            self.gaps.setdefault(source, Histogram()).counts.update(histogram.counts)
        self.rejects.update(later.rejects)
        self.places = later.places | self.places
        self.remarks.update(later.remarks)
        self.rows += later.rows
        self.failures = later.failures | self.failures
