"""Inter-token-latency samples of a measured batch, and their histograms (GAPS)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sgengine.compute.measure import Measured
from sgengine.compute.ragged import frozen
from sgengine.compute.rows import tokens_of
from sgengine.kernels import gaps
from sgengine.kernels.histogram import N_BUCKETS, count_samples
from sgengine.schema.enums import ITL_RULES

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Samples:
    """ITL samples of S rows: ``values`` float64 ns, row i's from ``starts[i]`` to ``starts[i + 1]``."""

    values: Float64s
    starts: Int64s

    def groups(self, codes: Int64s) -> Int64s:
        """The group of each sample, from ``codes`` (S,) of the rows."""
        return np.repeat(codes, np.diff(self.starts))


def itl_samples(measured: Measured, rule: str, chosen: Int64s | None = None) -> Samples:
    """Samples of the kept rows, or of those of them at the positions ``chosen``, in order."""
    rows = measured.kept if chosen is None else measured.kept[chosen]
    ragged = measured.ragged
    code = ITL_RULES.index(rule)
    counts = np.zeros(ragged.rows, dtype=np.int64)
    gaps.count_row_samples(*tokens_of(ragged), code, counts)
    starts = np.concatenate([[0], np.cumsum(counts[rows])]).astype(np.int64)
    values = np.empty(int(starts[-1]))
    gaps.fill_samples(*tokens_of(ragged), code, frozen(rows), frozen(starts), values)
    return Samples(values=values, starts=starts)


def itl_histogram(measured: Measured, rule: str, codes: Int64s, groups: int) -> Int64s:
    """Counts (groups, N_BUCKETS) int64 of the kept rows' samples; ``codes`` is each kept row's group."""
    counts = np.zeros((groups, N_BUCKETS), dtype=np.int64)
    if rule == "chunk":
        by_row = np.zeros(measured.ragged.rows, dtype=np.int64)
        by_row[measured.kept] = codes
        ragged = measured.ragged
        gaps.count_gaps(
            ragged.times,
            ragged.offsets,
            frozen(by_row),
            ragged.kinds,
            frozen(measured.kept),
            counts,
        )
        return counts
    samples = itl_samples(measured, rule)
    count_samples(samples.values, samples.groups(codes), counts)
    return counts
