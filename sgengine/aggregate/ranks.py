"""The search for exact order statistics: each pass over the samples narrows the intervals they lie in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.distribution import Distribution, interpolate, positions
from sgengine.aggregate.keys import Key
from sgengine.aggregate.moments import Moments
from sgengine.kernels.select import count_parts, take_between

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

_PART_BITS = 14
PARTS = 1 << _PART_BITS
"""Parts that a pass cuts an interval into, each of equally many doubles."""

_FEW = 1 << 17
"""Samples that are sorted at once: 0.7 ms."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Samples in [low, high) of one group, ``count`` of them, ``below`` samples less than ``low``."""

    key: Key
    low: float
    high: float
    below: int
    count: int

    @property
    def bits(self) -> tuple[int, int]:
        """Its ends as the bits of their doubles, which are in the same order."""
        low, high = np.array([self.low, self.high]).view(np.int64).tolist()
        return low, high

    @property
    def shift(self) -> int:
        """A part is 2^shift doubles."""
        low, high = self.bits
        return max((high - low - 1).bit_length() - _PART_BITS, 0)

    def bounds(self) -> Float64s:
        """Edges of the parts, the last one at the interval's own end."""
        low, high = self.bits
        edges = low + (np.arange(PARTS + 1, dtype=np.int64) << self.shift)
        found: Float64s = np.minimum(edges, high).view(np.float64)
        return found

    def of(self, values: Float64s) -> Float64s:
        """Those of the ``values`` (S,) that are in it, in order."""
        room = np.empty(values.size)
        return room[: take_between(values, self.low, self.high, room)].copy()


def part_with(rank: int, key: Key, bounds: Float64s, counts: Int64s, below: int) -> Interval:
    """Which of the parts between ``bounds`` (P + 1,), with ``counts`` (P,), a rank of a group is in."""
    upto = below + np.cumsum(counts)
    part = int(np.searchsorted(upto, rank, side="right"))
    return Interval(
        key=key,
        low=float(bounds[part]),
        high=float(bounds[part + 1]),
        below=int(upto[part] - counts[part]),
        count=int(counts[part]),
    )


def ordered_in(interval: Interval, parts: list[Float64s], ranks: list[int]) -> dict[int, float]:
    """The order statistics of ``ranks``, all in an interval whose samples are in ``parts``.

    Many are counted, as a pass would count them: 9 million take 44 ms, and 170 to join and partition.
    """
    if interval.count <= _FEW:
        ordered = np.sort(np.concatenate(parts))
        return {rank: float(ordered[rank - interval.below]) for rank in ranks}
    counts = np.zeros(PARTS, dtype=np.int64)
    for values in parts:
        count_parts(values, *interval.bits, interval.shift, counts)
    bounds, inner = interval.bounds(), dict[Interval, list[int]]()
    for rank in ranks:
        part = part_with(rank, interval.key, bounds, counts, interval.below)
        inner.setdefault(part, []).append(rank)
    found: dict[int, float] = {}
    for part, mine in inner.items():
        if math.nextafter(part.low, math.inf) >= part.high:
            found |= dict.fromkeys(mine, part.low)
        else:
            found |= ordered_in(part, [part.of(values) for values in parts], mine)
    return found


class Narrowing:
    """What one pass collects of one interval: the samples if they fit in ``room`` bytes, else counts."""

    def __init__(self, interval: Interval, room: int) -> None:
        self.interval = interval
        self.room = room
        self.values: list[Float64s] = []
        fits = interval.count * 8 <= room
        self.counts = None if fits else np.zeros(PARTS, dtype=np.int64)

    def add(self, values: Float64s) -> None:
        """Take in a group's samples ``values`` (S,) ns, those of the interval."""
        interval = self.interval
        inside = interval.of(values)
        if self.counts is None:
            self.values.append(inside)
        else:
            # Only these: to pass over the others one by one is a branch that cannot be foreseen.
            count_parts(inside, *interval.bits, interval.shift, self.counts)

    def merge(self, other: Narrowing) -> None:
        """Take in what another pass collected of the same interval."""
        self.values.extend(other.values)
        if self.counts is not None and other.counts is not None:
            self.counts += other.counts


@dataclass(kw_only=True)
class Gathering:
    """One pass over the samples on behalf of a RankSearch; parts of it merge in any order."""

    passes: list[Narrowing]

    def again(self) -> Gathering:
        """An empty pass for the same intervals."""
        return Gathering(passes=[Narrowing(each.interval, each.room) for each in self.passes])

    def add(self, keys: list[Key], codes: Int64s, values: Float64s) -> None:
        """Take in ``values`` (S,) ns; sample k belongs to group ``keys[codes[k]]``."""
        for key, mine in by_code(keys, codes, values):
            self.add_group(key, mine)

    def add_group(self, key: Key, values: Float64s) -> None:
        """Take in samples of one group."""
        for each in self.passes:
            if each.interval.key == key:
                each.add(values)

    def merge(self, other: Gathering) -> None:
        """Take in another part of the same pass."""
        for mine, theirs in zip(self.passes, other.passes, strict=True):
            mine.merge(theirs)


def by_code(keys: list[Key], codes: Int64s, values: Float64s) -> list[tuple[Key, Float64s]]:
    """``values`` (S,) split by group; sample k belongs to ``keys[codes[k]]``."""
    if len(keys) == 1:
        return [(keys[0], values)]
    order = np.argsort(codes, kind="stable")
    cuts = np.searchsorted(codes[order], np.arange(len(keys) + 1))
    ordered = values[order]
    return [
        (key, ordered[cuts[i] : cuts[i + 1]]) for i, key in enumerate(keys) if cuts[i] < cuts[i + 1]
    ]


@dataclass(kw_only=True)
class RankSearch:
    """Order statistics still wanted, by the interval they lie in; one more pass narrows them all.

    ``whole`` says that samples are whole ns: an interval of one ns holds one value.
    """

    limit_bytes: int
    whole: bool
    moments: dict[Key, Moments]
    wanted: dict[Interval, list[int]] = field(default_factory=dict)
    found: dict[tuple[Key, int], float] = field(default_factory=dict)

    def open(self, key: Key, rank: int, bounds: Float64s, counts: Int64s, below: int = 0) -> None:
        """Look for ``rank`` (from 0) of group ``key`` among the parts ``bounds`` that hold ``counts``."""
        interval = part_with(rank, key, bounds, counts, below)
        only = self._only_value(interval)
        if only is None:
            self.wanted.setdefault(interval, []).append(rank)
        else:
            self.found[key, rank] = only

    def _only_value(self, interval: Interval) -> float | None:
        """The one value that a sample of ``interval`` can have, or None if there are several."""
        low, high = interval.low, interval.high
        if self.whole and math.ceil(low) + 1 >= high:
            return float(math.ceil(low))
        return low if math.nextafter(low, math.inf) >= high else None

    @property
    def done(self) -> bool:
        """Whether every wanted order statistic is known."""
        return not self.wanted

    def gather(self) -> Gathering:
        """An empty pass over the samples for the intervals wanted now."""
        room = self.limit_bytes // max(len(self.wanted), 1)
        return Gathering(passes=[Narrowing(interval, room) for interval in self.wanted])

    def narrow(self, gathered: Gathering) -> None:
        """Take in one pass over all samples."""
        wanted, self.wanted = self.wanted, {}
        for each in gathered.passes:
            interval = each.interval
            if each.counts is None:
                found = ordered_in(interval, each.values, wanted[interval])
                self.found.update({(interval.key, rank): value for rank, value in found.items()})
                continue
            for rank in wanted[interval]:
                self.open(interval.key, rank, interval.bounds(), each.counts, interval.below)

    def run(self, passed: Callable[[Gathering], Gathering]) -> dict[Key, Distribution]:
        """Search to the end: ``passed`` takes an empty pass over all samples and gives it back full."""
        while not self.done:
            self.narrow(passed(self.gather()))
        return self.distributions()

    def distributions(self) -> dict[Key, Distribution]:
        """Of each group, once the search is done."""
        return {
            key: distribution_of(moments, self._ranks_of(key))
            for key, moments in self.moments.items()
        }

    def _ranks_of(self, key: Key) -> dict[int, float]:
        return {rank: value for (owner, rank), value in self.found.items() if owner == key}


def distribution_of(moments: Moments, ordered: dict[int, float]) -> Distribution:
    """The distribution of samples with these moments and ``ordered`` statistics, by rank from 0."""
    count = moments.count
    quantiles = {
        name: interpolate(ordered[low], ordered[min(low + 1, count - 1)], way)
        for name, low, way in positions(count)
    }
    return Distribution(
        count=count,
        mean=moments.mean,
        std=moments.std,
        min=moments.least,
        max=moments.most,
        **quantiles,
    )
