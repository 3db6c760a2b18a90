"""Distributions of numbers too many to sort at once: looked into where a rank lies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.distribution import Distribution, distribution
from sgengine.aggregate.focus import buckets_of, edges
from sgengine.aggregate.moments import Moments
from sgengine.aggregate.near import Near
from sgengine.aggregate.ranks import Gathering, RankSearch, distribution_of
from sgengine.aggregate.sketch import Sketch, wanted_ranks
from sgengine.aggregate.spool import Column
from sgengine.kernels.latencies import BLOCK, count_latencies, take_latencies
from sgengine.kernels.select import N_FINE, N_SINGLE

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]

FEW = 1 << 16
"""Up to so many numbers are sorted: 64 Ki take 1 ms."""

SAMPLE = 1 << 14
"""Numbers by which it is known about where percentiles lie: to sort them takes 0.1 ms."""

ROOM_BYTES = 16 << 20
"""For the numbers about where wanted ranks lie."""

_KEY = ()
_NONE: Float64s = np.zeros(0)


def distribution_in(column: Column, *, whole: bool) -> Distribution:
    """Of numbers in ns, at least 0, ``whole`` or not; in any order, and wherever they wait.

    Up to ``FEW`` as ``distribution`` has it. Of more, percentiles and extremes are the same; mean and std
    come from sums of integers (Moments), as those of gaps.
    """
    if column.size <= FEW:
        return distribution(column.whole())
    moments = Moments(whole=whole)
    ordered = order_statistics(column, wanted_ranks(column.size), moments)
    return distribution_of(moments, ordered)


def order_statistics(column: Column, ranks: Sequence[int], moments: Moments) -> dict[int, float]:
    """The numbers at ``ranks`` (from 0) of their ascending order; ``moments`` takes all of them in."""
    near: Near | None = Near(column.sample(SAMPLE), column.size, ranks, ROOM_BYTES // 8)
    for block in column.blocks():
        moments.add(block)
        if near is not None and not near.add(block):
            near = None
    found = near.known(ranks) if near is not None else {}
    left = [rank for rank in ranks if rank not in found]
    return found | by_buckets(column, left, whole=moments.whole) if left else found


def by_buckets(column: Column, ranks: Sequence[int], *, whole: bool) -> dict[int, float]:
    """The same by counting all numbers, and a look into the buckets of the ``ranks``, at least one."""
    counts = _counted(column)
    places = buckets_of(counts, np.array(ranks, dtype=np.int64))[0].tolist()
    # Whole numbers of a bucket of 1 ns are one number: half of the requests may never have waited.
    known = edges()[:N_SINGLE].tolist() if whole else []
    found = {rank: known[at] for rank, at in zip(ranks, places, strict=True) if at < len(known)}
    needed = np.zeros(N_FINE, dtype=np.uint8)
    needed[[at for at in places if at >= len(known)]] = 1
    left = [rank for rank in ranks if rank not in found]
    room_size = int(counts[needed == 1].sum())
    if 8 * room_size > ROOM_BYTES:
        return found | _searched(column, left, counts, whole=whole)
    kept = _taken(column, needed, room_size) if left else _NONE
    return found | Sketch(counts=counts, wanted=needed, kept=[kept]).known(left)


def _counted(column: Column) -> Int64s:
    """All numbers by fine bucket, (N_FINE,)."""
    counts = np.zeros(N_FINE, dtype=np.int64)
    places = np.empty(BLOCK, dtype=np.uint32)
    for block in column.blocks():
        count_latencies(block, counts, places)
    return counts


def _taken(column: Column, needed: UInt8s, size: int) -> Float64s:
    """All numbers of the ``needed`` buckets (N_FINE,), ``size`` of them."""
    room = np.empty(size + 1)
    at = 0
    for block in column.blocks():
        at = take_latencies(block, needed, room, at)
    return room[:at]


def _searched(
    column: Column, ranks: Sequence[int], counts: Int64s, *, whole: bool
) -> dict[int, float]:
    """By passes that cut a bucket of too many numbers down: they may be all alike."""
    search = RankSearch(limit_bytes=ROOM_BYTES, whole=whole, moments={})
    bounds = edges()
    for rank in ranks:
        search.open(_KEY, rank, bounds, counts)
    while not search.done:
        gathering: Gathering = search.gather()
        for block in column.blocks():
            gathering.add_group(_KEY, block)
        search.narrow(gathering)
    return {rank: search.found[_KEY, rank] for rank in ranks}
