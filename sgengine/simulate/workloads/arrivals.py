"""When requests arrive: at random, in bursts, or as they did in a trace."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from sgengine.errors import UsageError
from sgengine.simulate.workloads.draws import Stream

_SECOND = 1e9
_MAX_CV = 100.0
_SLACK = 1.25
"""Gaps drawn at once, over those expected: what is missing is drawn again, what is over is dropped."""


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """A renewal process: independent gaps of a gamma distribution.

    ``cv``: standard deviation of a gap over its mean. 1 is a Poisson process; above 1 requests come
    in bursts, below it they come more evenly, and 0 is a constant pace.
    """

    cv: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.cv <= _MAX_CV:
            raise UsageError(
                f"the gaps' coefficient of variation is {self.cv}: give 0 (even) to {_MAX_CV:g}; 1 is "
                "Poisson"
            )

    def gaps_ns(self, stream: Stream, n: int, rate: float) -> np.ndarray:
        """(n,) int64: ns between arrivals of ``rate`` requests/s in the mean."""
        if self.cv == 0.0:
            gaps = np.ones(n)
        elif self.cv == 1.0:
            gaps = stream.exponential(n)
        else:
            shape = 1.0 / self.cv**2
            gaps = stream.gamma(n, shape) / shape
        return np.rint(gaps * (_SECOND / rate)).astype(np.int64)


POISSON = Arrivals()


def arrivals_ns(
    arrivals: Arrivals,
    stream: Stream,
    *,
    rate: float,
    requests: int | None = None,
    duration_s: float | None = None,
) -> np.ndarray:
    """(n,) int64: times of arrival, ns since the start, non-decreasing.

    The first ``requests`` of them, or all in the first ``duration_s`` seconds: one of the two is
    given. Raises UsageError for a rate, count or duration that is not above 0.
    """
    check_rate(rate)
    if (requests is None) == (duration_s is None):
        raise UsageError("give either how many requests or how many seconds they come in")
    if requests is not None:
        if requests < 1:
            raise UsageError(f"{requests} requests: give 1 or more")
        return np.cumsum(arrivals.gaps_ns(stream, requests, rate))
    assert duration_s is not None, "one of the two is given"
    if not (math.isfinite(duration_s) and duration_s > 0):
        raise UsageError(f"the duration is {duration_s} s: give seconds above 0")
    return _within(arrivals, stream, rate, duration_s)


def _within(arrivals: Arrivals, stream: Stream, rate: float, duration_s: float) -> np.ndarray:
    end_ns = round(duration_s * _SECOND)
    some = math.ceil(rate * duration_s * _SLACK) + 1
    times = np.cumsum(arrivals.gaps_ns(stream, some, rate))
    while times[-1] < end_ns:
        more = np.cumsum(arrivals.gaps_ns(stream, some, rate)) + times[-1]
        times = np.concatenate([times, more])
    return times[times < end_ns]


def check_rate(rate: float) -> None:
    """Raise UsageError unless ``rate`` is requests/s above 0 whose gaps are nanoseconds at least."""
    if not (math.isfinite(rate) and 0 < rate <= _SECOND):
        raise UsageError(f"the request rate is {rate}: give requests a second above 0, as in 8")


def rescaled(arrival_ns: np.ndarray, rate: float | None) -> np.ndarray:
    """(n,) int64: ``arrival_ns`` from its first on, stretched evenly to ``rate`` requests/s.

    The rate of a trace is (n - 1) / (last - first arrival); None leaves its times as they are. Every
    gap changes by the same factor, so that bursts stay bursts. Raises UsageError for a rate of a
    trace that has no span.
    """
    times: np.ndarray = arrival_ns - arrival_ns[0]
    if rate is None:
        return times
    check_rate(rate)
    span_ns = int(times[-1])
    if span_ns == 0:
        raise UsageError("all requests of the trace arrive at once: it has no rate to change")
    factor = (len(times) - 1) * _SECOND / (rate * span_ns)
    return np.rint(times * factor).astype(np.int64)


_NAMED = {"poisson": POISSON, "even": Arrivals(cv=0.0)}
_GAMMA = re.compile(r"gamma:(\d+(?:\.\d+)?)")


def parse_arrivals(text: str) -> Arrivals:
    """The process of ``poisson``, ``even`` or ``gamma:CV``; UsageError for any other text."""
    if text in _NAMED:
        return _NAMED[text]
    bursts = _GAMMA.fullmatch(text)
    if bursts is None:
        raise UsageError(
            f"arrivals '{text}' are none of poisson, even and gamma:CV as in gamma:3, nor a trace "
            "file that is there"
        )
    return Arrivals(cv=float(bursts[1]))
