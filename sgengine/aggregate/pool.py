"""Pooled ITL percentiles, exact, in bounded memory.

Samples are kept as they are while they fit. Beyond that every group has a log-linear histogram, and
each further pass over the tokens looks only into the intervals that hold a wanted rank: into equal
parts of it, or, once few enough samples are left, at the samples themselves. Two or three passes
reach the exact order statistics, whatever the order or the partitions of the samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.distribution import Distribution, distribution, interpolate, positions
from sgengine.kernels.histogram import N_BUCKETS, bucket_edges, count_samples

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

PARTS = 1 << 14
"""Equal parts that a further pass cuts an interval into."""

Key = tuple[object, ...]


def edges() -> Float64s:
    """Lower edges of the histogram's buckets in ns, and the end of the last."""
    out = np.empty(N_BUCKETS + 1)
    bucket_edges(out)
    return out


@dataclass(kw_only=True)
class Moments:
    """Count, sum, and sum of squares about ``shift`` of the samples so far, with their extremes.

    The shift, near the mean, keeps the variance from cancelling; merging moves it exactly enough.
    """

    count: int = 0
    total: float = 0.0
    shift: float = 0.0
    squares: float = 0.0
    least: float = np.inf
    most: float = -np.inf

    def add(self, values: Float64s) -> None:
        """Take in ``values`` (S,) ns, at least one."""
        mean = float(np.mean(values))
        self.merge(
            Moments(
                count=values.size,
                total=float(np.sum(values)),
                shift=mean,
                squares=float(np.sum((values - mean) ** 2)),
                least=float(np.min(values)),
                most=float(np.max(values)),
            )
        )

    def merge(self, other: Moments) -> None:
        """Take in the samples of ``other``: the parallel formula of Chan, Golub and LeVeque."""
        if other.count == 0:
            return
        count = self.count + other.count
        apart = other.shift - self.shift
        self.squares += other.squares + apart * apart * self.count * other.count / count
        self.shift += apart * other.count / count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)
        self.count = count


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
        for key, mine in _by_code(keys, codes, values):
            self._keep(key, mine)

    def merge(self, other: GapPool) -> None:
        """Take in all samples of ``other``."""
        for key, parts in other.values.items():
            for part in parts:
                self._keep(key, part)
        if not other.exact:
            self._count_all()
            for key, counts in other.counts.items():
                self.moments.setdefault(key, Moments()).merge(other.moments[key])
                self._counts_of(key)[:] += counts

    def _keep(self, key: Key, values: Float64s) -> None:
        if values.size == 0:
            return
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
        self.moments.setdefault(key, Moments()).add(values)
        groups = np.zeros(values.size, dtype=np.int64)
        count_samples(values, groups, self._counts_of(key).reshape(1, -1))

    def distributions(self) -> dict[Key, Distribution]:
        """Of each group, from the samples held; only while ``exact``."""
        return {key: distribution(np.concatenate(parts)) for key, parts in self.values.items()}

    def search(self) -> RankSearch:
        """The search for the exact order statistics, once the samples did not fit."""
        bounds = edges()
        search = RankSearch(limit_bytes=self.limit_bytes, whole=self.whole, moments=self.moments)
        for key, counts in self.counts.items():
            for rank in _wanted_ranks(self.moments[key].count):
                search.open(key, rank, bounds, counts)
        return search


def _by_code(keys: list[Key], codes: Int64s, values: Float64s) -> list[tuple[Key, Float64s]]:
    if len(keys) == 1:
        return [(keys[0], values)]
    order = np.argsort(codes, kind="stable")
    cuts = np.searchsorted(codes[order], np.arange(len(keys) + 1))
    ordered = values[order]
    return [
        (key, ordered[cuts[i] : cuts[i + 1]]) for i, key in enumerate(keys) if cuts[i] < cuts[i + 1]
    ]


def _wanted_ranks(count: int) -> list[int]:
    ranks = {low for _, low, _ in positions(count)}
    return sorted(ranks | {min(rank + 1, count - 1) for rank in ranks})


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Samples in [low, high) of one group, ``count`` of them, ``below`` samples less than ``low``."""

    key: Key
    low: float
    high: float
    below: int
    count: int


@dataclass(kw_only=True)
class RankSearch:
    """Order statistics still wanted, by the interval they lie in; one more pass narrows them all."""

    limit_bytes: int
    whole: bool
    moments: dict[Key, Moments]
    wanted: dict[Interval, list[int]] = field(default_factory=dict)
    found: dict[tuple[Key, int], float] = field(default_factory=dict)

    def open(self, key: Key, rank: int, bounds: Float64s, counts: Int64s, below: int = 0) -> None:
        """Look for ``rank`` (from 0) of group ``key`` among the parts ``bounds`` that hold ``counts``."""
        upto = below + np.cumsum(counts)
        part = int(np.searchsorted(upto, rank, side="right"))
        interval = Interval(
            key=key,
            low=float(bounds[part]),
            high=float(bounds[part + 1]),
            below=int(upto[part] - counts[part]),
            count=int(counts[part]),
        )
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
        """An empty pass over the tokens for the intervals wanted now."""
        room = self.limit_bytes // max(len(self.wanted), 1)
        return Gathering(passes=[Narrowing(interval, room) for interval in self.wanted])

    def narrow(self, gathered: Gathering) -> None:
        """Take in one pass over all tokens."""
        wanted, self.wanted = self.wanted, {}
        for each in gathered.passes:
            interval = each.interval
            if each.counts is None:
                ordered = np.sort(np.concatenate(each.values))
                for rank in wanted[interval]:
                    self.found[interval.key, rank] = float(ordered[rank - interval.below])
                continue
            for rank in wanted[interval]:
                self.open(interval.key, rank, each.bounds(), each.counts, interval.below)

    def distributions(self) -> dict[Key, Distribution]:
        """Of each group, once ``done``."""
        return {key: self._distribution(key, moments) for key, moments in self.moments.items()}

    def _distribution(self, key: Key, moments: Moments) -> Distribution:
        count = moments.count
        quantiles = {
            name: interpolate(self.found[key, low], self.found[key, min(low + 1, count - 1)], way)
            for name, low, way in positions(count)
        }
        return Distribution(
            count=count,
            mean=moments.total / count,
            std=float(np.sqrt(moments.squares / count)),
            min=moments.least,
            max=moments.most,
            **quantiles,
        )


class Narrowing:
    """What one pass collects of one interval: the samples if they fit in ``room`` bytes, else counts."""

    def __init__(self, interval: Interval, room: int) -> None:
        self.interval = interval
        self.room = room
        self.values: list[Float64s] = []
        fits = interval.count * 8 <= room
        self.counts = None if fits else np.zeros(PARTS, dtype=np.int64)

    def bounds(self) -> Float64s:
        """Edges of the equal parts; the last is exact, so that no sample falls between two intervals."""
        out = np.linspace(self.interval.low, self.interval.high, PARTS + 1)
        out[-1] = self.interval.high
        return out

    def add(self, values: Float64s) -> None:
        """Take in a group's samples ``values`` (S,) ns, those of the interval."""
        mine = values[(values >= self.interval.low) & (values < self.interval.high)]
        if self.counts is None:
            self.values.append(mine)
            return
        parts = np.searchsorted(self.bounds(), mine, side="right") - 1
        self.counts += np.bincount(parts, minlength=PARTS)

    def merge(self, other: Narrowing) -> None:
        """Take in what another pass collected of the same interval."""
        self.values.extend(other.values)
        if self.counts is not None and other.counts is not None:
            self.counts += other.counts


@dataclass(kw_only=True)
class Gathering:
    """One pass over the tokens on behalf of a RankSearch; parts of it merge in any order."""

    passes: list[Narrowing]

    def again(self) -> Gathering:
        """An empty pass for the same intervals."""
        return Gathering(passes=[Narrowing(each.interval, each.room) for each in self.passes])

    def add(self, keys: list[Key], codes: Int64s, values: Float64s) -> None:
        """Take in ``values`` (S,) ns; sample k belongs to group ``keys[codes[k]]``."""
        for key, mine in _by_code(keys, codes, values):
            for each in self.passes:
                if each.interval.key == key:
                    each.add(mine)

    def merge(self, other: Gathering) -> None:
        """Take in another part of the same pass."""
        for mine, theirs in zip(self.passes, other.passes, strict=True):
            mine.merge(theirs)
