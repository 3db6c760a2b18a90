"""The statistics that clients print, each by its own method: percentiles, ddof, weights.

A statistic is named mean, std, variance, min, max, sum, count, mode, or p and a percentage (p50,
p99.9). All arithmetic is float64, in the order that the clients use where the order decides a rank.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.distribution import interpolate

Floats = npt.NDArray[np.float64]

LINEAR = "linear"
INVERTED_CDF = "inverted CDF"
NEAREST = "nearest"
LOWER = "lower"
METHODS = (LINEAR, INVERTED_CDF, NEAREST, LOWER)
"""How a percentile is found: between two order statistics; the smallest value whose share of the
weight reaches it; the order statistic nearest to its rank, half to even; the one below its rank."""

SPREADS = ("std", "variance")

_SPELLINGS = {
    "avg": "mean",
    "average": "mean",
    "median": "p50",
    "stddev": "std",
    "std_dev": "std",
    "total_sum": "sum",
    "total": "sum",
}
_NAMES = frozenset({"mean", "std", "variance", "min", "max", "sum", "count", "mode"})
_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)")


def statistic_named(word: str) -> str | None:
    """The statistic that a client spells ``word``; None if it is none."""
    lower = word.lower()
    name = _SPELLINGS.get(lower, lower)
    if name in _NAMES:
        return name
    match = _PERCENTILE.fullmatch(name)
    return f"p{float(match[1]):g}" if match and float(match[1]) <= 100 else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """Sorted values with their weights (None: each 1), and the methods of a client.

    ``count``: what the client gives as count where it is not the number of values. ``plain``: equal
    values were not merged, and count and sum disregard the weights.
    """

    values: Floats
    weights: Floats | None = None
    method: str = LINEAR
    ddof: int = 0
    count: float | None = None
    plain: bool = False

    @classmethod
    def of(
        cls,
        values: Floats,
        *,
        weights: Floats | None = None,
        method: str = LINEAR,
        ddof: int = 0,
        count: float | None = None,
        plain: bool = False,
    ) -> Population:
        """Of values in any order; equal ones are merged where they have weights, unless ``plain``."""
        order = np.argsort(values, kind="stable")
        if weights is None or plain:
            return cls(
                values=values[order],
                weights=None if weights is None else weights[order],
                method=method,
                ddof=ddof,
                count=count,
                plain=plain,
            )
        distinct, places = np.unique(values, return_inverse=True)
        merged = np.bincount(places, weights, distinct.size).astype(np.float64)
        kept = merged > 0
        return cls(
            values=distinct[kept],
            weights=merged[kept],
            method=method,
            ddof=ddof,
            count=round(float(weights.sum())) if count is None else count,
        )

    @property
    def scale(self) -> float:
        """The largest magnitude among the values, what rounding errors are measured by."""
        return float(np.abs(self.values[np.isfinite(self.values)]).max(initial=0.0))

    def get(self, statistic: str) -> float | None:
        """The statistic; None for one of no values but count and sum."""
        if statistic == "count":
            return float(self.values.size if self.count is None else self.count)
        if self.values.size == 0:
            return 0.0 if statistic == "sum" else None
        if statistic in ("min", "max"):
            return float(self.values[0 if statistic == "min" else -1])
        if statistic.startswith("p"):
            return self.percentile(float(statistic[1:]) / 100)
        return self._moment(statistic)

    def _moment(self, statistic: str) -> float | None:
        if statistic == "mean":
            return self.mean()
        if statistic == "sum":
            return self._sum()
        if statistic == "mode":
            return self._mode()
        variance = self._variance()
        return variance if variance is None or statistic == "variance" else math.sqrt(variance)

    def _shares(self) -> Floats:
        assert self.weights is not None
        return np.asarray(self.weights / self.weights.sum(), dtype=np.float64)

    def mean(self) -> float:
        """The weighted mean."""
        if self.weights is None:
            return float(np.mean(self.values))
        return float((self.values * self._shares()).sum())

    def _sum(self) -> float:
        if self.weights is None or self.plain:
            return float(np.sum(self.values))
        return self.mean() * float(self.count or 0)

    def _mode(self) -> float:
        """The value of the greatest weight, the smallest of several."""
        if self.weights is None:
            return float(self.values[0])
        return float(self.values[np.argmax(self._shares())])

    def _variance(self) -> float | None:
        if self.weights is None:
            degrees = self.values.size - self.ddof
            return float(np.var(self.values, ddof=self.ddof)) if degrees > 0 else None
        return float(((self.values - self.mean()) ** 2 * self._shares()).sum())

    def percentile(self, share: float) -> float:
        """The value at ``share`` (0 to 1) by the population's method."""
        if self.method == INVERTED_CDF:
            return self._inverted(share)
        last = self.values.size - 1
        at = share * last
        if self.method == NEAREST:
            return float(self.values[round(at)])
        low = min(math.floor(at), last)
        if self.method == LOWER:
            return float(self.values[low])
        high = min(low + 1, last)
        return interpolate(float(self.values[low]), float(self.values[high]), at - low)

    def _inverted(self, share: float) -> float:
        size = self.values.size
        shares = np.full(size, 1 / size) if self.weights is None else self._shares()
        found = int(np.searchsorted(np.cumsum(shares), share))
        return float(self.values[min(found, size - 1)])
