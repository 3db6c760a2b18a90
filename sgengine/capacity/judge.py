"""Capacity and best rate of runs at known rates (METRICS 5): pure, from each run's own figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby

FOUND, IS_OPEN, FAILS, NO_SLO, NO_RUN = "found", "open", "fails", "no SLO", "no run"
"""What came of the search for a capacity."""

LOWEST, HIGHEST, ONLY = "lowest", "highest", "only"
"""Where a best rate lies that is at the edge of the offered rates."""


@dataclass(frozen=True, kw_only=True)
class RatedRun:
    """One run of a group: its offered rate in requests/s, and its figures as METRICS 5 defines them.

    ``rate_source``: stated or observed. ``excluded``: why the run is in no result, None if it is;
    ``rate`` is None for some of those.
    """

    run: str
    rate: float | None
    rate_source: str | None
    excluded: str | None
    requests: int
    duration_s: float | None
    output_throughput: float | None
    slo_attainment: float | None
    slo_undetermined: int | None
    request_goodput: float | None
    token_goodput: float | None
    smooth_goodput: float | None
    smooth_goodput_min: float | None
    smooth_goodput_max: float | None


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """The largest offered rate up to which every run keeps the SLO, in requests/s.

    ``verdict``: FOUND; IS_OPEN, the highest rate passes, so that capacity is ``at_least`` that; FAILS,
    the lowest does not, so that it is ``below`` that; NO_SLO; NO_RUN. ``rate`` is None unless FOUND.
    """

    verdict: str
    rate: float | None = None
    at_least: float | None = None
    below: float | None = None

    def per(self, gpus: int) -> Capacity:
        """The same, divided by a number of GPUs."""
        rate, least, below = (
            None if value is None else value / gpus
            for value in (self.rate, self.at_least, self.below)
        )
        return replace(self, rate=rate, at_least=least, below=below)


@dataclass(frozen=True, kw_only=True)
class BestRate:
    """The offered rate with the highest smooth goodput, the lower of equals.

    ``rate`` is None where there is no run, or bounds of smooth goodput do not decide. ``edge``: LOWEST,
    HIGHEST or ONLY where no rate was offered beyond it on one side or both: the best may lie there.
    """

    rate: float | None = None
    smooth_goodput: float | None = None
    edge: str | None = None


def capacity_of_runs(runs: Sequence[RatedRun], attainment: float) -> Capacity:
    """No interpolation; of several runs at one rate all must pass, and an undefined share does not.

    Shares and ``attainment`` are quotients rounded once, so that they compare as the quotients do
    while a share's denominator has no more than nine digits and ``attainment`` six.
    """
    rated = _by_rate(runs)
    if not rated:
        return Capacity(verdict=NO_RUN)
    if all(run.slo_attainment is None for _, mine in rated for run in mine):
        return Capacity(verdict=NO_SLO)
    best = None
    for rate, mine in rated:
        if not all(_passes(run, attainment) for run in mine):
            break
        best = rate
    if best is None:
        return Capacity(verdict=FAILS, below=rated[0][0])
    if best == rated[-1][0]:
        return Capacity(verdict=IS_OPEN, at_least=best)
    return Capacity(verdict=FOUND, rate=best)


def _passes(run: RatedRun, attainment: float) -> bool:
    return run.slo_attainment is not None and run.slo_attainment >= attainment


def best_rate_of_runs(runs: Sequence[RatedRun]) -> BestRate:
    """Runs at one rate are one group, whose T is the sum of theirs.

    Where a smooth goodput is known by its bounds alone, they decide if they can.
    """
    rated = [(rate, *_smooth(mine)) for rate, mine in _by_rate(runs)]
    for i, (rate, low, high) in enumerate(rated):
        if low is None:
            continue
        beats_lower = all(_beats(low, other, ties=False) for _, _, other in rated[:i])
        if beats_lower and all(_beats(low, other, ties=True) for _, _, other in rated[i + 1 :]):
            return BestRate(
                rate=rate,
                smooth_goodput=float(low) if low == high else None,
                edge=_edge(i, len(rated)),
            )
    return BestRate()


def _beats(low: Fraction, high: Fraction | None, *, ties: bool) -> bool:
    """Whether at least ``low`` is for certain better than at most ``high``; with ``ties``, or as good."""
    return high is not None and (low > high or (ties and low == high))


def _edge(place: int, count: int) -> str | None:
    if count == 1:
        return ONLY
    return LOWEST if place == 0 else HIGHEST if place == count - 1 else None


def _smooth(runs: Sequence[RatedRun]) -> tuple[Fraction | None, Fraction | None]:
    """Lower and upper bound of the smooth goodput of all runs together, equal where it is known."""
    return _together(runs, "smooth_goodput_min"), _together(runs, "smooth_goodput_max")


def _together(runs: Sequence[RatedRun], bound: str) -> Fraction | None:
    """Sum of benefit over sum of T, exactly; None if any part is unknown."""
    benefit, length = Fraction(), Fraction()
    for run in runs:
        value = getattr(run, bound) if run.smooth_goodput is None else run.smooth_goodput
        if value is None or run.duration_s is None:
            return None
        benefit += Fraction(value) * Fraction(run.duration_s)
        length += Fraction(run.duration_s)
    return benefit / length


def _by_rate(runs: Sequence[RatedRun]) -> list[tuple[float, list[RatedRun]]]:
    """The runs that count, by ascending rate."""
    rated = [(run.rate, run) for run in runs if run.excluded is None and run.rate is not None]
    rated.sort(key=lambda pair: pair[0])
    return [(rate, [run for _, run in mine]) for rate, mine in groupby(rated, lambda p: p[0])]
