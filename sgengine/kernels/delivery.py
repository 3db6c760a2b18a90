"""How a delivery curve meets one reader: user idle latency, late tokens, the smoothed curve.

Sources: arXiv 2410.14257 v2, Eq. 5 and 9, and section 4 (idle latency, clipped at 0 by us).
A token's index counts from 0 here: token j is due at ``first + j * pace``. Deadlines beyond int64 are
later than any time, so tokens from index ``reach`` on are never late and are left out of the loops.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import kernel, merged
from sgengine.kernels.prefetch import BLOCK, fetch_ahead

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

_MAX_INT64 = 2**63 - 1


@merged
def reach_of(first: int, pace: int) -> int:
    """How many tokens have a deadline inside int64, as far as a token count goes (2^31)."""
    if pace <= 1:
        return _MAX_INT64
    return (_MAX_INT64 - first) // pace + 1


@merged
def gaps_and_idle(x: Int64s, first: int, pace: int) -> tuple[int, int, int]:
    """kernels.scan.gaps_of and idle_one_each in one loop, for ``x`` (K >= 1) within the reach.

    Each loop costs as much as reading the times from memory, 0.3 ns a token: all three in one take
    0.46, one after the other 1.0.
    """
    signs = np.int64(0)
    longest = np.int64(0)
    worst = x[0] - first
    due = first
    for a in range(0, x.size - 1, BLOCK):
        fetch_ahead(x, a)
        after = x[a + 1 : a + 1 + BLOCK]
        before = x[a : a + after.size]
        for k in range(before.size):
            gap = after[k] - before[k]
            signs |= gap
            longest = gap if gap > longest else longest
            due += pace  # not k * pace: a vector of products of 64 bits costs three times a sum
            worst = after[k] - due if after[k] - due > worst else worst
    return signs, longest, max(worst, 0)


@merged
def idle_one_each(x: Int64s, first: int, pace: int, reach: int) -> int:
    """user_idle_latency in ns where every chunk of ``x`` (K >= 1, int64) holds one token."""
    y = x[: min(x.size, reach)]
    worst = y[0] - first
    due = first - pace
    for k in range(y.size):
        due += pace
        worst = y[k] - due if y[k] - due > worst else worst
    return max(worst, 0)


@merged
def late_one_each(x: Int64s, first: int, pace: int, reach: int) -> int:
    """Tokens after their deadline, where every chunk holds one."""
    y = x[: min(x.size, reach)]
    late = 0
    due = first - pace
    for k in range(y.size):
        due += pace
        late += np.int64(y[k] > due)
    return late


@merged
def idle_sized(x: Int64s, sizes: Int32s, first: int, pace: int, reach: int) -> int:
    """user_idle_latency in ns; of a chunk's tokens the first is due first, so it alone counts."""
    worst = 0
    token = 0
    for k in range(x.size):
        if token >= reach:
            break
        if sizes[k] > 0:
            lateness = x[k] - (first + token * pace)
            worst = lateness if lateness > worst else worst
        token += np.int64(sizes[k])
    return worst


@merged
def late_sized(x: Int64s, sizes: Int32s, first: int, pace: int, reach: int) -> int:
    """Tokens after their deadline: of a chunk's, those with j * pace < x - first."""
    late = 0
    token = 0
    for k in range(x.size):
        if token >= reach:
            break
        size = np.int64(sizes[k])
        if size > 0 and x[k] > first + token * pace:
            if pace == 0:
                late += size
            else:
                due_before = (x[k] - first - 1) // pace + 1
                late += min(size, due_before - token)
        token += size
    return late


@merged
def idle_shifted(x: Int64s, extra: int, first: int, pace: int, reach: int) -> int:
    """user_idle_latency if chunk 1 began with token 1 and every later chunk k with token k + ``extra``.

    The least that sizes unknown allow: all the extra tokens came with the first chunk.
    """
    worst = max(x[0] - first, 0)
    limit = min(x.size, max(reach - extra, 0))
    for k in range(1, limit):
        lateness = x[k] - (first + (k + extra) * pace)
        worst = lateness if lateness > worst else worst
    return worst


@kernel
def smoothed_curve(x: Int64s, sizes: Int32s, pace: int, first: int, out: Int64s) -> None:
    """s_i = max(t_i, s_(i-1) + V), s_0 = d_1 - V: when the reader consumes each token (METRICS 3).

    ``x`` (K,) int64 ns, ``sizes`` (K,) int32, ``out`` (n,) int64 ns, n = sum(sizes). Values beyond
    int64 stay at its maximum.
    """
    token = 0
    due = first
    for k in range(x.size):
        for _ in range(sizes[k]):
            due = max(due, x[k])
            out[token] = due
            token += 1
            due = due + pace if due <= _MAX_INT64 - pace else _MAX_INT64
