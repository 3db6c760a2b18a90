"""The formulas of statistics written out plainly, for summaries that tests make themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction


def mean(xs: Sequence[float]) -> float:
    return math.fsum(xs) / len(xs)


def std(xs: Sequence[float], ddof: int = 0) -> float:
    middle = mean(xs)
    return math.sqrt(math.fsum((x - middle) ** 2 for x in xs) / (len(xs) - ddof))


def linear(xs: Sequence[float], percent: float) -> float:
    """Between the two order statistics around rank percent / 100 * (n - 1)."""
    ordered = sorted(xs)
    at = Fraction(str(percent)) / 100 * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * float(at - low)


def nearest(xs: Sequence[float], percent: float) -> float:
    return sorted(xs)[round(Fraction(str(percent)) / 100 * (len(xs) - 1))]


def inverted(pairs: Sequence[tuple[float, float]], percent: float) -> float:
    """The smallest value whose weight and that of all smaller ones reaches the share."""
    goal, total = Fraction(str(percent)) / 100 * sum(Fraction(w) for _, w in pairs), Fraction(0)
    for x, weight in sorted(pairs):
        total += Fraction(weight)
        if weight and total >= goal:
            return x
    raise AssertionError("no weight")


def weighted_mean(pairs: Sequence[tuple[float, float]]) -> float:
    return math.fsum(x * w for x, w in pairs) / math.fsum(w for _, w in pairs)
