"""Every view and macro equals a brute-force computation over the same requests, NULLs included."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.reference_groups import STATUSES, summarize, window_ns
from tests.reference_slo import Clause, attains, clause_holds, has_open_clause, row_benefit
from tests.sql.support import (
    DEFAULT_READER,
    MS,
    S,
    by_key,
    differences,
    measured,
    one,
    refill,
    requests_table,
    rows_of,
    runs_table,
    views,
)
from tests.strategies import HOUR, benefits, clauses, deliveries, readers

TRACES = deliveries(max_size=10)
STATED = st.fixed_dictionaries(
    {run: st.one_of(st.none(), st.just(0), st.integers(1, 100 * S)) for run in ("a", "b")}
)
SPEEDS = st.sampled_from((0.5, 3.0, 5.0, 7.5, 20.0, 1e6, 1e9, 4e9))
UNFINISHED_S = st.sampled_from((0, 3, 600))
LIMITS = st.one_of(st.just(0), st.integers(0, 600 * MS), st.integers(0, HOUR))


@pytest.fixture(scope="module")
def con():
    return views([])


@st.composite
def conjunctions(draw: st.DrawFn, reader=None) -> list[Clause]:
    """Up to three clauses of different kinds."""
    return draw(st.lists(clauses(reader), max_size=3, unique_by=lambda clause: clause.kind))


def clause_settings(some):
    """The columns of measured_settings that state these clauses."""
    found = {}
    for clause in some:
        if clause.kind == "pace":
            found |= {"pace_first_ns": clause.reader[0], "pace_ns": clause.reader[1]}
        elif clause.kind == "tokens":
            num, den = clause.share.as_integer_ratio()
            found |= {"tokens_share_num": num, "tokens_share_den": den}
        else:
            found[f"max_{clause.kind}_ns"] = clause.limit_ns
    return found


def benefit_settings(spec, unfinished_s):
    """The columns of measured_settings that state this benefit function."""
    return {
        "penalty": spec.shape,
        "alpha": float(spec.alpha),
        "tau_s": None if spec.tau_s is None else float(spec.tau_s),
        "unfinished_idle_s": float(unfinished_s),
    }


def benefit_arguments(spec, unfinished_s):
    """The same as arguments of a macro."""
    tau = "" if spec.tau_s is None else f", tau_s := {float(spec.tau_s)}"
    alpha = f"alpha := {float(spec.alpha)}, penalty := '{spec.shape}'"
    return f"{alpha}{tau}, unfinished_idle_s := {unfinished_s}"


def clause_arguments(limits):
    """SLO clauses as arguments of a macro: ms, exact to the ns below an hour."""
    return ", ".join(f"max_{kind}_ms := {ns / MS!r}" for kind, ns in limits.items())


def window_of(rows, every, stated, time_slice=None):
    """T of some rows among all, in ns; None where it is unknown or 0."""
    runs = {row["run"]: [r for r in every if r["run"] == row["run"]] for row in rows}
    return window_ns(runs, stated, time_slice=time_slice)[0] or None


def flat(figures):
    """The twin's figures under the names of the by_* views."""
    found = {f"n_{status}": figures["status"][status] for status in STATUSES}
    for name in ("ttft", "tpot", "e2e_latency", "user_idle_latency"):
        part = dict(figures[f"{name}_ms"])
        found[f"n_{name}"] = part.pop("count")
        found |= {f"{name}_{statistic}_ms": value for statistic, value in part.items()}
    plain = {key: value for key, value in figures.items() if not isinstance(value, dict)}
    plain["undetermined"] = plain.pop("slo_undetermined")
    return found | plain


def magnitude(rows, spec, unfinished_s, window):
    """How large the terms of the sums are that may cancel: what errors are relative to."""
    parts = [
        row_benefit(row, spec, unfinished_s * S, bound) for row in rows for bound in ("", "min")
    ]
    tokens = sum(row["n_output_tokens"] or 0 for row in rows)
    largest = sum(abs(part) for part in parts if part is not None) + tokens
    return float(largest * S / window) if window else 0.0


def check(actual, expected, scales):
    """Both equal, each difference relative to the scale of its column where it has one."""
    wrong = {
        name: pair
        for name, pair in differences(actual, expected).items()
        if differences(actual, {name: expected[name]}, scales(name))
    }
    assert not wrong


def scale_of(rows, spec, unfinished_s, window) -> Callable[[str], float]:
    """The scale of each column: std and benefit are differences of larger numbers."""
    largest = magnitude(rows, spec, unfinished_s, window)
    times = [row[name] or 0 for row in rows for name in ("e2e_latency_ns", "user_idle_latency_ns")]
    longest = max(times, default=0) / MS

    def scale(name: str) -> float:
        if name.startswith("smooth_goodput"):
            return largest
        return longest if name.endswith("_std_ms") else 0.0

    return scale


# --- Views ---------------------------------------------------------------------------------------


def hour_of(row):
    """Start of the hour of arrival, for unix clocks."""
    if row["arrival_ns"] is None or row["clock"] != "unix":
        return None
    return row["arrival_ns"] // HOUR


GROUPINGS = {
    "by_system": lambda row: row["system"],
    "by_workload": lambda row: row["workload"],
    "by_system_workload": lambda row: (row["system"], row["workload"]),
    "by_hour": hour_of,
}
KEYS = {
    "by_system": lambda found: found["system"],
    "by_workload": lambda found: found["workload"],
    "by_system_workload": lambda found: (found["system"], found["workload"]),
    "by_hour": lambda found: (
        None if found["hour"] is None else found["hour"].replace(tzinfo=dt.UTC).timestamp() // 3600
    ),
}


@pytest.mark.parametrize("name", GROUPINGS)
@given(
    trace=TRACES,
    stated=STATED,
    reader=readers(HOUR),
    spec=benefits(),
    unfinished_s=UNFINISHED_S,
    denominator=st.sampled_from(("all", "sent", "completed", "determined")),
    data=st.data(),
)
def test_by_views(con, name, trace, stated, reader, spec, unfinished_s, denominator, data):
    some = data.draw(conjunctions(reader))
    clocks = st.sampled_from(("unix", "unix", "monotonic"))
    rows = measured([row | {"clock": data.draw(clocks)} for row in trace], reader)
    settings = {
        "reader_first_ns": reader[0],
        "reader_pace_ns": reader[1],
        "denominator": denominator,
    }
    settings |= clause_settings(some) | benefit_settings(spec, unfinished_s)
    refill(con, rows, runs_table(rows, stated), settings)
    found = {KEYS[name](row): row for row in rows_of(con, f"FROM {name}")}
    groups = {
        key: [row for row in rows if GROUPINGS[name](row) == key]
        for key in map(GROUPINGS[name], rows)
    }
    assert found.keys() == groups.keys()
    for key, members in groups.items():
        part = (key * HOUR, (key + 1) * HOUR) if name == "by_hour" and key is not None else None
        window = window_of(members, rows, stated, part)
        expected = flat(
            summarize(
                members,
                window=window,
                clauses=some,
                spec=spec,
                unfinished_ns=unfinished_s * S,
                denominator=denominator,
            )
        )
        check(found[key], expected, scale_of(members, spec, unfinished_s, window))


@given(trace=TRACES, reader=readers(HOUR), data=st.data())
def test_slo_attainment(con, trace, reader, data):
    some = data.draw(conjunctions(reader))
    rows = measured(trace, reader)
    settings = {"reader_first_ns": reader[0], "reader_pace_ns": reader[1]} | clause_settings(some)
    refill(con, rows, runs_table(rows), settings)
    found = by_key(rows_of(con, "FROM slo_attainment"), "system")
    assert found.keys() == {(row["system"],) for row in rows}
    for (system,), row in found.items():
        members = [r for r in rows if r["system"] == system]
        expected = {"requests": len(members)}
        for denominator in ("all", "sent", "completed", "determined"):
            figures = summarize(members, window=None, clauses=some, denominator=denominator)
            expected[f"attainment_{denominator}"] = figures["slo_attainment"]
            expected["attained"] = figures["attained"]
            expected["undetermined"] = figures["slo_undetermined"]
        by_kind = {clause.kind: clause for clause in some}
        for kind in ("ttft", "tbt", "tpot", "e2e", "pace", "tokens"):
            expected[f"{kind}_attainment"] = kept_alone(members, by_kind.get(kind))
        assert not differences(row, expected)


def kept_alone(members, clause):
    """The share of requests that are ok and keep one clause."""
    if clause is None:
        return None
    return sum(r["status"] == "ok" and clause_holds(r, clause) is True for r in members) / len(
        members
    )


@given(trace=TRACES, reader=readers(HOUR))
def test_requests_and_stalls(con, trace, reader):
    rows = measured(trace, reader)
    refill(con, rows, runs_table(rows), {})
    found = by_key(rows_of(con, "FROM requests"), "request_id")
    table = {row["request_id"]: row for row in requests_table(rows).to_pylist()}
    assert len(found) == len(rows)
    for (request_id,), row in found.items():
        expected = table[request_id]
        assert {name: row[name] for name in expected} == expected
        for name in (name for name in expected if "_ns" in name and name != "arrival_ns"):
            value = expected[name]
            assert row[name.replace("_ns", "_ms")] == (None if value is None else value / 1e6)
    waits = {row["request_id"]: wait(row) for row in rows if wait(row) > 0}
    worst = sorted(
        waits, key=lambda request_id: (-waits[request_id], table[request_id]["run"], request_id)
    )
    stalls = rows_of(con, "FROM stalls")
    assert [row["request_id"] for row in stalls] == worst
    for row in stalls:
        source = table[row["request_id"]]
        hull = source["envelope"] if source["envelope"] is not None else source["envelope_max"]
        assert row["envelope"] == hull


def wait(row):
    """The user idle latency, or its upper bound, or 0."""
    exact = row["user_idle_latency_ns"]
    return (row["user_idle_latency_ns_max"] or 0) if exact is None else exact


# --- Macros --------------------------------------------------------------------------------------


@st.composite
def what_ifs(draw: st.DrawFn):
    """A speed, its reader in ns, and the arguments that say so."""
    speed = draw(SPEEDS)
    pace = round(1e9 / speed)
    first = draw(st.one_of(st.none(), LIMITS))
    arguments = f"{speed!r}" + ("" if first is None else f", first_token_ms := {first / MS!r}")
    return (pace if first is None else first, pace), arguments


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


# --- Functions -----------------------------------------------------------------------------------


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


@given(speed=st.floats(1e-9, 1e12))
def test_speed_pace_ns(con, speed):
    assert one(con, f"speed_pace_ns({speed!r}::DOUBLE)") == round(1e9 / speed)


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


@given(
    trace=deliveries(min_size=1), reader=readers(HOUR), delay=st.integers(0, HOUR), data=st.data()
)
def test_a_delay_never_raises_benefit_or_pace_attainment(con, trace, reader, delay, data):
    """The promise of the framework, asked of SQL: only listed times, same n, status and T."""
    listed = [row for row in trace if row["chunk_times_ns"]]
    assume(listed)
    late = [row | {"chunk_times_ns": delayed(row["chunk_times_ns"], delay, data)} for row in listed]
    settings = {"reader_first_ns": reader[0], "reader_pace_ns": reader[1]}
    settings |= {"pace_first_ns": reader[0], "pace_ns": reader[1]}
    before, after = (figures_of(con, rows, settings) for rows in (listed, late))
    for name in ("smooth_goodput", "smooth_goodput_min", "attained"):
        if before[name] is not None and after[name] is not None:
            assert after[name] <= before[name]


def delayed(times, delay, data):
    """All chunks from one on later by the same."""
    place = data.draw(st.integers(0, len(times) - 1))
    return times[:place] + [min(time + delay, 2**62) for time in times[place:]]


def figures_of(con, trace, settings):
    """The figures of a whole trace over a stated second."""
    rows = measured([row | {"workload": "w"} for row in trace], DEFAULT_READER)
    refill(con, rows, runs_table(rows), settings | {"duration_ns": S})
    (row,) = rows_of(con, "FROM by_workload")
    return row
