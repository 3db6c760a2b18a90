"""Order statistics of many numbers from one look at each: a sample says about where they lie.

What lies there is kept, what is below is counted. Percentiles but the first lie above nine tenths of the
numbers, so that two intervals hold them all, the second without an end. An order statistic that a sample
missed stays unknown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sgengine.kernels.near import BLOCK, take_near

Float64s = npt.NDArray[np.float64]

_SIGMAS = 8.0
"""Room on each side of a rank, in standard deviations of its place in a sample of independent numbers:
those of requests that waited for each other are not, and come in runs."""

_SLACK = 0.005
"""Room beside that: this part of the sample, times sqrt(q (1 - q))."""

_TINY = math.nextafter(0.0, 1.0)
"""Numbers less than this are 0: half of the requests may never have waited."""


class Near:
    """Of ``count`` numbers, from 0 on, those about where a ``sample`` (M,) has ``ranks``, at least one.

    ``most``: once as many of them are kept, no more are taken in.
    """

    def __init__(self, sample: Float64s, count: int, ranks: Sequence[int], most: int) -> None:
        ordered = np.sort(sample)
        self._ends = _ends(_places(ranks, count, ordered.size), ordered)
        self._count, self._most = count, most
        self._below = np.zeros(1, dtype=np.int64)
        self._kept = np.empty(min(self._expected(ordered), most) + 1)
        self._size = 0
        self._scratch = np.empty(BLOCK, dtype=np.int64)

    def _expected(self, ordered: Float64s) -> int:
        """About how many will be kept, and an eighth more."""
        low, high, top = (int(place) for place in np.searchsorted(ordered, self._ends))
        return (high - low + ordered.size - top) * self._count * 9 // (8 * ordered.size)

    def add(self, values: Float64s) -> bool:
        """Take in the next ``values`` (S,); False if there is no more room, and then nothing is known."""
        if self._size + values.size >= self._kept.size and not self._grow(values.size):
            return False
        self._size = take_near(
            values, self._ends, self._below, self._kept, self._size, self._scratch
        )
        return True

    def _grow(self, more: int) -> bool:
        """Make room for ``more`` numbers."""
        if self._size >= self._most:
            return False
        kept = np.empty(max(self._size + more, self._kept.size * 5 // 4) + 1)
        kept[: self._size] = self._kept[: self._size]
        self._kept = kept
        return True

    def known(self, ranks: Iterable[int]) -> dict[int, float]:
        """The order statistics at ``ranks`` (from 0), those that are known once all numbers are in."""
        kept, below = self._kept[: self._size], int(self._below[0])
        low, high, _ = self._ends.tolist()
        kept.sort()
        first = int(np.searchsorted(kept, high))
        above = self._count - kept.size + first
        found = {}
        for rank in ranks:
            if below <= rank < below + first:
                found[rank] = float(kept[rank - below])
            elif rank >= above:
                found[rank] = float(kept[rank - above + first])
            elif rank < below and low == _TINY:
                found[rank] = 0.0
        return found


def _places(ranks: Sequence[int], count: int, size: int) -> list[tuple[int, int]]:
    """Where in an ordered sample of ``size`` each of the ``ranks`` may lie; apart from each other."""
    found: list[tuple[int, int]] = []
    for rank in sorted(ranks):
        q = rank / count
        spread = math.sqrt(q * (1 - q))
        room = spread * (_SIGMAS * math.sqrt(size) + _SLACK * size) + 1
        low, high = math.floor(q * size - room), math.ceil(q * size + room)
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found


def _ends(places: list[tuple[int, int]], ordered: Float64s) -> Float64s:
    """[low, high) up to the widest gap between the ``places``, and from the end of the gap on: (3,)."""
    gaps = [after - before for (_, before), (after, _) in pairwise(places)]
    cut = gaps.index(max(gaps)) if gaps else 0
    low = float(ordered[places[0][0]]) if places[0][0] >= 0 else 0.0
    last = places[cut][1]
    high = math.nextafter(ordered[last], math.inf) if last < ordered.size else math.inf
    top = float(ordered[places[cut + 1][0]]) if gaps else math.inf
    return np.array([max(low, _TINY), max(high, _TINY), max(top, high)])
