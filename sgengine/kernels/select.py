"""Exact sums and order statistics of many samples: single passes, nothing sorted.

``moments`` adds in integers, so that the order of samples and their partitions cannot change a bit of
the result; ``count_parts`` and ``take_between`` narrow an interval down to a wanted rank.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged, uncounted

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]
UInt64s = npt.NDArray[np.uint64]

N_LIMBS = 8
N_SINGLE = 2048
N_FINE = N_SINGLE + 52 * 1024
"""Fine buckets: 2048 of 1 ns, then 52 octaves of 1024."""

_MOST = np.nextafter(2.0**63, 0.0)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_BUCKETS_AT_ONCE = 256


@uncounted
def moments(values: Float64s, scale: float, out: UInt64s) -> None:
    """Add y = rint(values * scale) and y^2 to ``out`` (N_LIMBS,) uint64, for 0 <= y < 2^63.

    With y = h 2^32 + l, the limbs hold sum l, sum h, and the low and high 32 bits of l^2, of h l and of
    h^2. None can overflow before 2^32 samples. They are added up in variables: in ``out``, which could be
    where the samples are, each sum waited for the one before it to be written. Without a branch for h = 0
    all of it goes by vectors: 0.8 ns a sample instead of 1.6.
    """
    lows = highs = ll = ll_high = hl = hl_high = hh = hh_high = np.uint64(0)
    for k in range(values.size):
        y = np.uint64(np.rint(values[k] * scale))
        low = y & _LOW
        high = y >> _HALF
        square, cross, upper = low * low, high * low, high * high
        lows += low
        highs += high
        ll += square & _LOW
        ll_high += square >> _HALF
        hl += cross & _LOW
        hl_high += cross >> _HALF
        hh += upper & _LOW
        hh_high += upper >> _HALF
    for place, total in enumerate((lows, highs, ll, ll_high, hl, hl_high, hh, hh_high)):
        out[place] += total


@uncounted
def count_parts(values: Float64s, low: int, high: int, shift: int, counts: Int64s) -> None:
    """Add to ``counts`` (P,) the ``values`` (S,) whose bits are in [low, high), by part of 2^shift.

    The bits of doubles from 0 on, read as int64, are in the order of the doubles: parts of equally
    many doubles need no division, and can be cut down to a single one.
    """
    for k in range(values.size):
        bits = np.float64(values[k]).view(np.int64)
        if low <= bits < high:
            counts[(bits - low) >> shift] += 1


@uncounted
def find_ranks(counts: Int64s, ranks: Int64s, places: Int64s, below: Int64s) -> None:
    """The bucket of ``counts`` (B,) that holds each of ``ranks`` (K,), and how many are in those before it.

    Ranks count from 0; one below 0 is in the first bucket, one that nothing has in bucket B. Ascending
    ones take one walk over the buckets: blocks of them are added up by vectors, 7 us for the N_FINE of
    them, where their running totals took 65.
    """
    at = 0
    under = np.int64(0)
    for k in range(ranks.size):
        if ranks[k] < under:
            at = 0
            under = np.int64(0)
        while at < counts.size:
            block = counts[at : at + _BUCKETS_AT_ONCE]
            total = np.int64(0)
            for i in range(block.size):
                total += block[i]
            if under + total > ranks[k]:
                break
            under += total
            at += block.size
        while at < counts.size and under + counts[at] <= ranks[k]:
            under += counts[at]
            at += 1
        places[k] = at
        below[k] = under


@uncounted
def take_between(values: Float64s, low: float, high: float, out: Float64s) -> int:
    """Copy the ``values`` (S,) in [low, high) to ``out`` (S,); how many there are.

    Each is written and then kept or not, as in ``sift``: with a branch, 2 to 7 ns a value.
    """
    taken = np.uint64(0)
    for k in range(values.size):
        out[taken] = values[k]
        taken += np.uint64((low <= values[k]) & (values[k] < high))
    return np.int64(taken)


@merged
def fine_bucket(value: float) -> int:
    """Bucket of a sample of ``value`` ns, as kernels.histogram's but 8 times finer: below 0.1 %.

    Samples that round to 2^63 belong to the last one.
    """
    bits = np.float64(min(value, _MOST)).view(np.int64)
    upper = np.int32((bits >> 42) - ((1023 + 11) << 10) + 2048)
    return np.int32(min(value, 2048.0)) if value < 2048.0 else upper


@uncounted
def fine_edges(out: Float64s) -> None:
    """Lower edges in ns of the fine buckets and the end of the last: ``out`` (N_FINE + 1,) float64."""
    for bucket in range(2048):
        out[bucket] = bucket
    for bucket in range(2048, N_FINE + 1):
        octave = (bucket - 2048) // 1024
        part = (bucket - 2048) % 1024
        out[bucket] = 2048.0 * 2.0**octave * (1.0 + part / 1024.0)


@uncounted
def sift(values: Float64s, wanted: UInt8s, counts: Int64s, out: Float64s) -> int:
    """Count ``values`` (S,) ns in ``counts`` (N_FINE,), and copy those of a ``wanted`` bucket to ``out``.

    ``wanted`` (N_FINE,) uint8 is 0 or 1; ``out`` has a place more than there are values. Returns how
    many were copied: each is written first and kept or not by the step, for a branch would be
    mispredicted for every tenth sample.
    """
    at = 0
    for k in range(values.size):
        bucket = fine_bucket(values[k])
        counts[bucket] += 1
        out[at] = values[k]
        at += np.int64(wanted[bucket])
    return at


@uncounted
def sift_kept(values: Float64s, wanted: UInt8s, out: Float64s, at: int) -> int:
    """Copy the ``values`` of a ``wanted`` bucket to ``out`` from ``at``, counting none; where it ends."""
    for k in range(values.size):
        out[at] = values[k]
        at += np.int64(wanted[fine_bucket(values[k])])
    return at
