"""What must hold of the reference itself: the identities and promises of docs/metrics.md."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sgengine.schema import DELIVERIES, REQUESTS
from tests import reference as ref
from tests import reference_slo as slo
from tests import strategies as own

Curve = tuple[list[int], list[int]]
Reader = tuple[int, int]


# --- Section 3: the smoothed delivery curve ------------------------------------------------------


@given(own.curves(), own.readers())
def test_lag_is_the_running_maximum_of_lateness(curve: Curve, reader: Reader) -> None:
    """s_i - d_i = max(0, max_(k<=i) (t_k - d_k))."""
    tokens = ref.token_times(*curve)
    worst = 0
    for i, shown in enumerate(ref.smoothed_curve(tokens, *reader), 1):
        due = ref.deadline(i, *reader)
        worst = max(worst, tokens[i - 1] - due)
        assert shown - due == worst


@given(own.curves(), own.readers())
def test_user_idle_latency_is_the_last_lag(curve: Curve, reader: Reader) -> None:
    """user_idle_latency = s_n - d_n."""
    tokens = ref.token_times(*curve)
    lag = ref.smoothed_curve(tokens, *reader)[-1] - ref.deadline(len(tokens), *reader)
    assert ref.user_idle_latency(tokens, *reader) == lag


@st.composite
def delayed(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Token times, and the same tokens later, still in order."""
    tokens = draw(own.chunk_times(min_size=1, gaps=own.GAPS))
    delays = draw(st.lists(own.GAPS, min_size=len(tokens), max_size=len(tokens)))
    later = [time + delay for time, delay in zip(tokens, delays, strict=True)]
    return tokens, [max(later[: i + 1]) for i in range(len(later))]


@given(delayed(), own.readers(), own.benefits())
def test_delay_never_helps(pair: Curve, reader: Reader, spec: slo.Benefit) -> None:
    """Idle latency and late tokens never fall, benefit and pace attainment never rise."""
    rows = [row_of(tokens, reader) for tokens in pair]
    idle = [row["user_idle_latency_ns"] for row in rows]
    assert idle[0] <= idle[1]
    assert rows[0]["late_tokens"] <= rows[1]["late_tokens"]
    gain = [slo.row_benefit(row, spec, 0) for row in rows]
    assert gain[0] is not None
    assert gain[1] is not None
    assert gain[0] >= gain[1]
    pace = slo.Clause(kind="pace", limit_ns=reader[1], first_ns=reader[0])
    assert slo.attains(rows[0], [pace]) or not slo.attains(rows[1], [pace])


def row_of(tokens: list[int], reader: Reader, **more: Any) -> dict[str, Any]:
    """The REQUESTS row of tokens one a chunk."""
    given = {"status": "ok", "timing": "token", "chunk_times_ns": tokens}
    return ref.measure_row(given | {"chunk_tokens": [1] * len(tokens)} | more, *reader)


# --- Section 3: metrics that lack this property, by counter-example ------------------------------


@pytest.mark.parametrize("kind", ["tbt", "tpot"])
def test_tbt_and_tpot_reward_a_delay(kind: str) -> None:
    """(0, 3) misses a limit of 2; with the first token delayed to 1 it attains."""
    clause = slo.Clause(kind=kind, limit_ns=2)
    assert slo.attains(row_of([0, 3], (1, 1)), [clause]) is False
    assert slo.attains(row_of([1, 3], (1, 1)), [clause]) is True


def test_qoe_rewards_a_delay() -> None:
    """d_1 = 4, V = 1: (6, 7) has 1/5, (6, 9) has 1/3."""
    assert ref.qoe([6, 7], 4, 1) == Fraction(1, 5)
    assert ref.qoe([6, 9], 4, 1) == Fraction(1, 3)


def test_fluidity_rewards_a_delay() -> None:
    """d_1 = V = 2: (4, 8) has 0, (7, 8) has 1/4."""
    assert ref.fluidity([4, 8], [1, 1], 2, 2, False) == 0
    assert ref.fluidity([7, 8], [1, 1], 2, 2, False) == Fraction(1, 4)


def test_fluidity_without_the_first_token() -> None:
    """Token 1 starts the clock: gap 1 <= 2, slack 1; gap 5 > 3 misses 2; one token has none."""
    assert ref.fluidity([50, 51, 56], [1, 1, 1], 2, 2, True) == Fraction(1, 3)
    assert ref.fluidity([50], [1], 2, 2, True) is None
    assert ref.fluidity([50, 51], [1, 1], 2, 0, True) is None


# --- Section 2 -----------------------------------------------------------------------------------


@given(own.curves())
def test_ttft_and_tpot_give_e2e(curve: Curve) -> None:
    """TTFT + (n - 1) TPOT = E2E, in rationals."""
    tokens = ref.token_times(*curve)
    assume(len(tokens) > 1)
    mean = ref.tpot(tokens[0], tokens[-1], len(tokens))
    assert mean is not None
    assert tokens[0] + (len(tokens) - 1) * mean == tokens[-1]


@given(own.curves())
def test_itl_sums_and_counts(curve: Curve) -> None:
    """The samples of each rule: how many, and what they sum to."""
    times, sizes = curve
    tokens = ref.token_times(times, sizes)
    samples = {rule: ref.itl(times, sizes, rule) for rule in ("chunk", "spread", "token", "divide")}
    count = {rule: len(part) for rule, part in samples.items()}
    held = sum(size > 0 for size in sizes)
    n = len(tokens)
    assert count == {"chunk": len(times) - 1, "spread": n - sizes[0], "token": n - 1} | {
        "divide": held - 1
    }
    assert sum(samples["spread"]) == sum(samples["token"]) == tokens[-1] - tokens[0]
    assert sum(samples["chunk"]) == times[-1] - times[0]


@given(own.curves(), st.integers(0, own.FAR))
def test_paces_are_the_least_that_suffice(curve: Curve, first: int) -> None:
    """At the pace no token is late, at any lower one some token is."""
    tokens = ref.token_times(*curve)
    sustained, eq5 = ref.sustained_pace(tokens, first), ref.eq5_pace(tokens)
    assert eq5 is not None
    assert (sustained is None) == (tokens[0] > first)
    assert max(time - i * eq5 for i, time in enumerate(tokens, 1)) == 0
    if sustained is not None:
        lateness = [time - first - i * sustained for i, time in enumerate(tokens)]
        assert max(lateness) <= 0
        assert sustained == 0 or max(lateness[1:]) == 0


@given(st.fractions(0, 2**62))
def test_round_up_is_the_next_double(value: Fraction) -> None:
    """Not below the value, and the double before it is."""
    up = ref.round_up_to_double(value)
    assert Fraction(up) >= value
    assert up == 0 or Fraction(math.nextafter(up, -1.0)) < value


@given(own.curves(), own.readers())
def test_ratios_are_ratios(curve: Curve, reader: Reader) -> None:
    """qoe and fluidity lie in 0 to 1; both are 1 if no token is late."""
    tokens = ref.token_times(*curve)
    quality, fluid = ref.qoe(tokens, *reader), ref.fluidity(*curve, *reader, False)
    assert quality is not None
    assert 0 <= quality <= 1
    assert (fluid is None) == (reader[1] == 0)
    assert fluid is None or 0 <= fluid <= 1
    if ref.late_tokens(tokens, *reader) == 0:
        assert quality == 1
        assert fluid in (1, None)


# --- Section 4: the envelope ---------------------------------------------------------------------


@given(own.curves(), st.lists(own.readers(), min_size=1, max_size=5))
def test_envelope_answers_every_reader(curve: Curve, readers: list[Reader]) -> None:
    """Idle latency and both paces from the vertices alone, at any reader."""
    tokens = ref.token_times(*curve)
    hull = ref.envelope(ref.chunk_points(*curve))
    assert max(Fraction(time, i) for i, time in hull) == ref.eq5_pace(tokens)
    for first, pace in readers:
        assert ref.idle_of_points(hull, first, pace) == ref.user_idle_latency(tokens, first, pace)
        if tokens[0] <= first:
            slopes = [Fraction(time - first, i - 1) for i, time in hull[1:]]
            assert max([Fraction(0), *slopes]) == ref.sustained_pace(tokens, first)


@given(own.curves())
def test_envelope_is_strictly_convex(curve: Curve) -> None:
    """Slopes fall strictly, both ends are kept, and no point lies above the hull."""
    points = ref.chunk_points(*curve)
    hull = ref.envelope(points)
    assert (hull[0], hull[-1]) == (points[0], points[-1])
    slopes = [Fraction(b[1] - a[1], b[0] - a[0]) for a, b in pairwise(hull)]
    assert all(left > right for left, right in pairwise(slopes))
    for i, time in points:
        for (a, low), (b, high) in pairwise(hull):
            assert not a <= i <= b or (time - low) * (b - a) <= (high - low) * (i - a)


# --- Rows: bounds, NULLs -------------------------------------------------------------------------


@given(own.deliveries_rows(), own.readers())
def test_a_row_has_every_column_and_states_bounds_or_values(
    row: dict[str, Any], reader: Reader
) -> None:
    """Bounds stand only where the value does not; nothing is known of an empty request."""
    out = ref.measure_row(row, *reader)
    assert tuple(out) == REQUESTS.names
    low, high = out["user_idle_latency_ns_min"], out["user_idle_latency_ns_max"]
    if out["user_idle_latency_ns"] is not None or out["n_output_tokens"] == 0:
        assert low is None
        assert high is None
        assert out["envelope"] is not None
    if low is not None and high is not None:
        assert low <= high
    if out["n_output_tokens"] == 0:
        assert out["envelope"] == []
        assert out["ttft_ns"] is None


@given(own.curves(), own.readers())
def test_bounds_hold_for_the_true_sizes(curve: Curve, reader: Reader) -> None:
    """Forget the sizes, then all but two times: what is left bounds what was."""
    times, sizes = curve[0], [max(1, size) for size in curve[1]]
    tokens = ref.token_times(times, sizes)
    truth = ref.user_idle_latency(tokens, *reader)
    assert truth is not None
    listed = {"chunk_times_ns": times, "output_tokens": len(tokens)}
    ends = {"output_tokens": len(tokens), "ttft_ns": tokens[0], "last_ns": tokens[-1]}
    for row in (listed, ends):
        out = ref.measure_row(row, *reader)
        exact = out["user_idle_latency_ns"]
        bounds = ("user_idle_latency_ns_min", "user_idle_latency_ns_max")
        low, high = (exact if exact is not None else out[name] for name in bounds)
        assert low <= truth <= high
        assert out["ttft_ns"] == tokens[0]
        assert out["e2e_latency_ns"] == tokens[-1]


# --- The strategies ------------------------------------------------------------------------------


@given(own.deliveries(), st.data())
def test_tables_survive_cutting(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    """A table has the declared schema and holds the rows, however it is cut."""
    table = own.deliveries_table(rows)
    assert table.schema.equals(DELIVERIES.schema())
    assert table.to_pylist() == rows
    parts = data.draw(own.partitions(table))
    assert pa.concat_tables(parts).to_pylist() == rows
    batches = data.draw(own.regrouped(table))
    found = [row["request_id"] for batch in batches for row in batch.to_pylist()]
    assert sorted(found) == sorted(str(row["request_id"]) for row in rows)
