"""The slow, obvious twin of every per-request metric, written from the definitions alone.

Whole nanoseconds are ``int``, quotients are ``Fraction``; a token is an entry of a list. Sections
are those of docs/metrics.md. Nothing here is fast, and nothing is shared with the engine, so that
the two can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

Row = Mapping[str, Any]
Point = tuple[int, int]

IDENTITY = (
    "run",
    "request_id",
    "system",
    "workload",
    "clock",
    "origin",
    "timing",
    "status",
    "error",
    "arrival_ns",
    "end_ns",
)
"""Columns of DELIVERIES that REQUESTS repeats unchanged."""

METRICS = (
    "n_input_tokens",
    "n_output_tokens",
    "n_chunks",
    "token_deficit",
    "last_chunk_ns",
    "ttft_ns",
    "e2e_latency_ns",
    "tpot_ns",
    "itl_max_ns",
    "eq5_pace_ns",
    "envelope",
    "envelope_min",
    "envelope_max",
    "reader_first_ns",
    "reader_pace_ns",
    "user_idle_latency_ns",
    "user_idle_latency_ns_min",
    "user_idle_latency_ns_max",
    "late_tokens",
    "sustained_pace_ns",
    "qoe",
    "fluidity",
)
"""The other columns of REQUESTS, in order."""


# --- Section 1: the delivery curve ---------------------------------------------------------------


def token_times(times: Sequence[int], sizes: Sequence[int]) -> list[int]:
    """Section 1: t_i of every token; the tokens of a chunk share its time."""
    return [time for time, size in zip(times, sizes, strict=True) for _ in range(size)]


def chunk_points(times: Sequence[int], sizes: Sequence[int]) -> list[Point]:
    """Sections 1 and 4: (index of the first token, time) of every chunk with tokens."""
    points = []
    before = 0
    for time, size in zip(times, sizes, strict=True):
        if size > 0:
            points.append((before + 1, time))
        before += size
    return points


def settle_sizes(
    times: Sequence[int], sizes: Sequence[int] | None, declared: int | None
) -> tuple[int, list[int] | None, int | None]:
    """Section 1, "how many tokens": n, the size of every chunk (None: unknown), token_deficit."""
    if sizes is not None:
        delivered = sum(sizes)
        return delivered, list(sizes), None if declared is None else declared - delivered
    chunks = len(times)
    deficit = None if declared is None else declared - chunks
    if deficit is not None and deficit > 0 and chunks > 0:
        return chunks + deficit, None, deficit
    return chunks, [1] * chunks, deficit


# --- Section 2: what needs no reader -------------------------------------------------------------


def ttft(tokens: Sequence[int]) -> int | None:
    """Section 2: t_1."""
    return tokens[0] if tokens else None


def e2e_latency(tokens: Sequence[int]) -> int | None:
    """Section 2: t_n, the time of the last token; later chunks without tokens do not count."""
    return tokens[-1] if tokens else None


def tpot(first: int | None, last: int | None, n: int | None) -> Fraction | None:
    """Section 2: (t_n - t_1) / (n - 1)."""
    if first is None or last is None or n is None or n < 2:
        return None
    return Fraction(last - first, n - 1)


def itl_max(times: Sequence[int]) -> int | None:
    """Section 2: the longest gap between chunks, with or without tokens."""
    return max((later - earlier for earlier, later in pairwise(times)), default=None)


def itl(times: Sequence[int], sizes: Sequence[int] | None, rule: str) -> list[Fraction]:
    """Section 2, chunk rules: the samples; under unknown sizes only rule ``chunk`` has any."""
    if rule == "chunk":
        return [Fraction(later - earlier) for earlier, later in pairwise(times)]
    if sizes is None:
        return []
    # A gap before an empty chunk is carried on: gaps are between the chunks that hold tokens.
    held = [(time, size) for time, size in zip(times, sizes, strict=True) if size > 0]
    zeros = [Fraction(0)] * (held[0][1] - 1) if held and rule == "token" else []
    gaps = [(later[0] - earlier[0], later[1]) for earlier, later in pairwise(held)]
    return zeros + [sample for gap, size in gaps for sample in _samples(gap, size, rule)]


def _samples(gap: int, size: int, rule: str) -> list[Fraction]:
    """Section 2, chunk rules: the samples of one gap before a chunk of ``size`` > 0 tokens."""
    if rule == "spread":
        return [Fraction(gap, size)] * size
    if rule == "token":
        return [Fraction(gap)] + [Fraction(0)] * (size - 1)
    if rule == "divide":
        return [Fraction(gap, size)]
    raise ValueError(rule)


def eq5_pace(tokens: Sequence[int]) -> Fraction | None:
    """Section 2: max_i t_i / i."""
    return max((Fraction(time, i) for i, time in enumerate(tokens, 1)), default=None)


def envelope(points: Sequence[Point]) -> list[Point]:
    """Section 4: vertices of the upper convex hull, strictly convex, both ends kept.

    An inner point is a vertex if it stands above every chord over it: the flattest slope that
    leads to it is still steeper than the steepest that leads away.
    """
    last = len(points) - 1
    return [p for k, p in enumerate(points) if k in (0, last) or _is_vertex(points, k)]


def _is_vertex(points: Sequence[Point], k: int) -> bool:
    """Section 4: whether inner point ``k`` lies strictly above every chord over it."""
    to = min(_slope(left, points[k]) for left in points[:k])
    away = max(_slope(points[k], right) for right in points[k + 1 :])
    return to > away


def _slope(left: Point, right: Point) -> Fraction:
    """Nanoseconds a token between two points of different token index."""
    return Fraction(right[1] - left[1], right[0] - left[0])


# --- Section 2 and 3: what one reader sees -------------------------------------------------------


def deadline(i: int, first_ns: int, pace_ns: int) -> int:
    """Section 3: d_i = d_1 + (i - 1) V."""
    return first_ns + (i - 1) * pace_ns


def idle_of_points(points: Sequence[Point], first_ns: int, pace_ns: int) -> int:
    """Section 4: max(0, max (t - d_i)) over points (i, t): idle latency from any point set."""
    return max([0, *(time - deadline(i, first_ns, pace_ns) for i, time in points)])


def user_idle_latency(tokens: Sequence[int], first_ns: int, pace_ns: int) -> int | None:
    """Section 2: max(0, max_i (t_i - d_i)) over every token."""
    return idle_of_points(list(enumerate(tokens, 1)), first_ns, pace_ns) if tokens else None


def late_tokens(tokens: Sequence[int], first_ns: int, pace_ns: int) -> int | None:
    """Section 2: how many tokens have t_i > d_i."""
    if not tokens:
        return None
    return sum(time > deadline(i, first_ns, pace_ns) for i, time in enumerate(tokens, 1))


def sustained_pace(tokens: Sequence[int], first_ns: int) -> Fraction | None:
    """Section 2: the least V >= 0 at which no token is late with this d_1."""
    if not tokens or tokens[0] > first_ns:
        return None
    later = enumerate(tokens[1:], 1)
    return max([Fraction(0), *(Fraction(time - first_ns, before) for before, time in later)])


def round_up_to_double(value: Fraction) -> float:
    """Section 2, paces: the smallest double that is not below ``value``."""
    nearest = float(value)
    return nearest if Fraction(nearest) >= value else math.nextafter(nearest, math.inf)


def smoothed_curve(tokens: Sequence[int], first_ns: int, pace_ns: int) -> list[int]:
    """Section 3: s_0 = d_1 - V, s_i = max(t_i, s_(i-1) + V)."""
    curve = []
    shown = first_ns - pace_ns
    for time in tokens:
        shown = max(time, shown + pace_ns)
        curve.append(shown)
    return curve


def qoe(tokens: Sequence[int], first_ns: int, pace_ns: int) -> Fraction | None:
    """Section 2: 1 - sum (s_i - d_i) / sum (s_n - d_i); 1 where the denominator is 0."""
    if not tokens:
        return None
    curve = smoothed_curve(tokens, first_ns, pace_ns)
    due = [deadline(i, first_ns, pace_ns) for i in range(1, len(tokens) + 1)]
    whole = sum(curve[-1] - d for d in due)
    lost = sum(s - d for s, d in zip(curve, due, strict=True))
    return Fraction(1) if whole == 0 else 1 - Fraction(lost, whole)


def fluidity(
    times: Sequence[int], sizes: Sequence[int], first_ns: int, pace_ns: int, skip_first: bool
) -> Fraction | None:
    """Section 2: Etalon's index, hit / (hit + miss)."""
    n = sum(sizes)
    if pace_ns == 0 or n < (2 if skip_first else 1):
        return None
    hit, miss = deadline_hits(times, sizes, first_ns, pace_ns, skip_first)
    return Fraction(hit, hit + miss)


def deadline_hits(
    times: Sequence[int], sizes: Sequence[int], first_ns: int, pace_ns: int, skip_first: bool
) -> tuple[int, int]:
    """Section 2, fluidity: deadlines (hit, missed), by the integer algorithm."""
    hit = miss = slack = previous = 0
    allowed = first_ns
    for k, (time, size) in enumerate((x, c) for x, c in zip(times, sizes, strict=True) if c > 0):
        gap = time - previous
        previous = time
        if k == 0 and skip_first:
            pass
        elif gap <= allowed + slack:
            hit += 1
            slack += allowed - gap
        else:
            miss += (gap - slack - allowed) // pace_ns + 1
            slack = 0
        hit += size - 1
        slack += (size - 1) * pace_ns
        allowed = pace_ns
    return hit, miss


# --- A row of DELIVERIES to a row of REQUESTS ----------------------------------------------------


def measure_row(row: Row, first_ns: int, pace_ns: int, skip_first: bool = False) -> dict[str, Any]:
    """Sections 1 and 2: the REQUESTS row of one DELIVERIES row."""
    out: dict[str, Any] = {name: row.get(name) for name in IDENTITY}
    out |= dict.fromkeys(METRICS)
    out["n_input_tokens"] = row.get("input_tokens")
    out |= {"reader_first_ns": first_ns, "reader_pace_ns": pace_ns}
    times = row.get("chunk_times_ns")
    if times is None:
        return out | _without_list(row, first_ns, pace_ns, skip_first)
    n, sizes, deficit = settle_sizes(times, row.get("chunk_tokens"), row.get("output_tokens"))
    out |= {"n_output_tokens": n, "n_chunks": len(times), "token_deficit": deficit}
    out |= {"last_chunk_ns": times[-1] if times else None, "itl_max_ns": itl_max(times)}
    if sizes is None:
        return out | _times_only(times[0], times[-1], n) | _surplus(times, n, first_ns, pace_ns)
    return out | _exact(times, sizes, first_ns, pace_ns, skip_first)


def _times_only(first: int | None, last: int | None, n: int | None) -> dict[str, Any]:
    """Section 2: what the first and the last token's times alone give."""
    mean = tpot(first, last, n)
    tpot_ns = None if mean is None else float(mean)
    return {"ttft_ns": first, "e2e_latency_ns": last, "tpot_ns": tpot_ns}


def _exact(
    times: Sequence[int], sizes: Sequence[int], first_ns: int, pace_ns: int, skip_first: bool
) -> dict[str, Any]:
    """Section 2: every value of a request whose token times are all known."""
    tokens = token_times(times, sizes)
    return _times_only(ttft(tokens), e2e_latency(tokens), len(tokens)) | {
        "eq5_pace_ns": _stored(eq5_pace(tokens)),
        "envelope": envelope(chunk_points(times, sizes)),
        "user_idle_latency_ns": user_idle_latency(tokens, first_ns, pace_ns),
        "late_tokens": late_tokens(tokens, first_ns, pace_ns),
        "sustained_pace_ns": _stored(sustained_pace(tokens, first_ns)),
        "qoe": _ratio(qoe(tokens, first_ns, pace_ns)),
        "fluidity": _ratio(fluidity(times, sizes, first_ns, pace_ns, skip_first)),
    }


def _stored(pace: Fraction | None) -> float | None:
    """Section 2: a pace as it is stored, rounded up so that no token is late at it."""
    return None if pace is None else round_up_to_double(pace)


def _ratio(value: Fraction | None) -> float | None:
    """A ratio as it is stored: the nearest double."""
    return None if value is None else float(value)


def _surplus(times: Sequence[int], n: int, first_ns: int, pace_ns: int) -> dict[str, Any]:
    """Section 1: more tokens than chunks, sizes unknown.

    Late is every chunk with as few tokens before it as can be (one a chunk), early with as many
    (the whole surplus in chunk 1).
    """
    surplus = n - len(times)
    most = list(enumerate(times, 1))
    least = [(k + surplus if k > 1 else 1, time) for k, time in most]
    return _bounds(least, most, first_ns, pace_ns)


def _bounds(
    least: Sequence[Point] | None, most: Sequence[Point] | None, first_ns: int, pace_ns: int
) -> dict[str, Any]:
    """Section 1: idle latency's bounds, and the hulls that give them for any reader."""
    out: dict[str, Any] = {}
    for side, points in (("min", least), ("max", most)):
        if points is not None:
            idle = idle_of_points(points, first_ns, pace_ns)
            out |= {f"envelope_{side}": envelope(points), f"user_idle_latency_ns_{side}": idle}
    return out


def _without_list(row: Row, first_ns: int, pace_ns: int, skip_first: bool) -> dict[str, Any]:
    """Section 1, timing first_last, mean and none: at most two times are known."""
    n, first, last = row.get("output_tokens"), row.get("ttft_ns"), row.get("last_ns")
    if n == 0:
        return {"n_output_tokens": 0, "envelope": []}
    out: dict[str, Any] = {"n_output_tokens": n, "last_chunk_ns": last}
    if n == 1:
        if first is None:
            return out
        return out | {"last_chunk_ns": first} | _exact([first], [1], first_ns, pace_ns, skip_first)
    out |= _times_only(first, last, n)
    if n is None or first is None:
        return out
    least = [(1, first)] if last is None else [(1, first), (n, last)]
    most = None if last is None else [(1, first), (2, last)]
    return out | _bounds(least, most, first_ns, pace_ns)
