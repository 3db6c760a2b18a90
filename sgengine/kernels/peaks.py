"""Which points of a delivery curve may be vertices of its upper hull: few, found without branches.

With s about the slope of the chord from the first point to the last and u_k = x_k - x_0 - s k, edges of
the hull rise and then fall in u. So a vertex is above all points before it or above all points behind it
in u, and above the lesser of the two maxima of other blocks of points. Of 200 points with random gaps 75
are in blocks that reach so high, 27 of these are, and gain more on the point before than the next on them,
and 10 are left after two looks at each with its neighbours; 7 are vertices.

Every step writes first and keeps by an addition, and maxima are taken by masks: a branch would be
mispredicted for every other block. Splitting at the farthest point, again and again, took 890 ns for such a
request, paces included, and this 440, both reading from memory.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged
from sgengine.kernels._machine import prefetch_to_read
from sgengine.kernels.prefetch import AHEAD
from sgengine.kernels.vectors import WIDTH, greatest_above

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

_SPAN = WIDTH
"""Points of a block. Blocks of 16 cost a tenth more."""

_LOOKS = 2
"""Looks at each candidate and its neighbours: without the second the chain behind costs a tenth more."""


def peaks_shape(longest: int) -> tuple[int, int]:
    """Shape of the int64 scratch ``peaks`` for rows of up to ``longest`` points."""
    return 4, longest // _SPAN + 1


@merged
def _larger(a: int, b: int) -> int:
    """The larger of two numbers, by a mask: LLVM would make a branch of a comparison.

    Their difference must fit in 64 bits.
    """
    d = a - b
    return b + (d & ~(d >> 63))


@merged
def _block_peaks(x: Int64s, slope: int, peaks: Int64s) -> int:
    """The greatest u of each block, 0 at least, into ``peaks``; how many blocks there are."""
    whole = x.size // _SPAN
    for b in range(whole):
        prefetch_to_read(x, b * _SPAN + AHEAD)
        line = x[0] + slope * (b * _SPAN)
        peaks[b] = _larger(greatest_above(x, b * _SPAN, line, slope), 0)
    if whole * _SPAN == x.size:
        return whole
    best = np.int64(0)
    for k in range(whole * _SPAN, x.size):
        u = x[np.uint64(k)] - (x[0] + slope * k)
        best = u if u > best else best
    peaks[whole] = best
    return whole + 1


@merged
def _high_blocks(
    count: int, end: int, peaks: Int64s, before: Int64s, after: Int64s, high: Int64s
) -> int:
    """The blocks, into ``high``, that exceed the lesser of the maxima ``before`` and ``after`` them.

    Of ``count`` blocks; ``end`` is the last point's u. That lesser maximum stays in ``after``.
    """
    left = np.int64(0)
    right = np.int64(end)
    for b in range(count):
        back = np.uint64(count - 1 - b)
        before[b] = left
        left = _larger(left, peaks[b])
        after[back] = right
        right = _larger(right, peaks[back])
    found = np.uint64(0)
    for b in range(count):
        limit = before[b] if before[b] < after[b] else after[b]
        after[b] = limit
        high[found] = b
        found += np.uint64(peaks[b] > limit)
    return np.int64(found)


@merged
def _high_points(x: Int64s, slope: int, limits: Int64s, high: Int64s, candidates: Int32s) -> int:
    """The points of ``high`` blocks above their limit that a longer gap precedes than follows, and both ends."""
    candidates[0] = 0
    found = np.uint64(1)
    for place in range(high.size):
        b = high[place]
        start = max(b * _SPAN, 1)
        limit = limits[np.uint64(b)] + (x[0] + slope * start)
        for k in range(start, min(b * _SPAN + _SPAN, x.size - 1)):
            at = np.uint64(k)
            gained = x[at] - x[at - np.uint64(1)] > x[at + np.uint64(1)] - x[at]
            candidates[found] = k
            found += np.uint64((x[at] > limit) & gained)
            limit += slope
    candidates[found] = x.size - 1
    return np.int64(found) + 1


@merged
def _above_neighbours(x: Int64s, count: int, candidates: Int32s) -> int:
    """Keep of the candidates, in place, those above the line between their neighbours; how many."""
    left, at = np.int64(0), np.int64(candidates[1])
    before, time = x[0], x[np.uint64(at)]
    found = np.uint64(1)
    for place in range(2, count):
        right = np.int64(candidates[place])
        after = x[np.uint64(right)]
        candidates[found] = at
        found += np.uint64((time - before) * (right - at) > (after - time) * (at - left))
        left, at = at, right
        before, time = time, after
    candidates[found] = at
    return np.int64(found) + 1


@merged
def candidates_of(x: Int64s, narrow: bool, peaks: Int64s, candidates: Int32s) -> int:
    """Points that may be vertices, ``x`` (K >= 2) non-decreasing, into ``candidates``; how many.

    All vertices are among them, both ends too. ``peaks`` (``peaks_shape``) and ``candidates`` (K + 1,)
    are scratch. ``narrow``: products of a time and an index fit in 63 bits.
    """
    last = x.size - 1
    slope = (x[last] - x[0]) // last
    blocks = _block_peaks(x, slope, peaks[0])
    end = x[last] - (x[0] + slope * last)
    high = _high_blocks(blocks, end, peaks[0], peaks[1], peaks[2], peaks[3])
    count = _high_points(x, slope, peaks[2], peaks[3][:high], candidates)
    if narrow:
        for _ in range(_LOOKS):
            count = _above_neighbours(x, count, candidates)
    return count
