"""The slow, obvious twins of audits and of what follows from them: docs/metrics.md, section 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from tests.reference import deadline, measure_row, settle_sizes, token_times
from tests.reference_slo import NS_PER_S, Benefit, Clause, Row, clause_holds, row_benefit

MAX_TIME = 2**63 - 1

UNDETERMINED = "undetermined"
DEFAULT = (200 * 10**6, 200 * 10**6)


def delayed_times(times: Sequence[int], gap: int) -> list[int]:
    """x'_1 = x_1, x'_k = max(x_k, x'_(k-1) + G); no time is later than what int64 holds."""
    out: list[int] = []
    for time in times:
        out.append(max(time, min(out[-1] + gap, MAX_TIME)) if out else time)
    return out


def delayed(row: Row, gap: int) -> tuple[dict[str, Any], str | None]:
    """The row after a delay, and what it is marked as; its end is not before its last chunk."""
    times = row["chunk_times_ns"]
    if times is None:
        known = row["output_tokens"] in (0, 1)
        return dict(row), None if known else UNDETERMINED
    later = delayed_times(times, gap)
    if later == times:
        return dict(row), None
    end = row["end_ns"]
    end = None if end is None else max(end, later[-1])
    return {**row, "chunk_times_ns": later, "end_ns": end}, "delayed"


def moment_of(times: Sequence[int], sizes: Sequence[int], clause: Clause) -> int | None:
    """When a clause is lost by a request whose tokens all have a time; None if it holds."""
    tokens = token_times(times, sizes)
    if clause.kind == "ttft":
        return clause.limit_ns if tokens[0] > clause.limit_ns else None
    if clause.kind == "e2e":
        return clause.limit_ns if tokens[-1] > clause.limit_ns else None
    if clause.kind == "tpot":
        allowed = tokens[0] + (len(tokens) - 1) * clause.limit_ns
        return allowed if tokens[-1] > allowed else None
    if clause.kind == "tbt":
        lost = [a + clause.limit_ns for a, b in pairwise(times) if b - a > clause.limit_ns]
        return lost[0] if lost else None
    assert clause.kind == "pace"
    due = [(time, deadline(i, *clause.reader)) for i, time in enumerate(tokens, 1)]
    return next((d for time, d in due if time > d), None)


def abandoned(row: Row, clauses: Sequence[Clause]) -> tuple[dict[str, Any], str | None]:
    """The row after it is abandoned at the first clause it loses, and what it is marked as."""
    times, n = row["chunk_times_ns"], row["output_tokens"]
    sizes: list[int] | None = None
    if times is not None:
        n, sizes, _ = settle_sizes(times, row["chunk_tokens"], row["output_tokens"])
    if n == 0:
        return dict(row), None
    if sizes is None:
        return _bounded(row, clauses)
    found = [moment_of(times, sizes, clause) for clause in clauses]
    moments = [moment for moment in found if moment is not None]
    return (_cut(row, min(moments), times, sizes), "cut") if moments else (dict(row), None)


def _cut(
    row: Row, moment: int, times: Sequence[int], sizes: Sequence[int] | None
) -> dict[str, Any]:
    """Chunks at or before the moment stay; the request is cancelled then."""
    kept = sum(time <= moment for time in times)
    tokens = 0 if sizes is None else sum(sizes[:kept])
    given = row["chunk_tokens"]
    return {
        **row,
        "chunk_times_ns": None if row["chunk_times_ns"] is None else list(times[:kept]),
        "chunk_tokens": None if given is None else list(given[:kept]),
        "output_tokens": None if row["output_tokens"] is None else tokens,
        "ttft_ns": None,
        "last_ns": None,
        "status": "cancelled",
        "end_ns": moment,
    }


def _bounded(row: Row, clauses: Sequence[Clause]) -> tuple[dict[str, Any], str | None]:
    """Not every token has a time: lost for certain before the first, kept for certain, or neither."""
    measured = measure_row(row, *DEFAULT)
    first = measured["ttft_ns"]
    due = [c.reader[0] if c.kind == "pace" else c.limit_ns for c in clauses if c.kind in _BY_FIRST]
    if first is not None and measured["n_output_tokens"] and due and first > min(due):
        return _cut(row, min(due), [], None), "cut"
    holds = all(clause_holds(measured, clause) is True for clause in clauses)
    return dict(row), None if holds else UNDETERMINED


_BY_FIRST = ("ttft", "e2e", "pace")
"""Clauses that a first token can lose alone; the others begin with it."""


# --- What an audit does to the benefit -----------------------------------------------------------


def break_even_alpha(
    pairs: Sequence[tuple[Row, Row]], spec: Benefit, unfinished_ns: int
) -> Fraction | None:
    """The alpha at which the benefit of all requests is the same before and after: a line in alpha.

    ``pairs``: REQUESTS rows before and after. None if a larger alpha never makes the change positive.
    """
    lost, gained = (
        sum(_change(pair, replace(spec, alpha=a), unfinished_ns) for pair in pairs)
        for a in (Fraction(0), Fraction(1))
    )
    slope = gained - lost
    return -lost / slope if slope > 0 else None


def break_even_idle_ns(pairs: Sequence[tuple[Row, Row]], spec: Benefit) -> Fraction | None:
    """The U in ns at which the benefit is the same before and after; None if no U above 0 does that."""
    free, charged = (sum(_change(pair, spec, idle) for pair in pairs) for idle in (0, NS_PER_S))
    slope = charged - free
    return -free * NS_PER_S / slope if slope < 0 and free > 0 else None


def _change(pair: tuple[Row, Row], spec: Benefit, unfinished_ns: int) -> Fraction:
    before, after = (row_benefit(row, spec, unfinished_ns) for row in pair)
    assert before is not None
    assert after is not None
    return after - before
