"""Exact percentiles of samples too many to hold, from one pass over them.

A sketch counts its samples by fine buckets (0.1 % wide) and keeps those of the buckets in which the
percentiles will lie: where they lie is known well from the first fifty thousand samples. At the end
the counts say which bucket holds each wanted rank; if its samples were kept from the first one on, the
order statistic is exact, else one more pass over the tokens looks into that bucket alone (``ranks``).
Once it is known where percentiles lie, most gaps need not even be counted by bucket (``Coarse``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.distribution import positions
from sgengine.aggregate.focus import (
    SLACK,
    Coarse,
    Focus,
    brackets,
    buckets_about,
    buckets_of,
    coarse_of,
    counts_of,
    edges,
)
from sgengine.aggregate.gap_sample import GapSample
from sgengine.compute import Expected, GapSums, Ready, RowSamples
from sgengine.kernels.select import N_FINE, sift, sift_kept

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
UInt8s = npt.NDArray[np.uint8]

_LEAST_SLACK = SLACK / 64
_MANY_PARTS = 256
_SMALL_BYTES = 1 << 16
OFTEN = 2
"""Ranks are looked at anew once there are so many times as many samples."""


def wanted_ranks(count: int) -> list[int]:
    """The ranks, from 0, of the order statistics that the percentiles of ``count`` values need."""
    ranks = {low for _, low, _ in positions(count)}
    return sorted(ranks | {min(rank + 1, count - 1) for rank in ranks})


def order_statistics(parts: list[Float64s]) -> dict[int, float]:
    """The order statistics that the percentiles of all samples in ``parts`` need, by rank from 0."""
    values = np.concatenate(parts)
    ordered = np.sort(values)
    return {rank: float(ordered[rank]) for rank in wanted_ranks(values.size)}


@dataclass(kw_only=True)
class Sketch:
    """``counts`` (N_FINE,) of all samples so far, and all samples so far of the ``wanted`` buckets.

    Where neighbours are ``vague`` (N_FINE,), 1 or 0, counts are right for all of them together: a sample
    may be counted in any. No wanted bucket is. ``coarse``: how gaps are counted from here on.
    """

    counts: Int64s = field(default_factory=lambda: np.zeros(N_FINE, dtype=np.int64))
    wanted: UInt8s = field(default_factory=lambda: np.ones(N_FINE, dtype=np.uint8))
    vague: UInt8s = field(default_factory=lambda: np.zeros(N_FINE, dtype=np.uint8))
    kept: list[Float64s] = field(default_factory=list)
    coarse: Coarse | None = None
    slack: float = SLACK
    sample: GapSample = field(default_factory=GapSample)
    count: int = 0
    focused: int = 0
    kept_bytes: int = 0
    many: int = _MANY_PARTS

    @classmethod
    def by(cls, focus: Focus) -> Sketch:
        """An empty one that looks where another found the percentiles: it keeps less from the start."""
        return cls(wanted=focus.wanted.copy(), focused=focus.count, coarse=focus.coarse)

    @classmethod
    def on(cls, focus: Focus) -> Sketch:
        """An empty one for a second look: it keeps what ``focus`` says, or nothing if that is too much."""
        return cls(
            wanted=focus.wanted.copy(),
            focused=focus.count,
            coarse=focus.coarse,
            slack=_LEAST_SLACK,
        )

    @property
    def focus(self) -> Focus:
        """Where it found the percentiles to lie when it last looked; nowhere yet: count 0."""
        return Focus(wanted=self.wanted.copy(), count=self.focused, coarse=self.coarse)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        held = self.counts.nbytes + self.wanted.nbytes + self.vague.nbytes + self.sample.nbytes
        return held + self.kept_bytes

    def add(self, values: Float64s) -> None:
        """Take in ``values`` (S,) ns."""
        room = np.empty(values.size + 1)
        self.sample.add(values.size, values.take)
        self._keep(room[: sift(values, self.wanted, self.counts, room)], values.size)

    def add_gaps(self, samples: RowSamples, room: Float64s) -> GapSums | None:
        """Take in samples that are gaps, without writing them down; their sums (RowSamples.sift).

        ``room``: scratch, for a place more than there are samples.
        """
        skip = self.coarse.skip() if self.coarse is not None else None
        sifted = samples.sift(self.wanted, self.counts, room, skip)
        if self.coarse is not None:
            self.coarse.count(sifted, self.counts, self.vague)
        self.sample.add(samples.count, samples.at)
        self._keep(room[: sifted.copied], samples.count)
        return sifted.sums

    def expected(
        self, rule: str, room: Callable[[int], Float64s], *, only_ok: bool
    ) -> Expected | None:
        """How further gaps may be sifted while requests are measured; None where most are to be counted.

        ``room``: scratch, for so many gaps and a place more.
        """
        if self.coarse is None:
            return None
        return Expected(
            rule=rule,
            only_ok=only_ok,
            wanted=self.wanted,
            skip=self.coarse.skip(),
            counts=np.zeros(N_FINE, dtype=np.int64),
            room=room,
            start=self.sample.skip,
            step=self.sample.step,
        )

    def add_ready(self, ready: Ready, samples: RowSamples) -> GapSums | None:
        """Take in gaps that were sifted as ``expected``, if nothing was added since; their sums."""
        assert self.coarse is not None, "something was added"
        self.counts += ready.expected.counts
        self.coarse.count(ready.sifted, self.counts, self.vague)
        self.sample.add_taken(samples.count, ready.taken)
        self._keep(ready.kept, samples.count)
        return ready.sifted.sums

    def _keep(self, values: Float64s, of: int) -> None:
        self.count += of
        self.kept.append(values.copy())
        self.kept_bytes += values.nbytes
        if self._is_due:
            self.look()
        elif len(self.kept) > self.many:
            self._join()

    @property
    def _is_due(self) -> bool:
        """Whether to look at the ranks: often enough to save memory, seldom enough to cost no time."""
        return 0 < OFTEN * self.focused <= self.count

    def merge(self, other: Sketch) -> None:
        """Take in all samples of ``other``; what only one of the two kept is no longer complete.

        What is no longer complete stays until it has to go (``clear``): sifted at every merge, the
        samples of fifty parts took longer than all gaps took to be counted.
        """
        self.counts += other.counts
        self.count += other.count
        self.wanted &= other.wanted
        self.vague |= other.vague
        self.sample.merge(other.sample)
        self.coarse = self.coarse or other.coarse
        self.slack = min(self.slack, other.slack)
        self.kept.extend(other.kept)
        self.kept_bytes += other.kept_bytes
        self.focused = max(self.focused, other.focused)
        if self._is_due:
            self._focus()
        elif len(self.kept) > self.many:
            self._join()

    def look(self) -> None:
        """Keep only what the percentiles may need, by the samples so far; their ranks are sharper now.

        What is kept already stays until enough of it is of no use.
        """
        self._focus()
        self.clear()

    def clear(self) -> None:
        """Let go of samples that are of no use, once they are a fourth of those that are."""
        if self._is_worth():
            self._drop()

    def _focus(self) -> None:
        self.wanted &= brackets(self.counts, self.slack)
        self.coarse = coarse_of(self.counts, self.wanted)
        self.focused = self.count

    def _is_worth(self) -> bool:
        """Whether as much as a fourth of what is of use is kept beside it."""
        return 4 * self.kept_bytes > 5 * 8 * int(self.counts[self.wanted == 1].sum())

    def narrow(self) -> bool:
        """Halve the slack, or keep nothing once there is none left; whether anything is still kept."""
        if not self.sharpen():
            self.wanted[:] = 0
            self.coarse = None
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
        # 0.7 ms for 133,000 of them, by vectors, where np.partition takes 2.8 for ten places.
        ordered = np.sort(values)
        return {int(rank): float(ordered[k]) for rank, k in zip(ranks, at, strict=True)}

    def refocused(self, ranks: Sequence[int], left: int, limit: int) -> tuple[Focus, int]:
        """Where a second look finds samples at ``ranks``, which are not ``known``; about how many bytes it keeps.

        That is a bucket whose count is right; among vague ones those where the sample has the rank. Ranks
        are left out where more than ``left`` bytes would be kept; all of them if one takes more than ``limit``.
        """
        bounds, counts = self.parts()
        found = np.searchsorted(np.cumsum(counts), np.array(ranks), side="right")
        ordered = self.sample.ordered()
        likely = 8 * self.sample.step * counts_of(ordered)
        wanted = np.zeros(N_FINE, dtype=np.uint8)
        held = 0
        for rank, part in zip(ranks, found.tolist(), strict=True):
            low, high = np.searchsorted(edges(), bounds[part : part + 2]).tolist()
            if high - low > 1:
                low, high = np.clip(buckets_about(rank / self.count, ordered), low, high).tolist()
                high = max(high, low + 1)
            if likely[low:high].sum() > limit:
                return Focus(wanted=np.zeros_like(wanted), count=self.count, coarse=None), 0
            more = int(likely[low:high][wanted[low:high] == 0].sum())
            if held + more <= left:
                wanted[low:high] = 1
                held += more
        return Focus(wanted=wanted, count=self.count, coarse=coarse_of(likely, wanted)), held

    def parts(self) -> tuple[Float64s, Int64s]:
        """Edges (P + 1,) in ns of parts whose counts (P,) are right: buckets, and runs of vague ones."""
        inside = (self.vague[1:] & self.vague[:-1]) == 1
        starts = np.flatnonzero(np.concatenate([[True], ~inside]))
        return edges()[np.append(starts, N_FINE)], np.add.reduceat(self.counts, starts)
