"""Exact percentiles of samples too many to hold, from one pass over them.

A sketch counts its samples by fine buckets (0.1 % wide) and keeps those of the buckets in which the
percentiles will lie: where they lie is known well from the first fifty thousand samples. At the end
the counts say which bucket holds each wanted rank; if its samples were kept from the first one on, the
order statistic is exact, else one more pass over the tokens looks into that bucket alone (``ranks``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.distribution import QUANTILES, positions
from sgengine.compute import GapSums, RowSamples
from sgengine.compute.ragged import frozen
from sgengine.kernels.select import N_FINE, find_ranks, fine_edges, sift, sift_kept

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
UInt8s = npt.NDArray[np.uint8]

SLACK = 0.02
"""Room for percentiles that drift while samples come: in ranks, this times the count and sqrt(q (1 - q))."""

_SIGMAS = 8.0
_LEAST_SLACK = SLACK / 64
_MANY_PARTS = 256
_SMALL_BYTES = 1 << 16
_WORTH_BYTES = 4 << 20
"""Up to so many bytes need not be looked through for what is of no use."""

OFTEN = 4
"""Ranks are looked at anew once there are so many times as many samples."""


@cache
def edges() -> Float64s:
    """Lower edges of the fine buckets in ns, and the end of the last, which holds 2^63 too; read-only."""
    out = np.empty(N_FINE + 1)
    fine_edges(out)
    out[-1] = np.nextafter(out[-1], np.inf)
    out.flags.writeable = False
    return out


def wanted_ranks(count: int) -> list[int]:
    """The ranks, from 0, of the order statistics that the percentiles of ``count`` values need."""
    ranks = {low for _, low, _ in positions(count)}
    return sorted(ranks | {min(rank + 1, count - 1) for rank in ranks})


def order_statistics(parts: list[Float64s]) -> dict[int, float]:
    """The order statistics that the percentiles of all samples in ``parts`` need, by rank from 0."""
    values = np.concatenate(parts)
    ranks = wanted_ranks(values.size)
    ordered = np.partition(values, ranks)
    return {rank: float(ordered[rank]) for rank in ranks}


@dataclass(frozen=True, kw_only=True)
class Focus:
    """The buckets (N_FINE,) uint8 around the percentiles of a group, by ``count`` of its samples."""

    wanted: UInt8s
    count: int


@dataclass(kw_only=True)
class Sketch:
    """``counts`` (N_FINE,) of all samples so far, and all samples so far of the ``wanted`` buckets."""

    counts: Int64s = field(default_factory=lambda: np.zeros(N_FINE, dtype=np.int64))
    wanted: UInt8s = field(default_factory=lambda: np.ones(N_FINE, dtype=np.uint8))
    kept: list[Float64s] = field(default_factory=list)
    slack: float = SLACK
    count: int = 0
    focused: int = 0
    kept_bytes: int = 0
    many: int = _MANY_PARTS

    @classmethod
    def by(cls, focus: Focus) -> Sketch:
        """An empty one that looks where another found the percentiles: it keeps less from the start."""
        return cls(wanted=focus.wanted.copy(), focused=focus.count)

    @property
    def focus(self) -> Focus:
        """Where it found the percentiles to lie when it last looked; nowhere yet: count 0."""
        return Focus(wanted=self.wanted.copy(), count=self.focused)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self.counts.nbytes + self.wanted.nbytes + self.kept_bytes

    def add(self, values: Float64s) -> None:
        """Take in ``values`` (S,) ns."""
        room = np.empty(values.size + 1)
        self._keep(room[: sift(values, self.wanted, self.counts, room)], values.size)

    def add_gaps(self, samples: RowSamples, room: Float64s) -> GapSums | None:
        """Take in samples that are gaps, without writing them down; their sums (RowSamples.sift).

        ``room``: scratch, for a place more than there are samples.
        """
        kept, sums = samples.sift(self.wanted, self.counts, room)
        self._keep(room[:kept], samples.count)
        return sums

    def _keep(self, values: Float64s, of: int) -> None:
        self.count += of
        self.kept.append(values.copy())
        self.kept_bytes += values.nbytes
        self._tidy()

    def _tidy(self) -> None:
        """Look at the ranks now and then: often enough to save memory, seldom enough to cost no time."""
        if self.focused and self.count >= OFTEN * self.focused:
            self.look()
        elif len(self.kept) > self.many:
            self._join()

    def merge(self, other: Sketch) -> None:
        """Take in all samples of ``other``; what only one of the two kept is no longer complete.

        What is no longer complete stays until it is a fourth of what is: sifted at every merge, the
        samples of fifty parts took longer than all gaps took to be counted.
        """
        self.counts += other.counts
        self.count += other.count
        self.wanted &= other.wanted
        self.slack = min(self.slack, other.slack)
        self.kept.extend(other.kept)
        self.kept_bytes += other.kept_bytes
        self.focused = max(self.focused, other.focused)
        self._tidy()
        if self.kept_bytes > _WORTH_BYTES and self._is_worth():
            self._drop()

    def look(self) -> None:
        """Keep only what the percentiles may need, by the samples so far; their ranks are sharper now.

        What is kept already stays until enough of it is of no use, as in ``merge``.
        """
        self._focus()
        if self._is_worth():
            self._drop()

    def _focus(self) -> None:
        self.wanted &= brackets(self.counts, self.slack)
        self.focused = self.count

    def _is_worth(self) -> bool:
        """Whether as much as a fourth of what is of use is kept beside it."""
        return 4 * self.kept_bytes > 5 * 8 * int(self.counts[self.wanted == 1].sum())

    def narrow(self) -> bool:
        """Halve the slack, or keep nothing once there is none left; whether anything is still kept."""
        if not self.sharpen():
            self.wanted[:] = 0
            self._drop()
            return False
        return True

    def sharpen(self) -> bool:
        """Halve the slack, and keep less; whether there was any left to halve."""
        if self.slack <= _LEAST_SLACK:
            return False
        self.slack /= 2
        self._focus()
        self._drop()
        return True

    def _drop(self) -> None:
        """Keep of each part what is wanted: part by part, for all at once would be there twice.

        A part is sifted into its own place, as ``sift_kept`` writes nothing that it has not read.
        """
        for place, part in enumerate(self.kept):
            left = sift_kept(part, self.wanted, part, 0)
            self.kept[place] = part[:left].copy() if left < part.size else part
        if len(self.kept) > self.many // 2:
            self._join()
        self.kept_bytes = sum(part.nbytes for part in self.kept)

    def _join(self) -> None:
        """One part of all small ones: to copy the large ones took longer than to look at each."""
        small = [part for part in self.kept if part.nbytes < _SMALL_BYTES]
        large = [part for part in self.kept if part.nbytes >= _SMALL_BYTES]
        self.kept = [*large, np.concatenate(small)] if small else large
        self.many = 2 * len(self.kept) + _MANY_PARTS

    def _of(self, buckets: UInt8s) -> Float64s:
        """The kept samples of some buckets."""
        room = np.empty(sum(part.size for part in self.kept) + 1)
        at = 0
        for part in self.kept:
            at = sift_kept(part, buckets, room, at)
        return room[:at].copy()

    def known(self, wanted: Sequence[int] | None = None) -> dict[int, float]:
        """The order statistics that lie in buckets whose samples are all here, by rank.

        Those that percentiles need, unless others are ``wanted``.
        """
        ranks = np.array(wanted_ranks(int(self.counts.sum())) if wanted is None else wanted)
        places, below = buckets_of(self.counts, ranks)
        complete = self.wanted[places] == 1
        ranks, places, below = ranks[complete], places[complete], below[complete]
        found, first, at = np.unique(places, return_index=True, return_inverse=True)
        needed = np.zeros(N_FINE, dtype=np.uint8)
        needed[found] = 1
        values = self._of(needed)
        # Of a rank, what is less and not among the values: all below its bucket, but other needed ones.
        own = self.counts[found]
        left_out = below[first] - (np.cumsum(own) - own)
        at = ranks - left_out[at]
        ordered = np.partition(values, np.unique(at)) if at.size else values
        return {int(rank): float(ordered[k]) for rank, k in zip(ranks, at, strict=True)}


def buckets_of(counts: Int64s, ranks: Int64s) -> tuple[Int64s, Int64s]:
    """The bucket of each of ``ranks`` (K,) from 0, and how many samples are in those before it, (K,) each."""
    places, below = np.empty((2, ranks.size), dtype=np.int64)
    find_ranks(counts, frozen(ranks), places, below)
    return places, below


def brackets(counts: Int64s, slack: float) -> UInt8s:
    """The buckets (N_FINE,) around each percentile of the samples so far, 1 for in and 0 for out.

    Eight standard deviations of a rank among independent samples to each side, and the ``slack``.
    """
    count = int(counts.sum())
    drift = _SIGMAS * math.sqrt(count) + slack * count
    bounds = []
    for _, q in QUANTILES:
        room = math.sqrt(q * (1 - q)) * drift + 1
        bounds += [math.floor(q * count - room), math.floor(q * count + room)]
    places = buckets_of(counts, np.array(bounds))[0].tolist()
    wanted = np.zeros(N_FINE, dtype=np.uint8)
    for low, high in zip(places[::2], places[1::2], strict=True):
        wanted[max(low - 1, 0) : high + 2] = 1
    return wanted
