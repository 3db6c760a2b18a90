"""What must hold of the reference's SLO clauses and group figures: sections 3 and 5."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import reference as ref
from tests import reference_groups as groups
from tests import reference_slo as slo
from tests import strategies as own

Curve = tuple[list[int], list[int]]
Reader = tuple[int, int]


def row_of(tokens: list[int], reader: Reader, **more: Any) -> dict[str, Any]:
    """The REQUESTS row of tokens one a chunk."""
    given = {"status": "ok", "timing": "token", "chunk_times_ns": tokens}
    return ref.measure_row(given | {"chunk_tokens": [1] * len(tokens)} | more, *reader)


# --- Section 3: clauses --------------------------------------------------------------------------


@given(own.curves(), own.readers(own.HOUR), st.data())
def test_clauses_decided_without_times_are_decided_right(
    curve: Curve, reader: Reader, data: st.DataObject
) -> None:
    """A clause answered from first and last token, or without sizes, has the true answer."""
    times, sizes = curve[0], [max(1, size) for size in curve[1]]
    tokens = ref.token_times(times, sizes)
    clause = data.draw(own.clauses())
    full = {"status": "ok", "chunk_times_ns": times, "chunk_tokens": sizes}
    truth = slo.clause_holds(ref.measure_row(full, *reader), clause)
    assert truth is not None
    unsized = {"status": "ok", "chunk_times_ns": times, "output_tokens": len(tokens)}
    ends = {"output_tokens": len(tokens), "ttft_ns": tokens[0], "last_ns": tokens[-1]}
    for row in (unsized, {"status": "ok"} | ends):
        assert slo.clause_holds(ref.measure_row(row, *reader), clause) in (truth, None)


@pytest.mark.parametrize(
    ("kind", "limit", "answer"),
    [
        ("ttft", 299, False),
        ("ttft", 300, True),
        ("e2e", 1499, False),
        ("e2e", 1500, True),
        ("tpot", 299, False),
        ("tpot", 300, True),
        ("tbt", 299, False),  # four gaps of 299 do not fill 1200
        ("tbt", 300, None),
        ("tbt", 1199, None),
        ("tbt", 1200, True),
        ("pace", 299, False),
        ("pace", 300, None),  # token 5 by 5 x 300, token 2 perhaps after 2 x 300
        ("pace", 749, None),
        ("pace", 750, True),
    ],
)
def test_clauses_on_first_and_last_token(kind: str, limit: int, answer: bool | None) -> None:
    """Five tokens, the first at 300 ms and the last at 1500 ms; limits in ms."""
    given = {"output_tokens": 5, "ttft_ns": 300 * own.MS, "last_ns": 1500 * own.MS}
    row = ref.measure_row({"status": "ok", "timing": "first_last"} | given, 0, 0)
    clause = slo.Clause(kind=kind, limit_ns=limit * own.MS)
    assert slo.clause_holds(row, clause) is answer
    assert slo.attains(row, [clause]) is answer
    assert slo.attains(row | {"status": "failed"}, [clause]) is False


def test_one_token_passes_by_vacuity_and_none_fails() -> None:
    """tpot and tbt have nothing to test in one token; without tokens no clause holds."""
    for kind in ("tpot", "tbt"):
        clause = slo.Clause(kind=kind, limit_ns=0)
        assert slo.attains(row_of([7], (9, 9)), [clause]) is True
        assert slo.attains(row_of([], (9, 9)), [clause]) is False


def test_tokens_clause_is_for_the_measured_reader_only() -> None:
    """Two of three tokens on time: enough for 2/3, not for 0.67; another reader is refused."""
    row = row_of([1, 2, 9], (1, 1))
    enough = slo.Clause(kind="tokens", limit_ns=1, share=Fraction(2, 3))
    assert slo.clause_holds(row, enough) is True
    assert slo.clause_holds(row, replace(enough, share=Fraction("0.67"))) is False
    with pytest.raises(ValueError, match="another reader"):
        slo.clause_holds(row, replace(enough, limit_ns=2))


# --- Section 5 -----------------------------------------------------------------------------------


@given(own.deliveries(min_size=1, shape=own.sized_rows()), own.readers(own.HOUR))
def test_smooth_goodput_at_its_ends(rows: list[dict[str, Any]], reader: Reader) -> None:
    """alpha = 0 is output throughput; step with alpha = 1 is token goodput at the pace SLO."""
    measured = [ref.measure_row(row, *reader) for row in rows]
    free = groups.summarize(measured, window=10**9, spec=slo.Benefit(alpha=Fraction(0)))
    assert free["smooth_goodput"] == free["output_throughput"]
    finished = [row for row in measured if row["status"] == "ok"]
    pace = slo.Clause(kind="pace", limit_ns=reader[1], first_ns=reader[0])
    step = slo.Benefit(shape="step", alpha=Fraction(1))
    figures = groups.summarize(finished, window=10**9, spec=step, clauses=[pace])
    assert figures["smooth_goodput"] == figures["token_goodput"]


@given(own.deliveries(), own.readers(own.HOUR), own.benefits())
def test_group_counts_add_up(rows: list[dict[str, Any]], reader: Reader, spec: slo.Benefit) -> None:
    """No request is left out, and a sum is a number or has bounds, never both."""
    measured = [ref.measure_row(row, *reader) for row in rows]
    out = groups.summarize(measured, window=10**9, spec=spec)
    assert sum(out["status"].values()) == out["requests"] == len(rows)
    low, high = out["smooth_goodput_min"], out["smooth_goodput_max"]
    if out["smooth_goodput"] is not None:
        assert low is None
        assert high is None
    if low is not None and high is not None:
        assert low <= high
    assert out["attained"] is None
    assert out["slo_attainment"] is None


def test_a_group_by_hand() -> None:
    """Three requests in 2 s: one good, one late by 0.1 s, one refused."""
    ms = own.MS
    reader = (200 * ms, 200 * ms)
    good = row_of([100 * ms, 300 * ms], reader, input_tokens=10)
    late = row_of([300 * ms], reader, input_tokens=20)
    refused = row_of([], reader, status="rejected")
    pace = slo.Clause(kind="pace", limit_ns=200 * ms)
    samples = [[Fraction(200 * ms)], [], []]
    rows = [good, late, refused]
    out = groups.summarize(rows, window=2 * 10**9, clauses=[pace], itl=samples)
    assert (out["attained"], out["slo_undetermined"], out["slo_attainment"]) == (1, 0, 1 / 3)
    assert (out["request_throughput"], out["output_throughput"]) == (1.0, 1.5)
    assert out["total_throughput"] == (3 + 30) / 2
    assert (out["request_goodput"], out["token_goodput"]) == (0.5, 1.0)
    assert (out["token_attainment"], out["on_time_token_goodput"]) == (float(Fraction(2, 3)), 1.0)
    assert out["smooth_goodput"] == (2 + 0.75) / 2
    assert out["ttft_ms"]["count"] == 2
    assert out["ttft_ms"]["p90"] == 280.0
    assert out["ttft_ms"]["std"] == 100.0
    assert out["itl_ms"]["mean"] == 200.0
    assert out["chunks_per_token"] == 1.0


def test_denominators_by_hand() -> None:
    """One attains; one is open, one failed, one was refused, one was cancelled."""
    pace = slo.Clause(kind="pace", limit_ns=2)
    ends = {"status": "ok", "output_tokens": 5, "ttft_ns": 1, "last_ns": 7}
    rows = [
        row_of([1, 2], (2, 2)),
        ref.measure_row(ends, 2, 2),
        row_of([9], (2, 2), status="failed"),
        row_of([], (2, 2), status="rejected"),
        row_of([1], (2, 2), status="cancelled"),
    ]
    shares = {"all": 1 / 5, "sent": 1 / 5, "completed": 1 / 2, "determined": 1 / 3}
    for denominator, share in shares.items():
        out = groups.summarize(rows, window=10**9, clauses=[pace], denominator=denominator)
        assert out["slo_attainment"] == share, denominator
        assert out["slo_undetermined"] == 1


def test_smooth_goodput_of_an_open_request_has_bounds() -> None:
    """Idle latency of 1 to 5 s at alpha 2.5 costs 2.5 to 12.5 tokens; a failure waits 2 s more."""
    s = 10**9
    open_one = {"status": "ok", "output_tokens": 5, "ttft_ns": 2 * s, "last_ns": 8 * s}
    reader = (1 * s, 2 * s)
    failed = row_of([1 * s, 3 * s], reader, status="failed")
    rows = [ref.measure_row(open_one, *reader), failed]
    assert (rows[0]["user_idle_latency_ns_min"], rows[0]["user_idle_latency_ns_max"]) == (s, 5 * s)
    out = groups.summarize(rows, window=s, unfinished_ns=2 * s)
    assert out["smooth_goodput"] is None
    assert (out["smooth_goodput_min"], out["smooth_goodput_max"]) == (-7.5 - 3, 2.5 - 3)


def test_percentiles_by_hand() -> None:
    """Between order statistics: p90 of 0, 10, ..., 50 stands at place 4.5."""
    out = groups.distribution([50, 10, 0, 40, 20, 30])
    assert (out["p50"], out["p90"], out["p95"]) == (25.0, 45.0, 47.5)
    assert (out["mean"], out["min"], out["max"]) == (25.0, 0.0, 50.0)
    assert out["std"] == math.sqrt(Fraction(1750, 6))
    assert groups.distribution([])["count"] == 0
    assert groups.distribution([])["p50"] is None


def test_windows_in_their_order() -> None:
    """Stated, then the slice, then what the run's file states, then its span; unknown is NULL."""
    row: dict[str, int | None] = {"arrival_ns": 5, "last_chunk_ns": 10, "end_ns": 12}
    later: dict[str, int | None] = {"arrival_ns": 9, "last_chunk_ns": None, "end_ns": None}
    none: dict[str, int | None] = {"arrival_ns": None, "last_chunk_ns": 3, "end_ns": None}
    runs = {"a": [row, later], "b": [later, none]}
    assert groups.window_ns(runs, {"a": 7}, 99, (0, 50)) == (99, "stated")
    assert groups.window_ns(runs, {"a": 7}, None, (0, 50)) == (50, "slice")
    assert groups.window_ns(runs, {"a": 7, "b": 8}) == (15, "run")
    assert groups.window_ns({"a": [row, later]}) == (12, "span")
    assert groups.window_ns(runs, {"a": 7}) == (7, "run+span")
    assert groups.window_ns({"c": [none]}) == (None, "span")
    assert groups.rate(3, 0) is None
