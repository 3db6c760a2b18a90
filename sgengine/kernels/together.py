"""The latencies of requests and the gaps of their group in one loop, so that times are read once.

``kernels.request`` takes what each request says of itself, ``kernels.sparse`` what a group's percentiles of
gaps need. One after the other they wait for memory twice, and for the vector units twice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged, uncounted
from sgengine.kernels.delivery import late_one_each, reach_of
from sgengine.kernels.request import latency_of_row
from sgengine.kernels.scan import KEPT, ONE_EACH, SIZED, UNKNOWN_SIZES
from sgengine.kernels.sieve import LANES, meet
from sgengine.kernels.sparse import SEGMENT, add_sieved, all_sifted, nothing_sifted, sift_row

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
UInt8s = npt.NDArray[np.uint8]
UInt64s = npt.NDArray[np.uint64]
Float64s = npt.NDArray[np.float64]


@uncounted
def latency_and_gaps(
    times: Int64s,
    offsets: Int64s,
    sizes: Int32s,
    size_offsets: Int64s,
    kinds: UInt8s,
    first: int,
    pace: int,
    breach: UInt8s,
    n: Int64s,
    ttft: Int64s,
    last_token: Int64s,
    last_chunk: Int64s,
    itl_max: Int64s,
    idle: Int64s,
    idle_min: Int64s,
    late: Int64s,
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
    met: Int64s,
    taken: Int64s,
    start: int,
    step: int,
) -> tuple[int, int, int, int, int, int, int]:
    """``latency_and_delivery``, and ``sift_sparsely`` of the ``chosen`` rows (R,) that keep the rules.

    Rows that have gaps and were sifted go to ``rows`` (R,), in order; of their gaps every ``step``-th to
    ``taken``, from the one at ``start`` on. Returns how many these are, each, then what ``sift_sparsely``
    does. ``met`` (2,) is scratch.
    """
    reach = reach_of(first, pace)
    state = nothing_sifted()
    found = at = np.int64(0)
    ahead = np.int64(start)
    for r in range(kinds.size):
        a, last = offsets[r], offsets[r + 1] - 1
        sifts = chosen[r] != 0 and last > a
        packed = np.int64(-1)
        if sifts and kinds[r] == ONE_EACH and _meets_at_once(times, a, last, reach):
            packed = meet(
                times,
                a,
                last - a,
                first_gap,
                low,
                width,
                squares,
                extremes,
                held,
                state[6],
                first,
                pace,
                met,
            )
        if packed >= 0:
            ttft[r] = times[a]
            last_token[r] = last_chunk[r] = times[last]
            itl_max[r] = met[0]
            idle[r] = max(met[1], times[a] - first, 0)
            x = times[a : last + 1]
            late[r] = late_one_each(x, first, pace, reach) if idle[r] > 0 else 0
            total = np.uint64(times[last] - times[a])
            state = add_sieved(
                packed, last - a, total, wanted, counts, out, gaps, buckets, held, state
            )
        else:
            latency_of_row(
                r,
                times,
                offsets,
                sizes,
                size_offsets,
                kinds,
                first,
                pace,
                reach,
                breach,
                n,
                ttft,
                last_token,
                last_chunk,
                itl_max,
                idle,
                idle_min,
                late,
            )
            sifts = sifts and breach[r] == KEPT and _has_chunks(kinds[r])
            if sifts:
                state = sift_row(
                    times,
                    a,
                    last,
                    wanted,
                    first_gap,
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
        if sifts:
            rows[found] = r
            found += 1
            while ahead < last - a:
                taken[at] = times[a + ahead + 1] - times[a + ahead]
                at += 1
                ahead += step
            ahead -= last - a
    copied, least, most, below, between = all_sifted(
        wanted, counts, out, limbs, gaps, buckets, squares, extremes, held, state
    )
    return found, at, copied, least, most, below, between


@merged
def _has_chunks(kind: int) -> bool:
    return kind == ONE_EACH or kind == SIZED or kind == UNKNOWN_SIZES


@merged
def _meets_at_once(times: Int64s, a: int, last: int, reach: int) -> bool:
    """Whether the row ``times[a : last + 1]`` may go to the kernel that adds before it has seen all."""
    return last - a <= SEGMENT and last - a < reach and last >= LANES and times[a] >= 0
