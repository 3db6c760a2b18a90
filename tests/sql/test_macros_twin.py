"""Every macro equals a brute-force computation over the same requests, NULLs included."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reference_groups import summarize
from tests.reference_slo import Clause, attains, has_open_clause, row_benefit
from tests.sql.brute import (
    LIMITS,
    SPEEDS,
    STATED,
    TRACES,
    UNFINISHED_S,
    benefit_arguments,
    check,
    clause_arguments,
    scale_of,
    window_of,
)
from tests.sql.support import (
    FEWER,
    MS,
    S,
    by_key,
    differences,
    measured,
    one,
    refill,
    rows_of,
    runs_table,
    views,
)
from tests.strategies import HOUR, benefits, deliveries, readers


@pytest.fixture(scope="module")
def con():
    return views([])


@st.composite
def what_ifs(draw: st.DrawFn):
    """A speed, its reader in ns, and the arguments that say so."""
    speed = draw(SPEEDS)
    pace = round(1e9 / speed)
    first = draw(st.one_of(st.none(), LIMITS))
    arguments = f"{speed!r}" + ("" if first is None else f", first_token_ms := {first / MS!r}")
    return (pace if first is None else first, pace), arguments


@FEWER
@given(
    trace=TRACES,
    what_if=what_ifs(),
    spec=benefits(),
    unfinished_s=UNFINISHED_S,
    limits=st.dictionaries(st.sampled_from(("ttft", "tpot", "tbt", "e2e")), LIMITS),
    on_pace=st.booleans(),
)
def test_scored(con, trace, what_if, spec, unfinished_s, limits, on_pace):
    """Measured with one reader, asked about another: the same as measured with that one."""
    reader, arguments = what_if
    refill(con, measured(trace), runs_table(measured(trace)), {})
    words = [arguments, benefit_arguments(spec, unfinished_s), f"on_pace := {on_pace}"]
    found = rows_of(
        con, f"FROM scored({', '.join([*words, *filter(None, [clause_arguments(limits)])])})"
    )
    expected_rows = {row["request_id"]: row for row in measured(trace, reader)}
    some = [Clause(kind=kind, limit_ns=ns) for kind, ns in limits.items()]
    some += [Clause(kind="pace", limit_ns=reader[1], first_ns=reader[0])] if on_pace else []
    assert len(found) == len(trace)
    for row in found:
        twin = expected_rows[row["request_id"]]
        scale = float(sum(map(abs, filter(None, terms(twin, spec, unfinished_s)))))
        expected = scores(twin, spec, unfinished_s, some)
        check(row, expected, lambda name, scale=scale: scale if "benefit" in name else 0.0)


def terms(twin, spec, unfinished_s):
    """The tokens of a request and its benefits."""
    bounds = [row_benefit(twin, spec, unfinished_s * S, bound) for bound in ("", "min", "max")]
    return [twin["n_output_tokens"], *bounds]


def scores(twin, spec, unfinished_s, some):
    """What ``scored`` says of a request."""
    idle = {
        f"idle{side}_ms": None
        if twin[f"user_idle_latency_ns{side}"] is None
        else twin[f"user_idle_latency_ns{side}"] / 1e6
        for side in ("", "_min", "_max")
    }
    benefit = {
        f"benefit{'_' if bound else ''}{bound}": _float(
            row_benefit(twin, spec, unfinished_s * S, bound)
        )
        for bound in ("", "min", "max")
    }
    judged = {
        "attained": attains(twin, some) is True if some else None,
        "undetermined": has_open_clause(twin, some) if some else None,
    }
    return {**idle, **benefit, **judged, "status": twin["status"], "system": twin["system"]}


def _float(value):
    return None if value is None else float(value)


@FEWER
@given(trace=TRACES, stated=STATED, what_if=what_ifs(), spec=benefits(), unfinished_s=UNFINISHED_S)
def test_smooth_goodput(con, trace, stated, what_if, spec, unfinished_s):
    reader, arguments = what_if
    refill(con, measured(trace), runs_table(measured(trace), stated), {})
    call = f"smooth_goodput({arguments}, {benefit_arguments(spec, unfinished_s)})"
    found = by_key(rows_of(con, f"FROM {call}"), "system", "workload")
    rows = measured(trace, reader)
    assert found.keys() == {(row["system"], row["workload"]) for row in rows}
    for (system, _), row in found.items():
        members = [r for r in rows if r["system"] == system]
        window = window_of(members, rows, stated)
        figures = summarize(members, window=window, spec=spec, unfinished_ns=unfinished_s * S)
        names = (
            "requests",
            "duration_s",
            "smooth_goodput",
            "smooth_goodput_min",
            "smooth_goodput_max",
        )
        scale = scale_of(members, spec, unfinished_s, window)
        check(row, {name: figures[name] for name in names}, scale)


@FEWER
@given(
    trace=TRACES,
    stated=STATED,
    limits=st.dictionaries(st.sampled_from(("ttft", "tpot", "tbt", "e2e")), LIMITS),
    pace=st.one_of(st.none(), what_ifs()),
)
def test_goodput(con, trace, stated, limits, pace):
    rows = measured(trace)
    refill(con, rows, runs_table(rows, stated), {})
    some = [Clause(kind=kind, limit_ns=ns) for kind, ns in limits.items()]
    words = [clause_arguments(limits)] if limits else []
    if pace is not None:
        some.append(Clause(kind="pace", limit_ns=pace[0][1], first_ns=pace[0][0]))
        words.append(f"speed := {pace[1]}")
    found = by_key(rows_of(con, f"FROM goodput({', '.join(words)})"), "system")
    assert found.keys() == {(row["system"],) for row in rows}
    for (system,), row in found.items():
        members = [r for r in rows if r["system"] == system]
        window = window_of(members, rows, stated)
        figures = summarize(members, window=window, clauses=some)
        figures["undetermined"] = figures["slo_undetermined"]
        names = ("requests", "attained", "undetermined", "duration_s", "slo_attainment")
        names += ("request_goodput", "token_goodput")
        assert not differences(row, {name: figures[name] for name in names})


@FEWER
@given(trace=deliveries(min_size=1, max_size=1), reader=readers(HOUR))
def test_user_idle_latency_ms(con, trace, reader):
    """The envelope answers for a reader that the request was not measured with."""
    refill(con, measured(trace), runs_table(measured(trace)), {})
    (twin,) = measured(trace, reader)
    first_ms, pace_ms = (ns / MS for ns in reader)
    for side in ("", "_min", "_max"):
        call = f"user_idle_latency_ms(envelope{side}, {first_ms!r}, {pace_ms!r})"
        (row,) = rows_of(con, f"SELECT {call} AS idle FROM requests")
        exact = twin[f"user_idle_latency_ns{side}"]
        assert row["idle"] == (None if exact is None else exact / 1e6)


@FEWER
@given(speed=st.floats(1e-9, 1e12))
def test_speed_pace_ns(con, speed):
    assert one(con, f"speed_pace_ns({speed!r}::DOUBLE)") == round(1e9 / speed)


@FEWER
@given(spec=benefits(), idle_ns=st.integers(0, HOUR), n=st.integers(0, 2**31 - 1))
def test_idle_penalty(con, spec, idle_ns, n):
    tau = "NULL" if spec.tau_s is None else float(spec.tau_s)
    value = one(con, f"idle_penalty('{spec.shape}', {idle_ns} / 1e9, {n}, {tau})")
    idle = Fraction(idle_ns, S)
    expected = {
        "linear": lambda: idle,
        "quadratic": lambda: idle**2,
        "step": lambda: n if idle else 0,
        "fraction": lambda: n * min(Fraction(1), idle / spec.tau_s),
        "exponential": lambda: -n * math.expm1(-float(idle / spec.tau_s)),
    }[spec.shape]()
    assert value == pytest.approx(float(expected), rel=1e-9, abs=1e-15 * n)
