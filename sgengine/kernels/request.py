"""The one pass over a batch: every per-request metric, each row's chunks read while they are in cache.

Arrays of a batch of R rows, shared by all kernels:

``times`` (C,) int64 ns since arrival and ``offsets`` (R + 1,) int64 into it; ``sizes`` (S,) int32 and
``size_offsets`` (R + 1,) int64, used for rows of kind SIZED; ``kinds`` (R,) uint8 (kernels.scan);
``declared`` (R,) int64, the declared output tokens of rows of kind UNKNOWN_SIZES.
Outputs hold arbitrary values where a row's kind leaves them undefined; compute masks them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged, uncounted
from sgengine.kernels.delivery import (
    gaps_and_idle,
    idle_one_each,
    idle_shifted,
    idle_sized,
    late_one_each,
    late_sized,
    reach_of,
)
from sgengine.kernels.envelope import (
    eq5_pace_of,
    hull_one_each,
    hull_shifted,
    hull_sized,
    sustained_pace_of,
)
from sgengine.kernels.scan import (
    KEPT,
    NO_CHUNKS,
    ONE_EACH,
    SIZED,
    UNKNOWN_SIZES,
    gaps_of,
    last_with_tokens,
    sizes_breach,
    sum_sizes,
    times_breach,
)
from sgengine.kernels.smoothness import smoothness

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
UInt8s = npt.NDArray[np.uint8]

_BLOCK = 1 << 16
"""Chunks of a block: half a megabyte of times, a quarter of a second-level cache."""

Float64s = npt.NDArray[np.float64]


@uncounted
def latency_and_delivery(
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
) -> None:
    """Check each row's chunks (``breach``, a code of kernels.scan), take its latencies, and meet a reader.

    All (R,). ``n`` is written for rows of kind SIZED, and must come filled for the others. ``breach``
    must come filled with KEPT, and stays where a row has no chunks: what it says of rows that were
    found broken before outlasts a second look at them. For UNKNOWN_SIZES ``idle`` is the upper bound
    and ``idle_min`` the lower one.
    """
    reach = reach_of(first, pace)
    for r in range(kinds.size):
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


@merged
def latency_of_row(
    r: int,
    times: Int64s,
    offsets: Int64s,
    sizes: Int32s,
    size_offsets: Int64s,
    kinds: UInt8s,
    first: int,
    pace: int,
    reach: int,
    breach: UInt8s,
    n: Int64s,
    ttft: Int64s,
    last_token: Int64s,
    last_chunk: Int64s,
    itl_max: Int64s,
    idle: Int64s,
    idle_min: Int64s,
    late: Int64s,
) -> None:
    """The same of one row; ``reach``: how many tokens have a deadline (kernels.delivery)."""
    x = times[offsets[r] : offsets[r + 1]]
    kind = kinds[r]
    if x.size == 0 or not (kind == ONE_EACH or kind == SIZED or kind == UNKNOWN_SIZES):
        return
    if kind != SIZED and x.size <= reach:
        signs, itl_max[r], idle[r] = gaps_and_idle(x, first, pace)
    else:
        signs, itl_max[r] = gaps_of(x)
    ttft[r] = x[0]
    last_token[r] = x[x.size - 1]
    last_chunk[r] = x[x.size - 1]
    breach[r] = times_breach(x, signs)
    if breach[r] != KEPT:
        return
    if kind == SIZED:
        s = sizes[size_offsets[r] : size_offsets[r + 1]]
        breach[r] = sizes_breach(s)
        if breach[r] != KEPT:
            return
        n[r] = sum_sizes(s)
        last_token[r] = x[last_with_tokens(s)]
        idle[r] = idle_sized(x, s, first, pace, reach)
        late[r] = late_sized(x, s, first, pace, reach) if idle[r] > 0 else 0
        return
    if x.size > reach:
        idle[r] = idle_one_each(x, first, pace, reach)
    if kind == UNKNOWN_SIZES:
        idle_min[r] = idle_shifted(x, n[r] - x.size, first, pace, reach)
    else:
        late[r] = late_one_each(x, first, pace, reach) if idle[r] > 0 else 0


@uncounted
def envelope(
    times: Int64s,
    offsets: Int64s,
    sizes: Int32s,
    size_offsets: Int64s,
    kinds: UInt8s,
    n: Int64s,
    lower: bool,
    start: int,
    first: int,
    peaks: Int64s,
    candidates: Int32s,
    hull_offsets: Int64s,
    tokens: Int32s,
    hull_times: Int64s,
    eq5_pace: Float64s,
    sustained_pace: Float64s,
) -> int:
    """Hulls of rows ``start``.. into ``tokens`` (V,) int32 from 1 and ``hull_times`` (V,) int64 ns.

    Returns R when done, or the first row that might not fit, all its chunks being vertices, to be called
    again from there with more room. ``peaks``, ``candidates``: scratch of kernels.peaks for the longest
    row. For UNKNOWN_SIZES the hull bounds the idle latency: from above, or from below if ``lower``. Paces
    ((R,) float64, ns a token) are written beside.
    """
    at = hull_offsets[start]
    for r in range(start, kinds.size):
        kind = kinds[r]
        size = 0
        x = times[offsets[r] : offsets[r + 1]]
        if at + x.size > tokens.size:
            return r
        top, high = tokens[at:], hull_times[at:]
        if kind == ONE_EACH or (kind == UNKNOWN_SIZES and not lower):
            size = hull_one_each(x, peaks, candidates, top, high)
        elif kind == SIZED:
            s = sizes[size_offsets[r] : size_offsets[r + 1]]
            size = hull_sized(x, s, n[r], top, high)
        elif kind == UNKNOWN_SIZES:
            size = hull_shifted(x, n[r] - x.size, top, high)
        at += size
        hull_offsets[r + 1] = at
        if size > 0:
            eq5_pace[r] = eq5_pace_of(top[:size], high[:size])
            sustained_pace[r] = sustained_pace_of(top[:size], high[:size], first)
    return kinds.size


@uncounted
def in_blocks(
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
) -> int:
    """All of the above, over blocks of rows whose chunks stay in the second-level cache.

    One after the other over a whole batch, each kernel reads the chunks from memory again: 4.6 ns a
    token for all of them instead of 4.3 (one thread, 200 tokens a request), most of which the two that
    ask ahead would hide. Rows that break a rule become NO_CHUNKS in ``kinds``, which is written. Returns
    R, or the row from which to go on with more room for hulls.
    """
    rows = kinds.size
    a = start
    while a < rows:
        b = a + 1
        while b < rows and offsets[b + 1] - offsets[a] <= _BLOCK:
            b += 1
        block = offsets[a : b + 1]
        size_block = size_offsets[a : b + 1]
        live = kinds[a:b]
        latency_and_delivery(
            times,
            block,
            sizes,
            size_block,
            live,
            first,
            pace,
            breach[a:b],
            n[a:b],
            ttft[a:b],
            last_token[a:b],
            last_chunk[a:b],
            itl_max[a:b],
            idle[a:b],
            idle_min[a:b],
            late[a:b],
        )
        for r in range(a, b):
            if breach[r] != KEPT:
                kinds[r] = NO_CHUNKS
        if with_smoothness:
            smoothness(
                times,
                block,
                sizes,
                size_block,
                live,
                n[a:b],
                idle[a:b],
                first,
                pace,
                skip_first,
                qoe[a:b],
                fluidity[a:b],
            )
        if with_hulls:
            done = envelope(
                times,
                block,
                sizes,
                size_block,
                live,
                n[a:b],
                False,
                0,
                first,
                peaks,
                candidates,
                hull_offsets[a : b + 1],
                tokens,
                hull_times,
                eq5_pace[a:b],
                sustained_pace[a:b],
            )
            if a + done < b:
                return a + done
        a = b
    return rows
