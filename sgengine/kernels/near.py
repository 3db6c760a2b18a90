"""Numbers near percentiles: found by where a sample says that these lie, in one look at each.

Buckets take a look to count and another to take, and a table in the cache. Three comparisons go by
vectors: with the copy 0.7 ns a number, near 0 or not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import uncounted

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]

BLOCK = 512
"""Numbers looked at together."""

_SMALL = 2.0**52
_26, _32 = np.uint64(26), np.uint64(32)
_LOW_26, _LOW_32 = np.uint64((1 << 26) - 1), np.uint64((1 << 32) - 1)


@uncounted
def take_near(
    values: Float64s, ends: Float64s, below: Int64s, out: Float64s, at: int, inside: Int64s
) -> int:
    """Copy the ``values`` (S,) in [``ends[0]``, ``ends[1]``), or from ``ends[2]`` on, to ``out``.

    ``ends`` ascend. The copies begin at ``at``; returns where they end. ``out`` has a place more than
    there are: each number is written there and kept or not by the step. Adds to ``below[0]`` how many are
    less than the first end. ``inside`` (BLOCK,) is scratch.
    """
    low, high, top = ends[0], ends[1], ends[2]
    for start in range(0, values.size, BLOCK):
        block = values[start : start + BLOCK]
        above = np.int64(0)
        for k in range(block.size):
            reaches = np.int64(block[k] >= low)
            above += reaches
            inside[k] = reaches - np.int64(block[k] >= high) + np.int64(block[k] >= top)
        for k in range(block.size):
            out[at] = block[k]
            at += inside[k]
        below[0] += block.size - above
    return at


@uncounted
def small_moments(values: Float64s, scale: float, ends: Float64s, out: UInt64s) -> bool:
    """The least and the most of ``values`` (S,), at least one and from 0 on, to ``ends`` (2,); their sums.

    Those are of y = rint(value * scale), and nothing unless all y are below 2^52: then True is returned.
    With y = h 2^26 + l, ``out`` (8,) gets the sums of y, l^2, h l and h^2, of each the lower 32 bits of the
    sums of blocks, and what is above them. No product has more than 52 bits, so that those of a block need
    not be taken apart: with the extremes 0.7 ns a number, where ``select.moments`` takes 0.8 without. The
    bits of doubles from 0 on are in the order of the doubles; integers are compared by vectors.
    """
    least = most = np.float64(values[0]).view(np.int64)
    for start in range(0, values.size, BLOCK):
        block = values[start : start + BLOCK]
        total = lows = crosses = highs = np.uint64(0)
        for k in range(block.size):
            bits = np.float64(block[k]).view(np.int64)
            least = min(least, bits)
            most = max(most, bits)
            y = np.uint64(np.rint(min(block[k] * scale, _SMALL)))
            low, high = y & _LOW_26, y >> _26
            total += y
            lows += low * low
            crosses += high * low
            highs += high * high
        for place, each in enumerate((total, lows, crosses, highs)):
            out[2 * place] += each & _LOW_32
            out[2 * place + 1] += each >> _32
    ends[0] = np.int64(least).view(np.float64)
    ends[1] = np.int64(most).view(np.float64)
    return ends[1] * scale < _SMALL - 1
