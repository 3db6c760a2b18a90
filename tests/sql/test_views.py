"""Each view on the requests of by_hand.py."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from sgengine.errors import UsageError
from sgengine.schema import GAPS, REJECTS, RUNS
from sgengine.views import open_views, run_query
from tests.sql.by_hand import FIGURES_OF_S, FIGURES_OF_T, HOUR, ROWS, RUNS_TABLE, SLO, A, B, D
from tests.sql.support import (
    DEFAULT_SETTINGS,
    MS,
    S,
    delivery,
    differences,
    measured,
    requests_table,
    rows_of,
    run_row,
    runs_table,
    views,
)


@pytest.fixture(scope="module")
def con():
    return views(ROWS, RUNS_TABLE, SLO)


def test_requests_have_every_duration_in_ms_too(con):
    row = rows_of(con, "SELECT * FROM requests WHERE request_id = 'a'")[0]
    expected = {
        "n_output_tokens": 3,
        "ttft_ns": 100 * MS,
        "ttft_ms": 100.0,
        "e2e_latency_ms": 700.0,
        "tpot_ns": 300.0 * MS,
        "tpot_ms": 300.0,
        "itl_max_ms": 400.0,
        "last_chunk_ms": 700.0,
        "end_ms": None,
        "eq5_pace_ms": 700 / 3,
        "sustained_pace_ms": 250.0,
        "user_idle_latency_ms": 100.0,
        "user_idle_latency_ms_min": None,
        "reader_first_ms": 200.0,
        "reader_pace_ms": 200.0,
        "late_tokens": 1,
        "envelope": [{"token": 1, "time_ns": 100 * MS}, {"token": 3, "time_ns": 700 * MS}],
        "arrival_ns": 1_500,
        "arrival": dt.datetime(1970, 1, 1, 0, 0, 0, 1),  # noqa: DTZ001 - TIMESTAMP has no zone
    }
    assert not differences(row, expected)


def test_requests_have_a_timestamp_only_on_a_unix_clock(con):
    found = rows_of(con, "SELECT request_id, arrival IS NULL AS none FROM requests ORDER BY ALL")
    assert [row["none"] for row in found] == [False, False, False, True]


def test_timestamps_before_1970_round_down():
    con = views(measured([delivery(arrival_ns=-1, chunk_times_ns=[])]))
    (row,) = rows_of(con, "SELECT arrival FROM requests")
    assert row["arrival"] == dt.datetime(1969, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001
    (group,) = rows_of(con, "SELECT hour FROM by_hour")
    assert group["hour"] == dt.datetime(1969, 12, 31, 23)  # noqa: DTZ001


def test_by_system(con):
    s, t = rows_of(con, "SELECT * FROM by_system")
    assert not differences(s, {"system": "s", **FIGURES_OF_S})
    assert s.keys() == {"system", *FIGURES_OF_S}
    assert not differences(t, {"system": "t", **FIGURES_OF_T})


def test_by_workload_adds_up_the_windows_of_its_runs(con):
    (row,) = rows_of(con, "SELECT * FROM by_workload")
    expected = {
        "workload": "w",
        "requests": 4,
        "n_output_tokens": 7,
        "duration_s": 12.0,
        "output_throughput": 7 / 12,
        "ttft_p50_ms": 100.0,
        "smooth_goodput": None,
        "smooth_goodput_min": (3.75 + 1.75) / 12,
        "smooth_goodput_max": (3.75 + 2.25) / 12,
        "slo_attainment": 0.25,
        "token_attainment": None,
    }
    assert not differences(row, expected)


def test_by_system_workload(con):
    s, t = rows_of(con, "SELECT * FROM by_system_workload")
    assert not differences(s, {"system": "s", "workload": "w", **FIGURES_OF_S})
    assert not differences(t, {"system": "t", "workload": "w", **FIGURES_OF_T})


def test_by_hour_divides_by_the_hour(con):
    rows = rows_of(con, "SELECT * FROM by_hour")
    keys = [(row["hour"], row["requests"], row["duration_s"]) for row in rows]
    first, second = dt.datetime(1970, 1, 1), dt.datetime(1970, 1, 1, 1)  # noqa: DTZ001
    assert keys == [(first, 1, 3600.0), (second, 2, 3600.0), (None, 1, 2.0)]
    assert rows[0]["output_throughput"] == 3 / 3600
    assert rows[1]["request_throughput"] == 1 / 3600
    assert not differences(rows[2], FIGURES_OF_T)


def test_a_window_that_the_caller_states_holds_for_every_group():
    con = views(ROWS, RUNS_TABLE, {**SLO, "duration_ns": 5 * S})
    for name in ("by_system", "by_workload", "by_system_workload", "by_hour"):
        assert {row["duration_s"] for row in rows_of(con, f"FROM {name}")} == {5.0}
    for call in ("smooth_goodput(5)", "goodput(150, 300)"):
        assert {row["duration_s"] for row in rows_of(con, f"FROM {call}")} == {5.0}


def test_a_run_of_several_sources_has_one_window():
    rows = measured([A, B])
    parts = [run_row("r", rows[:1], None, "one"), run_row("r", rows[1:], None, "two")]
    con = views(rows, pa.Table.from_pylist(parts, schema=RUNS.schema()))
    whole = (HOUR + 200 * MS - 1_500) / S
    assert [row["duration_s"] for row in rows_of(con, "FROM by_system")] == [whole]
    assert [row["duration_s"] for row in rows_of(con, "FROM runs")] == [whole, whole]
    stated = [
        part | {"stated_duration_ns": ns} for part, ns in zip(parts, (3 * S, 7 * S), strict=True)
    ]
    con = views(rows, pa.Table.from_pylist(stated, schema=RUNS.schema()))
    assert [row["duration_s"] for row in rows_of(con, "FROM by_system")] == [7.0]


@pytest.mark.parametrize("stated", [None, 0])
def test_rates_are_null_where_the_window_is_unknown_or_zero(stated):
    rows = measured([delivery(arrival_ns=None, chunk_times_ns=[5])])
    con = views(rows, runs_table(rows, {"r": stated}), SLO)
    (row,) = rows_of(con, "FROM by_system")
    rates = ("request_throughput", "output_throughput", "smooth_goodput", "request_goodput")
    assert [row[name] for name in ("duration_s", *rates)] == [None] * 5
    assert (row["requests"], row["attained"], row["slo_attainment"]) == (1, 1, 1.0)


def test_without_an_slo_its_figures_are_null():
    con = views(ROWS, RUNS_TABLE)
    names = ("attained", "undetermined", "slo_attainment", "request_goodput", "token_goodput")
    for row in rows_of(con, "FROM by_system"):
        assert [row[name] for name in names] == [None] * 5
    for row in rows_of(con, "FROM slo_attainment"):
        assert {name: value for name, value in row.items() if value is not None}.keys() == {
            "system",
            "workload",
            "requests",
        }


def test_slo_attainment_under_every_denominator(con):
    s, t = rows_of(con, "FROM slo_attainment")
    expected = {
        "system": "s",
        "workload": "w",
        "requests": 3,
        "attained": 1,
        "undetermined": 0,
        "attainment_all": 1 / 3,
        "attainment_sent": 1 / 3,
        "attainment_completed": 0.5,
        "attainment_determined": 1 / 3,
        "one_token": 1,
        "one_chunk": 1,
        "ttft_attainment": 1 / 3,
        "tbt_attainment": None,
        "tpot_attainment": 2 / 3,  # b by vacuity
        "e2e_attainment": None,
        "pace_attainment": None,
        "tokens_attainment": None,
    }
    assert not differences(s, expected)
    assert s.keys() == expected.keys()
    assert not differences(t, {"ttft_attainment": 1.0, "tpot_attainment": 0.0, "one_chunk": 0})


@pytest.mark.parametrize(
    ("denominator", "value"),
    [("all", 1 / 3), ("sent", 1 / 3), ("completed", 0.5), ("determined", 1 / 3)],
)
def test_the_denominator_of_the_settings_is_used(denominator, value):
    con = views(ROWS, RUNS_TABLE, {**SLO, "denominator": denominator})
    assert rows_of(con, "FROM by_system")[0]["slo_attainment"] == value


def test_an_unknown_denominator_is_an_error():
    with pytest.raises(UsageError, match="denominator is some"):
        run_query(views(ROWS, chosen={"denominator": "some"}), "FROM by_system")


@pytest.mark.parametrize(
    ("limit_ms", "attained", "open_"), [(800, 1, 0), (799, 0, 1), (400, 0, 1), (399, 0, 0)]
)
def test_bounds_decide_a_gap_clause_or_leave_it_open(limit_ms, attained, open_):
    """d, 800 ms from its first to its third token: a gap of 400 to 800."""
    con = views(measured([D]), chosen={"max_tbt_ns": limit_ms * MS, "denominator": "determined"})
    (row,) = rows_of(con, "FROM by_system")
    assert (row["attained"], row["undetermined"]) == (attained, open_)
    assert row["slo_attainment"] == (None if open_ else float(attained))


@pytest.mark.parametrize(("first_ms", "attained", "open_"), [(700, 1, 0), (600, 0, 1), (499, 0, 0)])
def test_bounds_decide_a_pace_clause_or_leave_it_open(first_ms, attained, open_):
    """d, read at 200 ms a token: in time from 700 ms (token 2 is last) or 500 ms (token 3 is)."""
    settings = {"pace_first_ns": first_ms * MS, "pace_ns": 200 * MS}
    (row,) = rows_of(views(measured([D]), chosen=settings), "FROM by_system")
    assert (row["attained"], row["undetermined"]) == (attained, open_)


@pytest.mark.parametrize(("num", "attained"), [(2, 1), (3, 0)])
def test_a_tokens_clause_counts_late_tokens_of_the_measured_reader(num, attained):
    """a has 2 of 3 tokens in time."""
    settings = {"tokens_share_num": num, "tokens_share_den": 3}
    (row,) = rows_of(views(measured([A]), chosen=settings), "FROM slo_attainment")
    assert (row["attained"], row["tokens_attainment"]) == (attained, float(attained))


def test_stalls_are_the_worst_first_with_their_envelope(con):
    d, a = rows_of(con, "SELECT * FROM stalls")
    assert (d["request_id"], a["request_id"]) == ("d", "a")
    ends = [{"token": 1, "time_ns": 100 * MS}, {"token": 2, "time_ns": 900 * MS}]
    expected = {
        "user_idle_latency_ms": None,
        "user_idle_latency_ms_min": 300.0,
        "user_idle_latency_ms_max": 500.0,
        "envelope": ends,
        "late_tokens": None,
        "timing": "first_last",
    }
    assert not differences(d, expected)
    assert not differences(
        a, {"user_idle_latency_ms": 100.0, "ttft_ms": 100.0, "itl_max_ms": 400.0}
    )


def test_runs_carry_their_window(con):
    found = rows_of(con, "SELECT run, stated_duration_ns, duration_s FROM runs")
    assert found == [
        {"run": "q", "stated_duration_ns": None, "duration_s": 2.0},
        {"run": "r", "stated_duration_ns": 10 * S, "duration_s": 10.0},
    ]


def test_rejects_and_gaps_are_shown():
    reject = {
        "source": "f.jsonl",
        "run": None,
        "place": "line 3",
        "reason": "negative_time",
        "count": 1,
        "detail": "-5",
    }
    gap = {
        "run": "r",
        "system": "s",
        "workload": "w",
        "hour_ns": HOUR,
        "itl_rule": "chunk",
        "bucket": 255,
        "count": 7,
    }
    con = open_views(
        requests_table(ROWS),
        pa.Table.from_pylist(
            [gap, gap | {"hour_ns": None, "bucket": 256 + 128 + 64}], schema=GAPS.schema()
        ),
        pa.Table.from_pylist([reject], schema=REJECTS.schema()),
        RUNS_TABLE,
        DEFAULT_SETTINGS,
    )
    no_night = dict.fromkeys(("job", "day", "commit_id"))
    assert rows_of(con, "FROM rejects") == [reject | no_night]
    found = rows_of(con, "SELECT hour, low_ms, high_ms, n_gaps FROM gaps ORDER BY bucket")
    assert found == [
        {
            "hour": dt.datetime(1970, 1, 1, 1),  # noqa: DTZ001
            "low_ms": 255e-6,
            "high_ms": 256e-6,
            "n_gaps": 7,
        },
        {"hour": None, "low_ms": 768e-6, "high_ms": 772e-6, "n_gaps": 7},
    ]
