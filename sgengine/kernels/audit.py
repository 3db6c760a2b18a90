"""What delaying and abandoning would do to the chunks of requests (METRICS 5, audits).

Arrays of a batch as in kernels.request; ``n`` (R,) int64, the tokens of each row. A bound that is
``NEVER`` is no bound: no time lies beyond it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import inlined, kernel
from sgengine.kernels.delivery import reach_of
from sgengine.kernels.scan import ONE_EACH, SIZED, UNKNOWN_SIZES, last_with_tokens, sum_sizes

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
UInt8s = npt.NDArray[np.uint8]

NEVER = 2**63 - 1


@kernel
def delay(
    times: Int64s,
    offsets: Int64s,
    kinds: UInt8s,
    threshold: int,
    out: Int64s,
    moved: npt.NDArray[np.bool_],
) -> None:
    """x'_1 = x_1, x'_k = max(x_k, x'_(k-1) + G) of each row with chunks; other rows as they are.

    ``out`` (offsets[R] - offsets[0],) int64 ns, for the same offsets less the first; ``moved`` (R,):
    whether any chunk of a row is later. Times beyond int64 stay at its maximum.
    """
    for r in range(kinds.size):
        x = times[offsets[r] : offsets[r + 1]]
        y = out[offsets[r] - offsets[0] : offsets[r + 1] - offsets[0]]
        y[:] = x
        moved[r] = False
        kind = kinds[r]
        if not (kind == ONE_EACH or kind == SIZED or kind == UNKNOWN_SIZES):
            continue
        for k in range(1, x.size):
            earliest = y[k - 1] + threshold if y[k - 1] <= NEVER - threshold else NEVER
            if earliest > x[k]:
                y[k] = earliest
                moved[r] = True


@inlined
def _keeps_mean(span: int, n: int, tpot: int) -> bool:
    """span <= P (n - 1), by a quotient: the product could overflow."""
    return n < 2 or span == 0 or (span - 1) // (n - 1) < tpot


@inlined
def _first_gap_beyond(x: Int64s, threshold: int) -> int:
    """The moment at which the first gap longer than G is too long, ns; NEVER if none is."""
    for k in range(1, x.size):
        if x[k] - x[k - 1] > threshold:
            return x[k - 1] + threshold
    return NEVER


@inlined
def _first_late_one_each(x: Int64s, first: int, pace: int) -> int:
    """The deadline of the first late token, one a chunk; NEVER if none is late."""
    for k in range(min(x.size, reach_of(first, pace))):
        if x[k] > first + k * pace:
            return first + k * pace
    return NEVER


@inlined
def _first_late_sized(x: Int64s, sizes: Int32s, first: int, pace: int) -> int:
    """The deadline of the first late token; of a chunk's tokens the first is due first."""
    reach = reach_of(first, pace)
    token = 0
    for k in range(x.size):
        if token >= reach:
            break
        if sizes[k] > 0 and x[k] > first + token * pace:
            return first + token * pace
        token += np.int64(sizes[k])
    return NEVER


@inlined
def _bound_moment(x: Int64s, last: int, n: int, ttft: int, tbt: int, tpot: int, e2e: int) -> int:
    """The earliest moment at which one of four clauses is lost, ns; NEVER if all hold.

    ``last`` is the index of the last chunk with tokens; the moments lie before a chunk, and so
    within int64.
    """
    moment = ttft if x[0] > ttft else NEVER
    if x[last] > e2e:
        moment = min(moment, e2e)
    if tpot < NEVER and not _keeps_mean(x[last] - x[0], n, tpot):
        moment = min(moment, x[0] + tpot * (n - 1))
    if tbt < NEVER:
        moment = min(moment, _first_gap_beyond(x, tbt))
    return moment


@kernel
def abandon(
    times: Int64s,
    offsets: Int64s,
    sizes: Int32s,
    size_offsets: Int64s,
    kinds: UInt8s,
    n: Int64s,
    ttft: int,
    tbt: int,
    tpot: int,
    e2e: int,
    first: int,
    pace: int,
    lost: npt.NDArray[np.bool_],
    moment: Int64s,
    chunks: Int64s,
    tokens: Int64s,
) -> None:
    """When each row loses the SLO, and what was delivered by then, all (R,).

    Of rows whose tokens all have a time; others are not looked at. ``pace`` < 0: no pace clause.
    ``lost``: whether a clause is lost, at ``moment`` (ns since arrival), with the first ``chunks`` and
    ``tokens`` delivered at or before it. The last three must come filled, and stay where none is.
    """
    for r in range(kinds.size):
        x = times[offsets[r] : offsets[r + 1]]
        kind = kinds[r]
        first_lost = NEVER
        if kind == ONE_EACH:
            first_lost = _bound_moment(x, x.size - 1, n[r], ttft, tbt, tpot, e2e)
            if pace >= 0:
                first_lost = min(first_lost, _first_late_one_each(x, first, pace))
        elif kind == SIZED:
            s = sizes[size_offsets[r] : size_offsets[r + 1]]
            first_lost = _bound_moment(x, last_with_tokens(s), n[r], ttft, tbt, tpot, e2e)
            if pace >= 0:
                first_lost = min(first_lost, _first_late_sized(x, s, first, pace))
        lost[r] = first_lost < NEVER
        if not lost[r]:
            continue
        moment[r] = first_lost
        chunks[r] = np.searchsorted(x, first_lost, side="right")
        tokens[r] = chunks[r]
        if kind == SIZED:
            tokens[r] = sum_sizes(sizes[size_offsets[r] : size_offsets[r] + chunks[r]])


@kernel
def first_of_each(
    values: npt.NDArray[np.int64] | npt.NDArray[np.int32],
    offsets: Int64s,
    counts: Int64s,
    out: npt.NDArray[np.int64] | npt.NDArray[np.int32],
) -> None:
    """The first ``counts`` (R,) of each row's ``values``, one after the other, to ``out`` (sum,)."""
    at = 0
    for r in range(counts.size):
        for k in range(offsets[r], offsets[r] + counts[r]):
            out[at] = values[k]
            at += 1
