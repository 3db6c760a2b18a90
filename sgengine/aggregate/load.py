"""How requests were sent: when others ended (closed loop), at a rate (open loop), or all at once.

A closed loop of C sends its k-th request when the (k - C)-th of all ends has come. In an open loop,
which has C in flight at its peak alone, most requests come long after that; unless they come evenly
and take about equally long, when as many are always in flight. Then the gaps between arrivals tell:
they vary less than the time from an end to the next arrival, which in a closed loop hardly varies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.activity import Activity

Int64s = npt.NDArray[np.int64]

_SOON = 0.05
"""A request is sent when another ends if it follows within this share of the mean time in flight."""

_MOSTLY = 0.75
"""Share of requests sent so from which a loop seems closed."""

_AT_ONCE = 0.05
"""Share of a run within which a burst arrives."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """A guess of how a run was loaded. ``rate``: arrivals a second, None for fewer than two times."""

    kind: str
    peak: int
    arrivals: int
    rate: float | None


def load_of(activity: Activity, run: str) -> Load | None:
    """The load of a run; None if none of its requests has an arrival."""
    span = activity.spans[run]
    if span.first is None:
        return None
    peak = activity.peak(run)
    seen = _seen(activity, run, span.first)
    arrivals, sent_ns = seen.arrivals, seen.sent_ns
    rate = (arrivals - 1) * 10**9 / sent_ns if sent_ns and arrivals > 1 else None
    kind = "open_loop"
    if arrivals < 2 * peak and sent_ns <= _AT_ONCE * (span.observed_ns or 0):
        kind = "burst"
    elif peak and arrivals >= 2 * peak and _is_closed(activity, run, peak, seen):
        kind = "closed_loop"
    return Load(kind=kind, peak=peak, arrivals=arrivals, rate=rate)


@dataclass(kw_only=True)
class _Spread:
    """Sums over some times in ns, for their variance."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, times: Int64s) -> None:
        """Take in ``times`` (S,) ns."""
        self.count += times.size
        self.total += float(times.sum(dtype=np.float64))
        self.squares += float(np.square(times.astype(np.float64)).sum())

    @property
    def variance(self) -> float:
        """Of all times so far, ns^2."""
        return self.squares / self.count - (self.total / self.count) ** 2


@dataclass(kw_only=True)
class _Seen:
    """Of a run: its arrivals, its time in flight in all, its last arrival after its first; ns."""

    arrivals: int = 0
    stays_ns: float = 0.0
    sent_ns: int = 0
    gaps: _Spread = field(default_factory=_Spread)


def _seen(activity: Activity, run: str, first: int) -> _Seen:
    """What is seen of a run whose first arrival is at ``first``."""
    seen = _Seen()
    for starts, ends in activity.times.aligned((run, "start"), (run, "end")):
        begun, ended = starts - first, ends - first
        seen.stays_ns += float(ended.sum(dtype=np.float64) - begun.sum(dtype=np.float64))
        before = np.full(min(seen.arrivals, 1), seen.sent_ns)
        seen.gaps.add(np.diff(begun, prepend=before))
        seen.arrivals += starts.size
        seen.sent_ns = int(begun[-1]) if begun.size else seen.sent_ns
    return seen


def _is_closed(activity: Activity, run: str, peak: int, seen: _Seen) -> bool:
    """Whether most requests come soon after an end, and no schedule explains it."""
    soon, soon_ns, spread = 0, _SOON * seen.stays_ns / seen.arrivals, _Spread()
    for lags in _lags(activity, run, peak):
        soon += int((lags <= soon_ns).sum())
        spread.add(lags)
    return soon >= _MOSTLY * (seen.arrivals - peak) and spread.variance < seen.gaps.variance


def _lags(activity: Activity, run: str, peak: int) -> Iterator[Int64s]:
    """How long after the (k - peak)-th end the k-th arrival comes, ns, k > peak."""
    starts = (block for (block,) in activity.times.aligned((run, "start")))
    ends = (block for (block,) in activity.times.aligned((run, "end")))
    later, ended = _none(), _none()
    skip = peak
    while True:
        if later.size == 0:
            block = next(starts, None)
            if block is None:
                return
            later, skip = block[skip:], max(0, skip - block.size)
        if ended.size == 0:
            ended = next(ends, _none())
        count = min(later.size, ended.size)
        yield later[:count] - ended[:count]
        later, ended = later[count:], ended[count:]


def _none() -> Int64s:
    return np.zeros(0, dtype=np.int64)
