"""Gaps sifted once it is known about where percentiles lie: those that cannot be near any are left out.

Of these it is only said how many they are, where ``kernels.sift`` counts every gap by fine bucket.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged, uncounted
from sgengine.kernels.select import fine_bucket
from sgengine.kernels.sieve import LANES, sieve
from sgengine.kernels.sift import BLOCK, HALF, LOW, NONE_YET, count_block, sift_densely

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
UInt8s = npt.NDArray[np.uint8]
UInt64s = npt.NDArray[np.uint64]
Float64s = npt.NDArray[np.float64]

SEGMENT = 2048
"""Gaps that go through the sieve at once, at most."""

HELD = 2 * SEGMENT + LANES
"""Room for gaps that the sieve leaves, 16 KB: those of a segment come to less than as many, and a vector."""


@uncounted
def sift_sparsely(
    times: Int64s,
    offsets: Int64s,
    rows: Int64s,
    wanted: UInt8s,
    first: int,
    low: int,
    width: int,
    counts: Int64s,
    out: Float64s,
    limbs: UInt64s,
    gaps: Float64s,
    buckets: Int32s,
    squares: UInt64s,
    extremes: Int32s,
    held: Int32s,
) -> tuple[int, int, int, int, int]:
    """As ``sift_gaps``, but gaps below ``first`` and in [``low``, ``low + width``) need not be in ``counts``.

    None of these may be ``wanted``; the others are copied in any order. Returns also how many are not in
    ``counts``: of those below, and of those between. Gaps near one greater than MOST are counted as
    ``sift_gaps`` does. ``squares`` (LANES,) come as zeros and ``extremes`` (2 LANES,) half as MOST, half as
    zeros; ``held`` (HELD,) is scratch.
    0.8 ns a gap that comes from memory where ``sift_gaps`` takes 1.5.
    """
    state = nothing_sifted()
    for i in range(rows.size):
        state = sift_row(
            times,
            offsets[rows[i]],
            offsets[rows[i] + 1] - 1,
            wanted,
            first,
            low,
            width,
            counts,
            out,
            limbs,
            gaps,
            buckets,
            squares,
            extremes,
            held,
            state,
        )
    return all_sifted(wanted, counts, out, limbs, gaps, buckets, squares, extremes, held, state)


State = tuple[np.uint64, int, int, int, int, int, int, np.uint64]
"""Of gaps sifted so far: how many were copied; the least and the greatest of those sifted one by one; of
the others how many there are, reach the first edge, were counted, and wait; and the sum of these."""


@merged
def nothing_sifted() -> State:
    """The state before the first row."""
    none = np.int64(0)
    return np.uint64(0), NONE_YET, none, none, none, none, none, np.uint64(0)


@merged
def sift_row(
    times: Int64s,
    a: int,
    last: int,
    wanted: UInt8s,
    first: int,
    low: int,
    width: int,
    counts: Int64s,
    out: Float64s,
    limbs: UInt64s,
    gaps: Float64s,
    buckets: Int32s,
    squares: UInt64s,
    extremes: Int32s,
    held: Int32s,
    state: State,
) -> State:
    """Sift the gaps between ``times[a]`` and ``times[last]``."""
    while a < last:
        size = min(last - a, SEGMENT)
        packed = np.int64(-1)
        if a + size >= LANES:
            packed = sieve(times, a, size, first, low, width, squares, extremes, held, state[6])
        if packed >= 0:
            total = np.uint64(times[a + size] - times[a])
            state = add_sieved(packed, size, total, wanted, counts, out, gaps, buckets, held, state)
        else:
            x = times[a : a + size + 1]
            at, least, most, seen, reached, counted, waiting, sum_of = state
            at, less, more = sift_densely(x, wanted, counts, out, at, limbs, gaps, buckets)
            least = less if less < least else least
            most = more if more > most else most
            state = (at, least, most, seen, reached, counted, waiting, sum_of)
        a += size
    return state


@merged
def add_sieved(
    packed: int,
    size: int,
    sum_of: np.uint64,
    wanted: UInt8s,
    counts: Int64s,
    out: Float64s,
    gaps: Float64s,
    buckets: Int32s,
    held: Int32s,
    state: State,
) -> State:
    """Take in that the sieve says ``packed`` of ``size`` gaps, SEGMENT at most; sift what it left if it is much."""
    at, least, most, seen, reached, counted, waiting, total = state
    waiting += packed & 0xFFFFFFFF
    if waiting >= SEGMENT:
        at = _sift_held(held[:waiting], wanted, counts, out, at, gaps, buckets)
        counted += waiting
        waiting = np.int64(0)
    return at, least, most, seen + size, reached + (packed >> 32), counted, waiting, total + sum_of


@merged
def all_sifted(
    wanted: UInt8s,
    counts: Int64s,
    out: Float64s,
    limbs: UInt64s,
    gaps: Float64s,
    buckets: Int32s,
    squares: UInt64s,
    extremes: Int32s,
    held: Int32s,
    state: State,
) -> tuple[int, int, int, int, int]:
    """What ``sift_sparsely`` returns, once the last row is sifted."""
    at, least, most, seen, reached, counted, waiting, total = state
    at = _sift_held(held[:waiting], wanted, counts, out, at, gaps, buckets)
    counted += waiting
    limbs[0] += total & LOW
    limbs[1] += total >> HALF
    for k in range(LANES):
        limbs[2 + (2 * k) // LANES] += squares[k]
        if seen > 0:
            least = min(least, np.int64(extremes[k]))
            most = max(most, np.int64(extremes[LANES + k]))
    return np.int64(at), least, most, seen - reached, reached - counted


@merged
def _sift_held(
    held: Int32s,
    wanted: UInt8s,
    counts: Int64s,
    out: Float64s,
    at: np.uint64,
    gaps: Float64s,
    buckets: Int32s,
) -> np.uint64:
    """The gaps that the sieve left, without their sums."""
    for a in range(0, held.size, BLOCK):
        some = held[a : a + BLOCK]
        low = high = some[0]
        for k in range(some.size):
            low = some[k] if some[k] < low else low
            high = some[k] if some[k] > high else high
            gaps[k] = float(some[k])
            buckets[k] = fine_bucket(gaps[k])
        alike = fine_bucket(float(low)) == fine_bucket(float(high))
        at = count_block(gaps[: some.size], buckets, alike, wanted, counts, out, at)
    return at
