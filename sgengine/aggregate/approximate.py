"""Percentiles from a stored histogram of gaps, where the samples are gone (METRICS 5: ``_approx``)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.distribution import Distribution, interpolate, positions
from sgengine.aggregate.gap_table import gap_edges
from sgengine.kernels.histogram import RELATIVE_ERROR

Int64s = npt.NDArray[np.int64]

__all__ = ["RELATIVE_ERROR", "approximate"]


def approximate(buckets: Int64s, counts: Int64s) -> Distribution:
    """The distribution of samples of which ``counts`` (B,) lie in ``buckets`` (B,) of GAPS, in any order.

    A sample counts as the middle of its bucket, so that mean, min, max and percentiles are within
    ``RELATIVE_ERROR`` of the exact ones, and half a ns, which is the bound of buckets below 256 ns. A
    standard deviation has no such bound: None.
    """
    order = np.argsort(buckets, kind="stable")
    counts = counts[order]
    total = int(counts.sum())
    if total == 0:
        return Distribution(count=0)
    bounds = gap_edges()
    middles = (bounds[buckets] / 2 + bounds[buckets + 1] / 2)[order]
    upto = np.cumsum(counts)

    def at(rank: int) -> float:
        return float(middles[np.searchsorted(upto, rank, side="right")])

    quantiles = {
        name: interpolate(at(low), at(min(low + 1, total - 1)), way)
        for name, low, way in positions(total)
    }
    return Distribution(
        count=total,
        mean=float(np.dot(middles, counts.astype(np.float64)) / total),
        min=at(0),
        max=at(total - 1),
        **quantiles,
    )
