"""Distributions of numbers too many to sort at once: counted, then looked into where a rank lies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.distribution import Distribution, distribution
from sgengine.aggregate.focus import buckets_of, edges
from sgengine.aggregate.moments import Moments
from sgengine.aggregate.ranks import Gathering, RankSearch, distribution_of
from sgengine.aggregate.sketch import Sketch, wanted_ranks
from sgengine.aggregate.spool import Column
from sgengine.kernels.select import N_FINE, sift, sift_kept

Int64s = npt.NDArray[np.int64]

FEW = 1 << 16
"""Up to so many numbers are sorted: 64 Ki take 1 ms."""

ROOM_BYTES = 16 << 20
"""For the numbers of the buckets in which wanted ranks lie."""

_KEY = ()


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
    counts = _counted(column, moments)
    needed = np.zeros(N_FINE, dtype=np.uint8)
    needed[buckets_of(counts, np.array(ranks, dtype=np.int64))[0]] = 1
    if 8 * int(counts[needed == 1].sum()) > ROOM_BYTES:
        return _searched(column, ranks, moments, counts)
    room = np.empty(int(counts[needed == 1].sum()) + 1)
    at = 0
    for block in column.blocks():
        at = sift_kept(block, needed, room, at)
    return Sketch(counts=counts, wanted=needed, kept=[room[:at]]).known(ranks)


def _counted(column: Column, moments: Moments) -> Int64s:
    """All numbers by fine bucket, (N_FINE,)."""
    counts = np.zeros(N_FINE, dtype=np.int64)
    none, nowhere = np.zeros(N_FINE, dtype=np.uint8), np.empty(1)
    for block in column.blocks():
        moments.add(block)
        sift(block, none, counts, nowhere)
    return counts


def _searched(
    column: Column, ranks: Sequence[int], moments: Moments, counts: Int64s
) -> dict[int, float]:
    """By passes that cut a bucket of too many numbers down: they may be all alike."""
    search = RankSearch(limit_bytes=ROOM_BYTES, whole=moments.whole, moments={_KEY: moments})
    bounds = edges()
    for rank in ranks:
        search.open(_KEY, rank, bounds, counts)
    while not search.done:
        gathering: Gathering = search.gather()
        for block in column.blocks():
            gathering.add_group(_KEY, block)
        search.narrow(gathering)
    return {rank: search.found[_KEY, rank] for rank in ranks}
