"""Pooled ITL percentiles, exact, in bounded memory.

Samples are kept as they are while they fit. Beyond that every group has a log-linear histogram, and
further passes over the tokens look into the buckets that hold a wanted rank (``ranks``): two or three
reach the exact order statistics, whatever the order or the partitions of the samples. Samples that
fit are counted in fine buckets, and only those of the wanted buckets are sorted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.distribution import Distribution
from sgengine.aggregate.keys import Key
from sgengine.aggregate.moments import Moments
from sgengine.aggregate.ranks import RankSearch, by_code, distribution_of, wanted_ranks
from sgengine.kernels.histogram import N_BUCKETS, bucket_edges, count_samples
from sgengine.kernels.select import N_FINE, count_fine, take_buckets

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


def edges() -> Float64s:
    """Lower edges of the histogram's buckets in ns, and the end of the last, which holds 2^63 too."""
    out = np.empty(N_BUCKETS + 1)
    bucket_edges(out)
    out[-1] = np.nextafter(out[-1], np.inf)
    return out


@dataclass(kw_only=True)
class GapPool:
    """The pooled samples of every group: ``values`` until ``limit_bytes`` is passed, then ``counts``.

    ``whole`` says that samples are whole ns (rules chunk and token): a ns need not be cut further.
    """

    limit_bytes: int
    whole: bool
    values: dict[Key, list[Float64s]] = field(default_factory=dict)
    counts: dict[Key, Int64s] = field(default_factory=dict)
    moments: dict[Key, Moments] = field(default_factory=dict)
    held_bytes: int = 0
    exact: bool = True

    def add(self, keys: list[Key], codes: Int64s, values: Float64s) -> None:
        """Take in ``values`` (S,) ns; sample k belongs to group ``keys[codes[k]]``."""
        for key, mine in by_code(keys, codes, values):
            if mine.size:
                self._moments_of(key).add(mine)
                self._keep(key, mine)

    def merge(self, other: GapPool) -> None:
        """Take in all samples of ``other``."""
        for key, moments in other.moments.items():
            self._moments_of(key).merge(moments)
        for key, parts in other.values.items():
            for part in parts:
                self._keep(key, part)
        if not other.exact:
            self._count_all()
            for key, counts in other.counts.items():
                self._counts_of(key)[:] += counts

    def _moments_of(self, key: Key) -> Moments:
        if key not in self.moments:
            self.moments[key] = Moments(whole=self.whole)
        return self.moments[key]

    def _keep(self, key: Key, values: Float64s) -> None:
        if not self.exact:
            self._count(key, values)
            return
        self.values.setdefault(key, []).append(values)
        self.held_bytes += values.nbytes
        if self.held_bytes > self.limit_bytes:
            self._count_all()

    def _count_all(self) -> None:
        self.exact = False
        for key, parts in self.values.items():
            for part in parts:
                self._count(key, part)
        self.values = {}
        self.held_bytes = 0

    def _counts_of(self, key: Key) -> Int64s:
        if key not in self.counts:
            self.counts[key] = np.zeros(N_BUCKETS, dtype=np.int64)
        return self.counts[key]

    def _count(self, key: Key, values: Float64s) -> None:
        groups = np.zeros(values.size, dtype=np.int64)
        count_samples(values, groups, self._counts_of(key).reshape(1, -1))

    def distributions(self) -> dict[Key, Distribution]:
        """Of each group, from the samples held; only while ``exact``."""
        assert self.exact, "the samples are still held"
        return {
            key: distribution_of(self.moments[key], order_statistics(parts))
            for key, parts in self.values.items()
        }

    def search(self) -> RankSearch:
        """The search for the exact order statistics, once the samples did not fit."""
        bounds = edges()
        search = RankSearch(limit_bytes=self.limit_bytes, whole=self.whole, moments=self.moments)
        for key, counts in self.counts.items():
            for rank in wanted_ranks(self.moments[key].count):
                search.open(key, rank, bounds, counts)
        return search


def order_statistics(parts: list[Float64s]) -> dict[int, float]:
    """The order statistics that the percentiles of all samples in ``parts`` need, by rank from 0."""
    ranks = wanted_ranks(sum(part.size for part in parts))
    counts = np.zeros(N_FINE, dtype=np.int64)
    for part in parts:
        count_fine(part, counts)
    upto = np.cumsum(counts)
    buckets = np.searchsorted(upto, ranks, side="right")
    wanted = np.zeros(N_FINE, dtype=np.uint8)
    wanted[buckets] = 1
    taken = np.where(wanted == 1, counts, 0)
    left_out = upto - counts - (np.cumsum(taken) - taken)
    # One place more than is taken: take_buckets writes a sample before it knows whether it stays.
    room = np.empty(int(taken.sum()) + 1)
    at = 0
    for part in parts:
        at = take_buckets(part, wanted, room, at)
    places = [int(rank - left_out[bucket]) for rank, bucket in zip(ranks, buckets, strict=True)]
    ordered = np.partition(room[:at], sorted(set(places)))
    return {rank: float(ordered[place]) for rank, place in zip(ranks, places, strict=True)}
