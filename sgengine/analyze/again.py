"""A second look at the tokens, for pooled ITL percentiles that lie where the first one kept nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sgengine.aggregate import INSIDE, Focus, GapPool, Key, Pooling, Sections, only, places
from sgengine.analyze.partition import slim_of
from sgengine.analyze.parts import Part, Reads, read
from sgengine.analyze.settings import AnalyzeSettings
from sgengine.compute import compute
from sgengine.executors import Stop


@dataclass(frozen=True, kw_only=True)
class Again:
    """Goes over partitions once more and keeps what is in ``focus``, as ``pool`` says (GapPool.refocused).

    Traces drift: the day's percentiles lie elsewhere than those of its first hours. ``read`` gives the
    batches of a partition, as the pass that measured had them. ``idle``: what no partition adds to just now.
    """

    settings: AnalyzeSettings
    pool: GapPool
    focus: Mapping[Key, Focus]
    sections: Sections | None
    read: Reads = read
    idle: list[Pooling] = field(default_factory=list)

    def __call__(self, partition: Part, stop: Stop) -> None:
        """Pool one partition's samples."""
        mine, slim = self._taken(), slim_of(self.settings)
        for batch in stop.ahead(self.read(partition)):
            stop.check()
            measured = compute(batch.deliveries, slim, mine.expected())
            if self.sections is not None:
                inside = places(measured.columns, self.sections) == INSIDE
                measured = only(measured, np.flatnonzero(inside))
            mine.look_again(measured.columns, measured, self.focus)
            del batch, measured  # so that pages of its file can be given back
        self.idle.append(mine)

    def _taken(self) -> Pooling:
        """What an earlier partition added to; new where every other is added to just now."""
        try:
            return self.idle.pop()  # Python's lock lets no two threads have the same
        except IndexError:
            pool = self.pool.again(self.focus, self.settings.workers)
            return Pooling(settings=self.settings.summary, pool=pool)

    def found(self) -> GapPool:
        """All that was kept, once no partition is worked on any more."""
        first, *others = (pooling.pool for pooling in self.idle)
        first.limit_bytes = self.pool.limit_bytes  # each had a worker's share
        for other in others:
            first.merge(other)
        return first
