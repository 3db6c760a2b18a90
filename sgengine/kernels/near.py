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

BLOCK = 512
"""Numbers looked at together."""


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
def extremes(values: Float64s, out: Float64s) -> None:
    """The least and the most of ``values`` (S,), at least one and from 0 on, to ``out`` (2,).

    The bits of doubles from 0 on are in the order of the doubles, and integers are compared by vectors:
    0.2 ns a number.
    """
    least = most = np.float64(values[0]).view(np.int64)
    for k in range(values.size):
        bits = np.float64(values[k]).view(np.int64)
        least = min(least, bits)
        most = max(most, bits)
    out[0] = np.int64(least).view(np.float64)
    out[1] = np.int64(most).view(np.float64)
