"""Pooled ITL percentiles, exact, in bounded memory and most often from one pass.

A group's samples are held as they are while they are few, then as a sketch (``sketch``), which keeps
those that its percentiles will need. Where memory does not suffice even for these, or percentiles
drifted too far while samples came, further passes over the tokens look into the buckets that hold a
wanted rank (``ranks``), and reach the exact order statistics whatever the order of the samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.distribution import Distribution
from sgengine.aggregate.focus import Focus
from sgengine.aggregate.keys import Key
from sgengine.aggregate.moments import Moments
from sgengine.aggregate.number_file import NumberFile, Place
from sgengine.aggregate.ranks import RankSearch, by_code, part_with
from sgengine.aggregate.sketch import OFTEN, Sketch, order_statistics, wanted_ranks
from sgengine.compute import Expected, GapSums, Ready, RowSamples
from sgengine.kernels.select import N_FINE

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

_NO_CODES: Int64s = np.zeros(0, dtype=np.int64)
_PIECE = 1 << 21
"""Gaps that a sketch takes at once, at most: the better it knows where percentiles lie, the fewer it keeps
of the next ones, but each piece has its cost (0.94 ns a gap with all, 1.00 with half as many at once). The
first pieces are smaller, so that it looks where they lie after each."""

_SHARE = 8
"""Of the limit, what a group may keep before its percentiles are given less room to drift. With a fourth
of it, 64 MiB by default, a group of 10^7 requests kept 62."""

_MANY_PARTS = 64
"""Parts of a small group that are worth joining: each costs a hundred bytes, and time at every look."""


@dataclass(kw_only=True)
class GapPool:
    """The pooled samples of every group: as they are up to ``few`` of them, then as a sketch.

    ``few``: as many as a sketch takes memory. ``limit_bytes``, for all groups together, is kept by
    narrowing sketches, then by writing down the samples of small groups. ``workers``: so many pools are
    added to at once, and what a group may keep is shared by them. ``whole`` says that samples
    are whole ns (rules chunk and token): a ns need not be cut further. ``seen``: where percentiles of
    groups were found to lie, by the pool that knows most samples; pools of one analysis share it, on
    any thread, so that a part need not find out anew. It decides what is kept, never a figure.
    """

    limit_bytes: int
    whole: bool
    few: int = N_FINE
    workers: int = 1
    seen: dict[Key, Focus] = field(default_factory=dict)
    values: dict[Key, list[Float64s | Place]] = field(default_factory=dict)
    sketches: dict[Key, Sketch] = field(default_factory=dict)
    moments: dict[Key, Moments] = field(default_factory=dict)
    held_bytes: int = 0
    file: NumberFile = field(default_factory=NumberFile)
    room: Float64s = field(default_factory=lambda: np.empty(0))

    def add(self, keys: list[Key], codes: Int64s, values: Float64s) -> None:
        """Take in ``values`` (S,) ns; sample k belongs to group ``keys[codes[k]]``."""
        for key, mine in by_code(keys, codes, values):
            if mine.size:
                self._moments_of(key).add(mine)
                self._keep(key, mine)

    def expected(self, key: Key, rule: str, *, only_ok: bool) -> Expected | None:
        """How the next gaps of a group may be sifted while requests are measured; None before much is known."""
        sketch = self.sketches.get(key)
        if sketch is None or sketch.focused < _PIECE:
            return None
        return sketch.expected(rule, self._room_of, only_ok=only_ok)

    def add_rows(self, key: Key, samples: RowSamples) -> None:
        """Take in the samples of some rows of one group; where they are many gaps, unwritten."""
        if key not in self.sketches and key in self.seen and samples.count > self.few // 4:
            self._sketch_of(key)
        if key not in self.sketches:
            samples = self._begin(key, samples)
        if not samples.count:
            return
        if key not in self.sketches or not samples.are_gaps:
            self._add_written(key, samples)
            return
        first = (OFTEN - 1) * self.sketches[key].focused
        for some in samples.pieces(min(max(first, self.few, 1), _PIECE), _PIECE):
            self._add_gaps(key, some)

    def _begin(self, key: Key, samples: RowSamples) -> RowSamples:
        """Take in the first of the samples, by which a sketch finds the percentiles; those left over."""
        head, rest = samples.cut(self.few + 1)
        if rest.count and samples.are_gaps:
            self._sketch_of(key)
            self._add_gaps(key, head)
        else:
            self._add_written(key, head)
        return rest

    def _add_gaps(self, key: Key, samples: RowSamples) -> None:
        """Take in gaps unwritten; a sketch that knows nothing yet finds the percentiles by them."""
        with self._accounted(key):
            sketch = self.sketches[key]
            sums = sketch.add_gaps(samples, self._room_of(samples.count))
            if not sketch.focused:
                sketch.look()
        self._add_sums(key, samples, sums)

    def add_ready(self, key: Key, samples: RowSamples, ready: Ready) -> None:
        """Take in the samples of some rows, sifted already as was ``expected`` of the group just before."""
        if samples.count:
            with self._accounted(key):
                sums = self.sketches[key].add_ready(ready, samples)
            self._add_sums(key, samples, sums)

    def _room_of(self, count: int) -> Float64s:
        """Room for so many gaps, and a place more."""
        if self.room.size <= count:
            # Kept: fresh memory for each piece took 0.6 ns a gap. What is not written stays unused.
            self.room = np.empty(max(count, _PIECE + _PIECE // 8) + 1)
        return self.room

    def _add_sums(self, key: Key, samples: RowSamples, sums: GapSums | None) -> None:
        if sums is None:
            self._moments_of(key).add(samples.values())
        else:
            self._moments_of(key).add_sums(samples.count, sums)

    def rest(self) -> None:
        """Give the scratch back: the pool waits to be merged."""
        self.room = np.empty(0)

    def _add_written(self, key: Key, samples: RowSamples) -> None:
        self.add([key], _NO_CODES, samples.values())

    def merge(self, other: GapPool) -> None:
        """Take in all samples of ``other``, which is of no use afterwards."""
        for key, moments in other.moments.items():
            self._moments_of(key).merge(moments)
        for key, parts in other.values.items():
            for part in parts:
                self._keep(key, other.loaded(part))
        for key, theirs in other.sketches.items():
            with self._accounted(key):
                if key in self.sketches or key in self.values:
                    self._sketch_of(key).merge(theirs)
                else:
                    self.sketches[key] = theirs

    def loaded(self, part: Float64s | Place) -> Float64s:
        """Samples as an array, wherever they are."""
        return self.file.get(part) if isinstance(part, Place) else part

    def _moments_of(self, key: Key) -> Moments:
        if key not in self.moments:
            self.moments[key] = Moments(whole=self.whole)
        return self.moments[key]

    def _keep(self, key: Key, values: Float64s) -> None:
        with self._accounted(key):
            if key in self.sketches:
                self.sketches[key].add(values)
                return
            parts = self.values.setdefault(key, [])
            parts.append(values)
            if sum(part.size for part in parts) > self.few:
                self._sketch_of(key).look()
            elif len(parts) > _MANY_PARTS:
                parts[:] = [np.concatenate([self.loaded(part) for part in parts])]

    def _sketch_of(self, key: Key) -> Sketch:
        """The group's sketch; one that begins takes in, and keeps, what was held of the group."""
        if key not in self.sketches:
            known = self.seen.get(key)
            self.sketches[key] = Sketch() if known is None else Sketch.by(known)
            for part in self.values.pop(key, []):
                self.sketches[key].add(self.loaded(part))
        return self.sketches[key]

    @contextmanager
    def _accounted(self, key: Key) -> Iterator[None]:
        """Around a change of one group: keeps count of the memory, and stays within the limit."""
        before = self._bytes_of(key)
        yield
        self._sharpen(key)
        self.held_bytes += self._bytes_of(key) - before
        if self.held_bytes > self.limit_bytes:
            self._shrink()
        self._tell(key)

    def _sharpen(self, key: Key) -> None:
        """Where a group keeps more than its share: let go of what is of no use, then of room to drift."""
        sketch = self.sketches.get(key)
        share = self.limit_bytes // (_SHARE * self.workers)
        if sketch is not None and sketch.kept_bytes > share:
            sketch.clear()
            if sketch.kept_bytes > share:
                sketch.sharpen()

    def _tell(self, key: Key) -> None:
        """Let other pools know where the percentiles of a group are, if none knows better."""
        sketch, known = self.sketches.get(key), self.seen.get(key)
        if sketch is not None and sketch.focused > (0 if known is None else known.count):
            self.seen[key] = sketch.focus

    def _bytes_of(self, key: Key) -> int:
        if key in self.sketches:
            return self.sketches[key].nbytes
        return sum(part.nbytes for part in self.values.get(key, []) if not isinstance(part, Place))

    def _shrink(self) -> None:
        """Write small groups down, then narrow the sketches until all fits, or they keep nothing."""
        for parts in self.values.values():
            parts[:] = [p if isinstance(p, Place) else self.file.put(p) for p in parts]
        narrowing = list(self.sketches.values())
        for sketch in narrowing:
            sketch.clear()
        self.held_bytes = sum(sketch.nbytes for sketch in narrowing)
        while narrowing and self.held_bytes > self.limit_bytes:
            narrowing = [sketch for sketch in narrowing if sketch.narrow()]
            self.held_bytes = sum(sketch.nbytes for sketch in self.sketches.values())

    def distributions(self) -> dict[Key, Distribution]:
        """Of each group, where no further pass is needed (``search().done``)."""
        search = self.search()
        assert search.done, "no order statistic is still looked for"
        return search.distributions()

    def search(
        self, second: GapPool | None = None, found: Mapping[tuple[Key, int], float] | None = None
    ) -> RankSearch:
        """The search for the exact order statistics: those known from here, and where the others lie.

        ``second``: what a second look found where ``refocused`` said; ``found``: order statistics by group and
        rank, what earlier ones did.
        """
        search = RankSearch(limit_bytes=self.limit_bytes, whole=self.whole, moments=self.moments)
        search.found.update(found or {})
        for key, parts in self.values.items():
            for rank, value in order_statistics([self.loaded(part) for part in parts]).items():
                search.found[key, rank] = value
        for key, sketch in self.sketches.items():
            looks = [sketch]
            if second is not None and key in second.sketches:
                looks.append(second.sketches[key])
            for look in looks:
                if lost := self._lost(key, search):
                    known = look.known(lost)
                    search.found.update({(key, rank): value for rank, value in known.items()})
            for rank in self._lost(key, search):
                search.open(key, rank, *_narrowest(rank, key, looks))
        return search

    def _lost(self, key: Key, search: RankSearch) -> list[int]:
        """The ranks that the percentiles of a group need, but those that a ``search`` has found."""
        ranks = wanted_ranks(self.moments[key].count)
        return [rank for rank in ranks if (key, rank) not in search.found]

    def refocused(self, search: RankSearch) -> dict[Key, Focus]:
        """Where a second look at all samples will find order statistics that a ``search`` does not know yet.

        Of as many as fit in memory with what has to be kept for them; of no group where one never will.
        """
        found: dict[Key, Focus] = {}
        left = limit = self.limit_bytes // 2
        for key, sketch in self.sketches.items():
            if lost := self._lost(key, search):
                focus, held = sketch.refocused(lost, left, limit)
                if focus.wanted.any():
                    found[key], left = focus, left - held
        return found

    def again(self, focus: Mapping[Key, Focus], workers: int) -> GapPool:
        """An empty pool that looks there, one of as many as there are ``workers``."""
        pool = GapPool(limit_bytes=self.limit_bytes // workers, whole=self.whole)
        pool.sketches = {key: Sketch.on(each) for key, each in focus.items()}
        pool.held_bytes = sum(sketch.nbytes for sketch in pool.sketches.values())
        return pool


def _narrowest(rank: int, key: Key, looks: list[Sketch]) -> tuple[Float64s, Int64s]:
    """The parts (Sketch.parts) by which fewest samples are left to look at for a rank."""
    return min(
        (look.parts() for look in looks),
        key=lambda parts: part_with(rank, key, parts[0], parts[1], 0).count,
    )
