"""How requests were sent: when others ended (closed loop), at a rate (open loop), or all at once.

A closed loop of C sends its k-th request when the (k - C)-th of all ends has come. In an open loop,
which has C in flight at its peak alone, most requests come long after that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
    arrivals, stay_ns, sent_ns = _stays(activity, run, span.first)
    rate = (arrivals - 1) * 10**9 / sent_ns if sent_ns and arrivals > 1 else None
    kind = "open_loop"
    if arrivals < 2 * peak and sent_ns <= _AT_ONCE * (span.observed_ns or 0):
        kind = "burst"
    elif peak and arrivals >= 2 * peak:
        soon = sum(int((lags <= _SOON * stay_ns).sum()) for lags in _lags(activity, run, peak))
        kind = "closed_loop" if soon >= _MOSTLY * (arrivals - peak) else kind
    return Load(kind=kind, peak=peak, arrivals=arrivals, rate=rate)


def _stays(activity: Activity, run: str, first: int) -> tuple[int, float, int]:
    """Requests, their mean time in flight, and the time from first to last arrival, in ns."""
    arrivals, total, sent_ns = 0, 0.0, 0
    for starts, ends in activity.times.aligned((run, "start"), (run, "end")):
        arrivals += starts.size
        total += float(
            (ends - first).sum(dtype=np.float64) - (starts - first).sum(dtype=np.float64)
        )
        sent_ns = int(starts[-1]) - first if starts.size else sent_ns
    return arrivals, total / arrivals if arrivals else 0.0, sent_ns


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
