"""The envelope: the upper convex hull of (index of first token, time), exact (METRICS 4).

Vertices are strictly convex, the first and last points kept. A request's user idle latency for every
reader, and both its paces, are maxima over the hull: one vertex of it decides each.
Tokens count from 1, as in the stored table.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import kernel, merged
from sgengine.kernels.exact import product_exceeds, ratio_up
from sgengine.kernels.peaks import candidates_of

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

_MAX_INT64 = 2**63 - 1
_SURELY_NARROW = 2.0**62


@merged
def push(i: int, t: int, size: int, tokens: Int32s, times: Int64s, narrow: bool) -> int:
    """Add a point right of all others to the hull in ``tokens``/``times``[:size]; the new size.

    A vertex goes while the slope into it does not exceed the slope out of it. ``narrow`` says that
    products of a time and an index fit in 63 bits; else they are compared in 128.
    """
    while size > 1:
        rise_in = times[size - 1] - times[size - 2]
        run_in = tokens[size - 1] - tokens[size - 2]
        rise_out = t - times[size - 1]
        run_out = i - tokens[size - 1]
        if _exceeds(rise_in, np.int64(run_out), rise_out, np.int64(run_in), narrow):
            break
        size -= 1
    tokens[size] = i
    times[size] = t
    return size + 1


@merged
def _exceeds(a: int, b: int, c: int, d: int, narrow: bool) -> bool:
    """Whether a * b > c * d; ``narrow`` says that both fit in 63 bits."""
    return a * b > c * d if narrow else product_exceeds(a, b, c, d)


@merged
def _is_narrow(last_time: int, n: int) -> bool:
    """Whether ``last_time * n`` is sure to fit in 63 bits: by doubles, for a division takes longer."""
    return float(last_time) * float(n) < _SURELY_NARROW


@merged
def hull_one_each(
    x: Int64s, peaks: Int64s, candidates: Int32s, tokens: Int32s, times: Int64s
) -> int:
    """Hull of (k, x_k) into ``tokens``/``times`` (room for K points); the number of vertices.

    ``peaks``, ``candidates``: scratch of kernels.peaks. Time is linear whatever the curve.
    """
    if x.size == 1:
        return push(1, x[0], 0, tokens, times, True)
    narrow = _is_narrow(x[x.size - 1], x.size)
    size = 0
    for place in range(candidates_of(x, narrow, peaks, candidates)):
        k = np.int64(candidates[place])
        size = push(k + 1, x[k], size, tokens, times, narrow)
    return size


@merged
def hull_sized(x: Int64s, sizes: Int32s, n: int, tokens: Int32s, times: Int64s) -> int:
    """Hull of (first token of chunk k, x_k) over the chunks with tokens."""
    narrow = _is_narrow(x[x.size - 1], n)
    size = 0
    token = 1
    for k in range(x.size):
        if sizes[k] > 0:
            size = push(token, x[k], size, tokens, times, narrow)
            token += np.int64(sizes[k])
    return size


@merged
def hull_shifted(x: Int64s, extra: int, tokens: Int32s, times: Int64s) -> int:
    """Hull of (1, x_1) and (k + extra, x_k) for later chunks: the least idle that unknown sizes allow."""
    narrow = _is_narrow(x[x.size - 1], x.size + extra)
    size = push(1, x[0], 0, tokens, times, narrow)
    for k in range(1, x.size):
        size = push(k + 1 + extra, x[k], size, tokens, times, narrow)
    return size


@merged
def eq5_pace_of(tokens: Int32s, times: Int64s) -> float:
    """max t_i / i over the vertices, rounded up to a double, ns a token."""
    last = tokens.size - 1
    narrow = _is_narrow(times[last], np.int64(tokens[last]))
    best = 0
    for k in range(1, tokens.size):
        if _exceeds(times[k], np.int64(tokens[best]), times[best], np.int64(tokens[k]), narrow):
            best = k
    return ratio_up(times[best], tokens[best])


@merged
def sustained_pace_of(tokens: Int32s, times: Int64s, first: int) -> float:
    """max(0, max_(i>=2) (t_i - d_1) / (i - 1)) over the vertices, rounded up; for t_1 <= d_1."""
    last = tokens.size - 1
    narrow = _is_narrow(times[last], np.int64(tokens[last]))
    best = 0
    for k in range(1, tokens.size):
        i, at = np.int64(tokens[k]) - 1, np.int64(tokens[best]) - 1
        late = times[k] - first
        if late > 0 and (best == 0 or _exceeds(late, at, times[best] - first, i, narrow)):
            best = k
    return 0.0 if best == 0 else ratio_up(times[best] - first, tokens[best] - 1)


@kernel
def envelope_at(
    offsets: Int64s, tokens: Int32s, times: Int64s, first: int, pace: int, out: Int64s
) -> None:
    """user_idle_latency of every stored envelope for one reader: a what-if without the tokens.

    ``offsets`` (R + 1,) int64 into ``tokens`` (V,) int32, counted from 1, and ``times`` (V,) int64
    ns; ``first``, ``pace`` ns; ``out`` (R,) int64 ns, -1 for an empty envelope.
    """
    for r in range(out.size):
        worst = -1 if offsets[r] == offsets[r + 1] else 0
        for v in range(offsets[r], offsets[r + 1]):
            i = np.int64(tokens[v]) - 1
            if i == 0 or pace <= (_MAX_INT64 - first) // i:
                lateness = times[v] - (first + i * pace)
                worst = lateness if lateness > worst else worst
        out[r] = worst
