"""Where the percentiles of a group lie among the fine buckets, by its samples so far.

What is looked into are brackets around each of them. Once these are few, most gaps lie between, and need
not be told apart: it is enough how many they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.distribution import QUANTILES
from sgengine.compute import Sifted, Skip
from sgengine.compute.ragged import frozen
from sgengine.kernels.select import N_FINE, find_ranks, fine_edges

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
UInt8s = npt.NDArray[np.uint8]

SLACK = 0.0025
"""Room for percentiles that drift while samples come: in ranks, this times the count and sqrt(q (1 - q))."""

_SIGMAS = 20.0
"""Standard deviations of a rank among independent samples. The gaps of a request are not: twenty are still
eight where six are like one."""

_LEAST_SIGMAS = 8.0
_SAMPLE_SIGMAS = 5.0
"""The same for an even sample of all gaps: what it misses is looked for once more."""


@cache
def edges() -> Float64s:
    """Lower edges of the fine buckets in ns, and the end of the last, which holds 2^63 too; read-only."""
    out = np.empty(N_FINE + 1)
    fine_edges(out)
    out[-1] = np.nextafter(out[-1], np.inf)
    out.flags.writeable = False
    return out


@dataclass(frozen=True, kw_only=True)
class Coarse:
    """Buckets that gaps are only counted for together: those before ``first``, those of ``low`` to ``high``."""

    first: int
    low: int
    high: int

    def skip(self) -> Skip:
        """The same in ns; edges of buckets are whole."""
        first, low, high = (int(edges()[at]) for at in (self.first, self.low, self.high))
        return Skip(first=first, low=low, high=high)

    def count(self, sifted: Sifted, counts: Int64s, vague: UInt8s) -> None:
        """Put what was skipped where it is counted, and tell which buckets ``counts`` is now vague about."""
        counts[0] += sifted.below
        counts[self.low] += sifted.between
        vague[: self.first] = 1
        vague[self.low : self.high] = 1


@dataclass(frozen=True, kw_only=True)
class Focus:
    """The buckets (N_FINE,) uint8 around the percentiles of a group, by ``count`` of its samples.

    ``coarse``: buckets that are not looked into, none of them wanted.
    """

    wanted: UInt8s
    count: int
    coarse: Coarse | None


def buckets_of(counts: Int64s, ranks: Int64s) -> tuple[Int64s, Int64s]:
    """The bucket of each of ``ranks`` (K,) from 0, and how many samples are in those before it, (K,) each."""
    places, below = np.empty((2, ranks.size), dtype=np.int64)
    find_ranks(counts, frozen(ranks), places, below)
    return places, below


def brackets(counts: Int64s, slack: float) -> UInt8s:
    """The buckets (N_FINE,) around each percentile of the samples so far, 1 for in and 0 for out.

    Some standard deviations of a rank to each side, and the ``slack``; where that is less than SLACK,
    as many fewer standard deviations, but eight.
    """
    count = int(counts.sum())
    sigmas = max(_SIGMAS * slack / SLACK, _LEAST_SIGMAS)
    drift = sigmas * math.sqrt(count) + slack * count
    bounds = []
    for _, q in QUANTILES:
        room = math.sqrt(q * (1 - q)) * drift + 1
        bounds += [math.floor(q * count - room), math.floor(q * count + room)]
    places = buckets_of(counts, np.array(bounds))[0].tolist()
    wanted = np.zeros(N_FINE, dtype=np.uint8)
    for low, high in zip(places[::2], places[1::2], strict=True):
        wanted[max(low - 1, 0) : high + 2] = 1
    return wanted


def coarse_of(counts: Int64s, wanted: UInt8s) -> Coarse | None:
    """What need not be looked into: what is below all brackets, and what most samples are in above the first.

    None if that comes to less than a fourth of all samples, or nothing is wanted.
    """
    inside = np.concatenate([[False], wanted == 1, [False]])
    cuts = np.flatnonzero(inside[1:] != inside[:-1]).tolist()
    if not cuts:
        return None
    regions = [(a, b) for a, b in zip(cuts[1::2], [*cuts[2::2], N_FINE], strict=True) if a < b]
    sizes = [int(counts[a:b].sum()) for a, b in regions]
    most = max(sizes, default=0)
    if 4 * (int(counts[: cuts[0]].sum()) + most) < int(counts.sum()):
        return None
    low, high = regions[sizes.index(most)] if regions else (0, 0)
    return Coarse(first=cuts[0], low=low, high=high)


def counts_of(values: Float64s) -> Int64s:
    """``values`` (S,) ns, in order, by fine bucket: (N_FINE,)."""
    return np.diff(np.searchsorted(values, edges()))


def buckets_about(q: float, ordered: Float64s) -> tuple[int, int]:
    """The buckets, from one up to another, in which the quantile ``q`` of all lies, by an ``ordered`` sample."""
    size = ordered.size
    room = _SAMPLE_SIGMAS * math.sqrt(q * (1 - q) * size) + 1
    low, high = math.floor(q * size - room), math.ceil(q * size + room)
    ends = edges()
    first = np.searchsorted(ends, ordered[low], side="right") - 2 if low >= 0 else 0
    last = np.searchsorted(ends, ordered[high], side="right") + 1 if high < size else N_FINE
    return max(int(first), 0), min(int(last), N_FINE)
