"""A request's metrics and its group's gaps in one loop, so that times are read from memory once.

``kernels.request`` takes what each request says of itself, ``kernels.sift`` what a group's percentiles of
gaps need. One after the other over a batch that does not fit in the cache they took 1.83 ns a token from a
mapped file, in blocks that do 1.57 (one thread, 200 tokens a request).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import uncounted
from sgengine.kernels.request import BLOCK, in_blocks
from sgengine.kernels.scan import ONE_EACH, SIZED, UNKNOWN_SIZES
from sgengine.kernels.sift import sift_sparsely

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
UInt8s = npt.NDArray[np.uint8]
UInt64s = npt.NDArray[np.uint64]
Float64s = npt.NDArray[np.float64]

ROWS, COPIED, LEAST, MOST, BELOW, BETWEEN = range(6)
N_SIFTED = 6
"""Places of what was sifted: rows, gaps copied, the least and the greatest, and the two counts of
``sift_sparsely``."""


@uncounted
def sifted_in_blocks(
    times: Int64s,
    offsets: Int64s,
    sizes: Int32s,
    size_offsets: Int64s,
    kinds: UInt8s,
    first: int,
    pace: int,
    skip_first: bool,
    with_smoothness: bool,
    with_hulls: bool,
    start: int,
    breach: UInt8s,
    n: Int64s,
    ttft: Int64s,
    last_token: Int64s,
    last_chunk: Int64s,
    itl_max: Int64s,
    idle: Int64s,
    idle_min: Int64s,
    late: Int64s,
    qoe: Float64s,
    fluidity: Float64s,
    peaks: Int64s,
    candidates: Int32s,
    hull_offsets: Int64s,
    tokens: Int32s,
    hull_times: Int64s,
    eq5_pace: Float64s,
    sustained_pace: Float64s,
    chosen: UInt8s,
    wanted: UInt8s,
    first_gap: int,
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
    rows: Int64s,
    sifted: Int64s,
) -> int:
    """``in_blocks``, and of each block ``sift_sparsely`` with the ``chosen`` rows (R,) that keep the rules.

    Returns what ``in_blocks`` does. Rows with a gap go to ``rows`` (R,), in order; ``sifted``
    (N_SIFTED,) are added up, LEAST coming as the greatest int64 and the others as 0. ``out`` has room
    for a gap more than there are, ``squares`` come as zeros and stay so.
    """
    a = start
    while a < kinds.size:
        b = a + 1
        while b < kinds.size and offsets[b + 1] - offsets[a] <= BLOCK:
            b += 1
        done = a + in_blocks(
            times,
            offsets[a : b + 1],
            sizes,
            size_offsets[a : b + 1],
            kinds[a:b],
            first,
            pace,
            skip_first,
            with_smoothness,
            with_hulls,
            0,
            breach[a:b],
            n[a:b],
            ttft[a:b],
            last_token[a:b],
            last_chunk[a:b],
            itl_max[a:b],
            idle[a:b],
            idle_min[a:b],
            late[a:b],
            qoe[a:b],
            fluidity[a:b],
            peaks,
            candidates,
            hull_offsets[a : b + 1],
            tokens,
            hull_times,
            eq5_pace[a:b],
            sustained_pace[a:b],
        )
        head = last = sifted[ROWS]
        for r in range(a, done):
            kind = kinds[r]
            has_gaps = kind == ONE_EACH or kind == SIZED or kind == UNKNOWN_SIZES
            rows[last] = r
            last += np.int64(has_gaps and chosen[r] != 0 and offsets[r + 1] - offsets[r] > 1)
        copied, least, most, below, between = sift_sparsely(
            times,
            offsets,
            rows[head:last],
            wanted,
            first_gap,
            low,
            width,
            counts,
            out[sifted[COPIED] :],
            limbs,
            gaps,
            buckets,
            squares,
            extremes,
            held,
        )
        squares[:] = 0
        sifted[ROWS] = last
        sifted[COPIED] += copied
        sifted[LEAST] = min(sifted[LEAST], least)
        sifted[MOST] = max(sifted[MOST], most)
        sifted[BELOW] += below
        sifted[BETWEEN] += between
        if done < b:
            return done
        a = b
    return kinds.size
