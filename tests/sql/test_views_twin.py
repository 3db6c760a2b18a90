"""Every view equals a brute-force computation over the same requests, NULLs included."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.reference_groups import summarize
from tests.reference_slo import clause_holds
from tests.sql.brute import (
    STATED,
    TRACES,
    UNFINISHED_S,
    benefit_settings,
    check,
    clause_settings,
    conjunctions,
    flat,
    scale_of,
    window_of,
)
from tests.sql.support import (
    DEFAULT_READER,
    FEWER,
    S,
    by_key,
    differences,
    measured,
    refill,
    requests_table,
    rows_of,
    runs_table,
    views,
)
from tests.strategies import HOUR, benefits, deliveries, readers


@pytest.fixture(scope="module")
def con():
    return views([])


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
@FEWER
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


@FEWER
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


@FEWER
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


@FEWER
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
            assert after[name] <= before[name] + 1e-9 * max(abs(after[name]), abs(before[name]))


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
