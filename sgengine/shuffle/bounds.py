"""The requests that a reading of a log is after, where it is after those of one night."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

EPOCH_FROM_NS = 10**17
"""Times from here on (March 1973) count from the Unix epoch: no machine has run that long."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Arrivals in [``start_ns``, ``stop_ns``), each seen with what came up to ``slack_ns`` later.

    The tail of a request that arrived the night before reaches into this one, so the first event of a
    request without an arrival counts from ``start_ns + slack_ns`` on: every such request is the fault
    of exactly one night. Times that count from no epoch are of every night.
    """

    start_ns: int
    stop_ns: int
    slack_ns: int

    def has_arrivals(self, times: Int64s) -> Bools:
        """Which requests that arrived at these times are ours."""
        return _within(times, self.start_ns, self.stop_ns)

    def has_firsts(self, times: Int64s) -> Bools:
        """Which requests without an arrival, whose first events came at these times, are ours."""
        return _within(times, self.start_ns + self.slack_ns, self.stop_ns + self.slack_ns)


def _within(times: Int64s, start: int, stop: int) -> Bools:
    inside: Bools = (times >= start) & (times < stop)
    return inside | (times < EPOCH_FROM_NS)
