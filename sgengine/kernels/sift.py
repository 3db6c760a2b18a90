"""Gaps of many rows counted, summed and sifted for exact percentiles, straight from the chunk times."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged, uncounted
from sgengine.kernels.prefetch import BLOCK as _FETCHED
from sgengine.kernels.prefetch import fetch_ahead
from sgengine.kernels.select import fine_bucket

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
UInt8s = npt.NDArray[np.uint8]
UInt64s = npt.NDArray[np.uint64]
Float64s = npt.NDArray[np.float64]

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
_SMALL = np.uint64((1 << 28) - 1)

BLOCK = _FETCHED
"""Gaps of a block: 2^56 times as many are below 2^64, and all that is made of them is in cache."""

NONE_YET = np.int64(0x7FFFFFFFFFFFFFFF)


@uncounted
def sift_gaps(
    times: Int64s,
    offsets: Int64s,
    rows: Int64s,
    wanted: UInt8s,
    counts: Int64s,
    out: Float64s,
    limbs: UInt64s,
    gaps: Float64s,
    buckets: Int32s,
) -> tuple[int, int, int]:
    """What kernels.select.sift and moments do, with the gaps of ``rows`` (S,) straight from the times.

    Returns how many were copied to ``out``, the least and the greatest gap; there must be one. Their
    sums go to ``limbs`` (N_LIMBS,); those of 2^53 ns and more round as doubles do elsewhere, so the
    caller must not use ``limbs`` then. ``gaps`` and ``buckets`` (BLOCK,) are scratch.
    """
    at = np.uint64(0)
    least = NONE_YET
    most = np.int64(0)
    for i in range(rows.size):
        x = times[offsets[rows[i]] : offsets[rows[i] + 1]]
        at, low, high = sift_densely(x, wanted, counts, out, at, limbs, gaps, buckets)
        least = low if low < least else least
        most = high if high > most else most
    return np.int64(at), least, most


@merged
def sift_densely(
    x: Int64s,
    wanted: UInt8s,
    counts: Int64s,
    out: Float64s,
    at: np.uint64,
    limbs: UInt64s,
    gaps: Float64s,
    buckets: Int32s,
) -> tuple[np.uint64, int, int]:
    """The gaps of one row, all counted: a block's sums and buckets are taken by vectors, in cache.

    1.5 ns a gap, of which 0.7 are reading the times and summing.
    """
    least = NONE_YET
    most = np.int64(0)
    for a in range(0, x.size - 1, BLOCK):
        fetch_ahead(x, a)
        after = x[a + 1 : a + 1 + BLOCK]
        before = x[a : a + after.size]
        low, high = _add_sums(before, after, limbs)
        least = low if low < least else least
        most = high if high > most else most
        for k in range(before.size):
            gaps[k] = float(after[k] - before[k])
            buckets[k] = fine_bucket(gaps[k])
        alike = fine_bucket(float(low)) == fine_bucket(float(high))
        at = count_block(gaps[: before.size], buckets, alike, wanted, counts, out, at)
    return at, least, most


@merged
def count_block(
    gaps: Float64s,
    buckets: Int32s,
    alike: bool,
    wanted: UInt8s,
    counts: Int64s,
    out: Float64s,
    at: np.uint64,
) -> np.uint64:
    """Count a block, and copy what is wanted to ``out`` from ``at``; where it ends."""
    if alike:
        # One by one, each would wait for the store of the last: 3.0 ns.
        alone = np.uint32(buckets[0])
        counts[alone] += gaps.size
        for k in range(gaps.size * np.int64(wanted[alone])):
            out[at + np.uint64(k)] = gaps[k]
        return at + np.uint64(gaps.size * np.int64(wanted[alone]))
    for k in range(gaps.size):
        bucket = np.uint32(buckets[k])
        counts[bucket] += 1
        out[at] = gaps[k]
        at += np.uint64(wanted[bucket])
    return at


@merged
def _add_sums(before: Int64s, after: Int64s, limbs: UInt64s) -> tuple[int, int]:
    """Add the gaps of a block and their squares to ``limbs``; the least and the greatest gap.

    Gaps below 2^28 ns (0.27 s) have squares that add up to less than 2^64; the mask keeps the sum in
    bounds where it is of no use.
    """
    low = after[0] - before[0]
    high = low
    squares = np.uint64(0)
    for k in range(before.size):
        gap = after[k] - before[k]
        low = gap if gap < low else low
        high = gap if gap > high else high
        small = np.uint64(gap) & _SMALL
        squares += small * small
    if np.uint64(high) > _SMALL:
        _add_large(before, after, limbs)
        return low, high
    total = np.uint64(after[after.size - 1] - before[0])
    limbs[0] += total & LOW
    limbs[1] += total >> HALF
    limbs[2] += squares & LOW
    limbs[3] += squares >> HALF
    return low, high


@uncounted
def _add_large(before: Int64s, after: Int64s, limbs: UInt64s) -> None:
    """Add the gaps of a block and their squares, all in sums of 32 bits; as numbers, so by vectors."""
    lows = highs = ll = ll_high = hl = hl_high = hh = hh_high = np.uint64(0)
    for k in range(before.size):
        gap = np.uint64(after[k] - before[k])
        low = gap & LOW
        high = gap >> HALF
        lows += low
        highs += high
        ll += (low * low) & LOW
        ll_high += (low * low) >> HALF
        hl += (high * low) & LOW
        hl_high += (high * low) >> HALF
        hh += (high * high) & LOW
        hh_high += (high * high) >> HALF
    for place, total in enumerate((lows, highs, ll, ll_high, hl, hl_high, hh, hh_high)):
        limbs[place] += total
