"""The slow, obvious twin of capacity and best_rate: docs/metrics.md, section 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: offered rate, attained of requests, T, and lower and upper bound of its benefit."""

    rate: Fraction
    attained: int
    requests: int
    length: int
    benefit: tuple[Fraction, Fraction] | None


def capacity(runs: Sequence[Run], share: Fraction) -> tuple[str, Fraction | None]:
    """The largest rate r such that every run at a rate <= r passes, and what is to be said of it."""
    rates = {run.rate for run in runs}
    good = [rate for rate in rates if all(_passes(run, share) for run in runs if run.rate <= rate)]
    if not rates:
        return "no run", None
    if not good:
        return "fails", min(rates)
    return ("open" if max(good) == max(rates) else "found"), max(good)


def _passes(run: Run, share: Fraction) -> bool:
    """At least that share of all requests attains."""
    return run.attained >= share * run.requests


def best_rate(runs: Sequence[Run]) -> tuple[Fraction, bool] | None:
    """The rate with the highest smooth goodput, ties to the lower, and whether it is at an edge.

    None if what is known does not decide: some choice of unknown values within their bounds puts the
    maximum elsewhere. Unbounded values could be anything.
    """
    rates = sorted({run.rate for run in runs})
    winners = set()
    for high in rates:  # the value of one rate as high as can be, of all others as low
        values = {rate: _smooth(runs, rate, 1 if rate == high else 0) for rate in rates}
        if None in values.values():
            return None
        winners.add(max(rates, key=lambda rate: (values[rate], -rate)))
    if len(winners) != 1:
        return None
    (best,) = winners
    return best, best in (rates[0], rates[-1])


def _smooth(runs: Sequence[Run], rate: Fraction, side: int) -> Fraction | None:
    """The runs at one rate are a group: sum of benefit over sum of T."""
    mine = [run for run in runs if run.rate == rate]
    total = Fraction(0)
    for run in mine:
        if run.benefit is None:
            return None
        total += run.benefit[side]
    return total / sum(run.length for run in mine)
