"""The envelope: the upper convex hull of (index of first token, time), exact (METRICS 4).

Vertices are strictly convex, the first and last points kept. A request's user idle latency for every
reader, and both its paces, are maxima over the hull: one vertex of it decides each.
Indices count from 0 in here and from 1 in the stored table.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import kernel, merged
from sgengine.kernels.exact import product_exceeds, ratio_up

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

_MAX_INT64 = 2**63 - 1

_MOST_PASSES = 16
"""Passes over a request's chunks, on average, after which the rest of its hull comes from one scan."""

_SHORT = 64
"""Spans of so many points are scanned: a split costs 25 ns whatever its length."""

_INDEX_BITS = 20
_PACKED_TIME = 1 << (63 - _INDEX_BITS)
_INDEX_MASK = (1 << _INDEX_BITS) - 1


@merged
def push(i: int, t: int, size: int, floor: int, top_i: Int32s, top_t: Int64s, narrow: bool) -> int:
    """Add a point right of all others to the hull in ``top_i``/``top_t``[:size]; the new size.

    A vertex goes while the slope into it does not exceed the slope out of it; the first ``floor`` >= 1
    of them stay. ``narrow`` says that products of a time and an index fit in 63 bits; else they are
    compared in 128.
    """
    while size > floor:
        rise_in = top_t[size - 1] - top_t[size - 2]
        run_in = top_i[size - 1] - top_i[size - 2]
        rise_out = t - top_t[size - 1]
        run_out = i - top_i[size - 1]
        if narrow:
            if np.int64(rise_in) * run_out > np.int64(rise_out) * run_in:
                break
        elif product_exceeds(rise_in, run_out, rise_out, run_in):
            break
        size -= 1
    top_i[size] = i
    top_t[size] = t
    return size + 1


@merged
def is_narrow(last_time: int, n: int) -> bool:
    """Whether ``last_time * n`` fits in 63 bits."""
    return last_time <= _MAX_INT64 // max(n, 1)


@merged
def _scan(
    x: Int64s,
    left: int,
    right: int,
    size: int,
    stack: int,
    top_i: Int32s,
    top_t: Int64s,
    narrow: bool,
) -> int:
    """Hull of the points ``left``..``right``, of which ``left`` is the last vertex so far; the new size.

    With s about the chord's slope and u_k = y_k - s k, vertices up to the greatest u are prefix maxima
    of u, those from it on are maxima of all behind them, for edges rise and then fall in u. So two
    scans find few points that may be vertices, and ``push`` sorts these out. Those of the second scan
    wait from ``stack`` downwards, where there is room for every point of the span.
    """
    floor = size
    slope = (x[right] - x[left]) // (right - left)
    most = np.int64(0)
    line = x[left]
    peak = left
    for k in range(left + 1, right + 1):
        line += slope
        if x[k] - line > most:
            most = x[k] - line
            peak = k
            size = push(k, x[k], size, floor, top_i, top_t, narrow)
    if peak == right:
        return size
    top_i[stack] = right
    waiting = stack
    behind = x[right] - line
    for k in range(right - 1, peak, -1):
        line -= slope
        if x[k] - line > behind:
            behind = x[k] - line
            waiting -= 1
            top_i[waiting] = k
    for place in range(waiting, stack + 1):
        k = np.int64(top_i[place])
        size = push(k, x[k], size, floor, top_i, top_t, narrow)
    return size


@merged
def _farthest_above(y: Int64s, rise: int) -> int:
    """The first of the points farthest above the chord from y_0 to the end, or 0: exact in 128 bits."""
    last = y.size - 1
    best = 0
    for k in range(1, last):
        if y[k] > y[best] and product_exceeds(y[k] - y[best], last, rise, k - best):
            best = k
    return best


@merged
def _split(y: Int64s) -> int:
    """A vertex strictly above the chord of ``y`` (L >= 3 points), as an index into it, or 0 for none.

    With s the chord's slope rounded down, u_k = y_k - y_0 - s k needs no product that could overflow
    and vectorises. No inner u above 0: nothing is above the chord. The greatest u above
    the chord's own end: its first point is a vertex. Between the two, exact arithmetic decides.
    """
    last = y.size - 1
    rise = y[last] - y[0]
    if rise < _PACKED_TIME and last < _INDEX_MASK:
        return _split_packed(y, rise)
    slope = rise // last
    end = rise - slope * last
    inner = y[1:last]
    base = y[0] + slope
    best = inner[0] - base
    for k in range(inner.size):
        u = inner[k] - (base + slope * k)
        best = u if u > best else best
    if best <= 0:
        return 0
    if best <= end:
        return _farthest_above(y, rise)
    for k in range(inner.size):
        if inner[k] - (base + slope * k) == best:
            return k + 1
    return 0


@merged
def _split_packed(y: Int64s, rise: int) -> int:
    """As _split for requests of less than 2.4 hours: u and its place in one number, found in one pass.

    The slope by floating point is the one rounded down: a double's error at 2^43 / last is below the
    1 / last that a quotient is away from the next whole number.
    """
    last = y.size - 1
    slope = np.int64(rise / last)
    end = rise - slope * last
    inner = y[1:last]
    line = y[0]
    key = (inner[0] - (line + slope)) << _INDEX_BITS
    for k in range(inner.size):
        line += slope
        u = ((inner[k] - line) << _INDEX_BITS) - k
        key = u if u > key else key
    best = (key + _INDEX_MASK) >> _INDEX_BITS
    if best <= 0:
        return 0
    if best <= end:
        return _farthest_above(y, rise)
    return (best << _INDEX_BITS) - key + 1


@merged
def hull_one_each(x: Int64s, top_i: Int32s, top_t: Int64s) -> int:
    """Hull of (k, x_k) into ``top_i``/``top_t`` (room for K points); the number of vertices.

    Splits at vertices until no point is above a chord, and scans short spans. Curves that would take
    many passes are scanned from where they are, in linear time whatever the curve.
    """
    top_i[0] = 0
    top_t[0] = x[0]
    size = 1
    work = 0
    narrow = is_narrow(x[x.size - 1], x.size)
    stack = x.size - 1
    top_i[stack] = x.size - 1
    left = 0
    while left < x.size - 1:
        right = np.int64(top_i[stack])
        span = right - left
        if span > _SHORT and work <= _MOST_PASSES * x.size:
            work += span
            split = _split(x[left : right + 1])
            if split > 0:
                stack -= 1
                top_i[stack] = left + split
                continue
            top_i[size] = right
            top_t[size] = x[right]
            size += 1
        else:
            size = _scan(x, left, right, size, stack, top_i, top_t, narrow)
        left = right
        stack += 1
    return size


@merged
def hull_sized(x: Int64s, sizes: Int32s, n: int, top_i: Int32s, top_t: Int64s) -> int:
    """Hull of (tokens before chunk k, x_k) over the chunks with tokens."""
    narrow = is_narrow(x[x.size - 1], n)
    size = 0
    token = 0
    for k in range(x.size):
        if sizes[k] > 0:
            size = push(token, x[k], size, 1, top_i, top_t, narrow)
            token += np.int64(sizes[k])
    return size


@merged
def hull_shifted(x: Int64s, extra: int, top_i: Int32s, top_t: Int64s) -> int:
    """Hull of (0, x_1) and (k + extra, x_k) for later chunks: the least idle that unknown sizes allow."""
    narrow = is_narrow(x[x.size - 1], x.size + extra)
    size = push(0, x[0], 0, 1, top_i, top_t, narrow)
    for k in range(1, x.size):
        size = push(k + extra, x[k], size, 1, top_i, top_t, narrow)
    return size


@merged
def _exceeds(a: int, b: int, c: int, d: int, narrow: bool) -> bool:
    """Whether a * b > c * d; ``narrow`` says that both fit in 63 bits."""
    return a * b > c * d if narrow else product_exceeds(a, b, c, d)


@merged
def eq5_pace_of(top_i: Int32s, top_t: Int64s) -> float:
    """max t_i / i over the vertices, rounded up to a double, ns a token."""
    last = top_i.size - 1
    narrow = is_narrow(top_t[last], np.int64(top_i[last]) + 1)
    best = 0
    for k in range(1, top_i.size):
        i, at = np.int64(top_i[k]) + 1, np.int64(top_i[best]) + 1
        if _exceeds(top_t[k], at, top_t[best], i, narrow):
            best = k
    return ratio_up(top_t[best], top_i[best] + 1)


@merged
def sustained_pace_of(top_i: Int32s, top_t: Int64s, first: int) -> float:
    """max(0, max_(i>=2) (t_i - d_1) / (i - 1)) over the vertices, rounded up; for t_1 <= d_1."""
    last = top_i.size - 1
    narrow = is_narrow(top_t[last], np.int64(top_i[last]))
    best = 0
    for k in range(1, top_i.size):
        i, at = np.int64(top_i[k]), np.int64(top_i[best])
        late = top_t[k] - first
        if late > 0 and (best == 0 or _exceeds(late, at, top_t[best] - first, i, narrow)):
            best = k
    return 0.0 if best == 0 else ratio_up(top_t[best] - first, top_i[best])


@merged
def idle_of(top_i: Int32s, top_t: Int64s, first: int, pace: int) -> int:
    """user_idle_latency from the vertices, ns."""
    worst = 0
    for k in range(top_i.size):
        i = np.int64(top_i[k])
        if i == 0 or pace <= (_MAX_INT64 - first) // i:
            lateness = top_t[k] - (first + i * pace)
            worst = lateness if lateness > worst else worst
    return worst


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
