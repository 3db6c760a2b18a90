"""Mean, spread and exact percentiles of a set of values (METRICS 5)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64s = npt.NDArray[np.float64]

QUANTILES = (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99_9", 0.999))
"""The percentiles of every distribution, by column suffix."""

STATISTICS = ("mean", "std", "p50", "p90", "p95", "p99", "p99_9", "min", "max")
_NS_PER_MS = 1e6


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """``count`` values summarised, in ns; every statistic is None for none.

    std has ddof 0; percentiles interpolate linearly between order statistics, as numpy and SQL's
    quantile_cont do.
    """

    count: int
    mean: float | None = None
    std: float | None = None
    min: float | None = None
    max: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    p99_9: float | None = None

    def unsupported(self) -> tuple[str, ...]:
        """Percentiles beyond the ``count``: fewer than 1 / (1 - q) values, so the largest decides."""
        return tuple(name for name, q in QUANTILES if 0 < self.count < round(1 / (1 - q), 6))

    def in_ms(self) -> dict[str, float | int | list[str] | None]:
        """The statistics in milliseconds, with ``count`` and the ``unsupported`` percentiles."""
        values: dict[str, float | int | list[str] | None] = {"count": self.count}
        for name in STATISTICS:
            value = getattr(self, name)
            values[name] = None if value is None else value / _NS_PER_MS
        values["unsupported"] = list(self.unsupported())
        return values


def positions(count: int) -> list[tuple[str, int, float]]:
    """For each percentile of ``count`` values: its name, the lower rank (from 0), the way to the next."""
    places = []
    for name, q in QUANTILES:
        at = q * (count - 1)
        low = min(math.floor(at), count - 1)
        places.append((name, low, at - low))
    return places


def interpolate(low: float, high: float, way: float) -> float:
    """Between two order statistics, from the nearer end: numpy's rounding, to the last bit."""
    if way >= 0.5:
        return high - (high - low) * (1 - way)
    return low + (high - low) * way


def distribution(values: npt.NDArray[np.int64] | Float64s) -> Distribution:
    """Of ``values`` (S,) in ns, in any order; sorted first, so that no order changes the last bit."""
    count = values.size
    if count == 0:
        return Distribution(count=0)
    ordered = np.sort(values).astype(np.float64, copy=False)
    quantiles = {
        name: interpolate(float(ordered[low]), float(ordered[min(low + 1, count - 1)]), way)
        for name, low, way in positions(count)
    }
    # As np.mean and np.std have it, to the last bit, in a third of the time.
    mean = np.add.reduce(ordered) / count
    spread = ordered - mean
    return Distribution(
        count=count,
        mean=float(mean),
        std=math.sqrt(np.add.reduce(np.multiply(spread, spread, out=spread)) / count),
        min=float(ordered[0]),
        max=float(ordered[-1]),
        **quantiles,
    )
