"""Macros and functions on values derived by hand, the traps of DuckDB among them."""

from __future__ import annotations

import pytest

from sgengine.errors import UsageError
from sgengine.views import run_query
from tests.sql.by_hand import ROWS, RUNS_TABLE, A, B
from tests.sql.support import MS, delivery, differences, measured, one, rows_of, views

HULL = "[{'token': 1, 'time_ns': 100000000}, {'token': 3, 'time_ns': 700000000}]"


@pytest.fixture(scope="module")
def con():
    return views(ROWS, RUNS_TABLE)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (f"user_idle_latency_ms({HULL}, 200, 200)", 100.0),
        (f"user_idle_latency_ms({HULL}, 50, 1000)", 50.0),
        (f"user_idle_latency_ms({HULL}, 0, 0)", 700.0),
        (f"user_idle_latency_ms({HULL}, 1000, 1)", 0.0),
        (f"user_idle_latency_ms({HULL}, 200.000001, 199.9999999)", 99.999999),
        ("user_idle_latency_ms([], 200, 200)", None),  # greatest(0, NULL) would be 0
        ("user_idle_latency_ms(NULL, 200, 200)", None),
        (f"user_idle_latency_ms({HULL}, NULL, 200)", None),
        (f"user_idle_latency_ms({HULL}, 200, NULL)", None),
        ("speed_pace_ns(5)", 200 * MS),
        ("speed_pace_ns(3)", 333_333_333),
        ("speed_pace_ns(400000000)", 2),  # 2.5 to even
        ("speed_pace_ns(2e9)", 0),  # 0.5 to even
        ("speed_pace_ns(NULL)", None),
        ("idle_penalty('linear', 2, 10, NULL)", 2.0),
        ("idle_penalty('quadratic', 3, 10, NULL)", 9.0),
        ("idle_penalty('fraction', 2, 10, 4)", 5.0),
        ("idle_penalty('fraction', 8, 10, 4)", 10.0),
        ("idle_penalty('exponential', 0, 10, 4)", 0.0),
        ("idle_penalty('exponential', 4, 10, 4)", 6.321205588285577),
        ("idle_penalty('step', 0, 10, NULL)", 0.0),
        ("idle_penalty('step', 1e-9, 10, NULL)", 10.0),
        ("idle_penalty('linear', NULL, 10, NULL)", None),
        ("idle_penalty('fraction', NULL, 10, 4)", None),  # least(1, NULL) would be 1
        ("idle_penalty('fraction', 1, 10, NULL)", None),
        ("idle_penalty('step', NULL, 10, NULL)", None),
        ("idle_penalty('step', 0, NULL, NULL)", None),
    ],
)
def test_functions(con, call, expected):
    assert one(con, call) == (expected if expected is None else pytest.approx(expected, rel=1e-12))


def test_token_times_pace_does_not_overflow(con):
    """Token and pace fit 32 and 63 bits; their product fits neither 32 nor 64."""
    hull = "[{'token': CAST(2147483647 AS INTEGER), 'time_ns': 5000000000}]"
    assert one(con, f"user_idle_latency_ms({hull}, 1, 200)") == 0.0
    assert one(con, f"user_idle_latency_ms({hull}, 0, 4e12)") == 0.0
    rows = measured([delivery(timing="mean", output_tokens=2**31 - 1, ttft_ns=0, last_ns=2**62)])
    found = rows_of(views(rows), "FROM scored(1e-9, max_tpot_ms := 3e9, max_tbt_ms := 3e9)")
    assert (found[0]["attained"], found[0]["undetermined"]) == (False, True)


def test_scored(con):
    rows = {r["request_id"]: r for r in rows_of(con, "FROM scored(5, max_ttft_ms := 150)")}
    a = {
        "run": "r",
        "system": "s",
        "workload": "w",
        "status": "ok",
        "n_output_tokens": 3,
        "idle_ms": 100.0,
        "idle_min_ms": None,
        "idle_max_ms": None,
        "benefit": 2.75,
        "benefit_min": 2.75,
        "benefit_max": 2.75,
        "attained": True,
        "undetermined": False,
    }
    assert not differences(rows["a"], a)
    assert not differences(rows["b"], {"idle_ms": 0.0, "benefit": 1.0, "attained": False})
    assert not differences(rows["c"], {"idle_ms": None, "benefit": 0.0, "attained": False})
    d = {
        "idle_ms": None,
        "idle_min_ms": 300.0,
        "idle_max_ms": 500.0,
        "benefit": None,
        "benefit_min": 1.75,
        "benefit_max": 2.25,
        "attained": True,
    }
    assert not differences(rows["d"], d)


@pytest.mark.parametrize(
    ("arguments", "idle_ms", "benefit"),
    [
        ("2.5", 0.0, 3.0),  # d_1 = V = 400 ms
        ("10", 400.0, 2.0),  # 700 - 300
        ("10, first_token_ms := 400", 100.0, 2.75),  # 700 - (400 + 200)
        ("10, first_token_ms := 0", 500.0, 1.75),
        ("10, 0", 400.0, 3.0),
        ("10, 1, penalty := 'quadratic'", 400.0, 3 - 0.16),
        ("10, 1, penalty := 'fraction', tau_s := 0.8", 400.0, 1.5),
        ("10, 1, penalty := 'step'", 400.0, 0.0),
        ("10, unfinished_idle_s := 9", 400.0, 2.0),  # a is ok
    ],
)
def test_scored_answers_for_any_reader_and_penalty(con, arguments, idle_ms, benefit):
    row = rows_of(con, f"FROM scored({arguments}) WHERE request_id = 'a'")[0]
    assert not differences(row, {"idle_ms": idle_ms, "benefit": benefit})


def test_unfinished_idle_counts_for_requests_that_are_not_ok(con):
    rows = rows_of(con, "FROM scored(5, 2, unfinished_idle_s := 1.5) ORDER BY request_id")
    assert [row["benefit"] for row in rows[:3]] == [pytest.approx(2.8), 1.0, -3.0]


def test_attained_is_null_without_a_clause_and_pace_is_one(con):
    assert {row["attained"] for row in rows_of(con, "FROM scored(5)")} == {None}
    rows = rows_of(con, "FROM scored(5, on_pace := true) ORDER BY request_id")
    assert [row["attained"] for row in rows] == [False, True, False, False]
    assert [row["undetermined"] for row in rows] == [False] * 4


@pytest.mark.parametrize(
    ("clause", "attained"),
    [
        ("max_ttft_ms := 100", True),
        ("max_ttft_ms := 99.999999", False),
        ("max_tpot_ms := 300", True),
        ("max_tpot_ms := 299.999999", False),
        ("max_tbt_ms := 400", True),
        ("max_tbt_ms := 399.999999", False),
        ("max_e2e_ms := 700", True),
        ("max_e2e_ms := 699.999999", False),
        ("max_ttft_ms := 100, max_e2e_ms := 1", False),
    ],
)
def test_clauses_compare_whole_ns(con, clause, attained):
    (row,) = rows_of(con, f"FROM scored(5, {clause}) WHERE request_id = 'a'")
    assert row["attained"] is attained


def test_one_token_keeps_tpot_and_one_chunk_tbt(con):
    (row,) = rows_of(
        con, "FROM scored(5, max_tpot_ms := 0, max_tbt_ms := 0) WHERE request_id = 'b'"
    )
    assert (row["attained"], row["undetermined"]) == (True, False)


def test_one_token_keeps_a_gap_clause_whose_times_are_unknown():
    con = views(measured([delivery(timing="none", output_tokens=1)]))
    (row,) = rows_of(con, "FROM scored(5, max_tbt_ms := 0)")
    assert (row["attained"], row["undetermined"]) == (True, False)
    (row,) = rows_of(con, "FROM scored(5, max_ttft_ms := 1e6)")
    assert (row["attained"], row["undetermined"]) == (False, True)


def test_a_delay_can_turn_a_gap_clause_into_attainment_but_not_a_pace_clause():
    """t = (0, 3) against (1, 3): the counter-example to tbt and tpot."""
    early = delivery(request_id="0", chunk_times_ns=[0, 3 * MS])
    late = delivery(request_id="1", chunk_times_ns=[MS, 3 * MS])
    con = views(measured([early, late]))
    for clause, expected in (
        ("max_tbt_ms := 2", [False, True]),
        ("max_tpot_ms := 2", [False, True]),
        ("on_pace := true", [False, False]),
    ):
        rows = rows_of(con, f"FROM scored(500, first_token_ms := 0, {clause}) ORDER BY request_id")
        assert [row["attained"] for row in rows] == expected


def test_smooth_goodput(con):
    s, t = rows_of(con, "FROM smooth_goodput(5, 2.5)")
    base = {"system": "s", "workload": "w", "requests": 3, "duration_s": 10.0}
    exact = {"smooth_goodput": 0.375, "smooth_goodput_min": None, "smooth_goodput_max": None}
    assert s == base | exact
    base = {"system": "t", "workload": "w", "requests": 1, "duration_s": 2.0}
    bounds = {"smooth_goodput": None, "smooth_goodput_min": 0.875, "smooth_goodput_max": 1.125}
    assert t == base | bounds


def test_goodput(con):
    s, t = rows_of(con, "FROM goodput(150, 300)")
    assert s == {
        "system": "s",
        "workload": "w",
        "requests": 3,
        "attained": 1,
        "undetermined": 0,
        "duration_s": 10.0,
        "slo_attainment": 1 / 3,
        "request_goodput": 0.1,
        "token_goodput": 0.3,
    }
    assert (t["attained"], t["request_goodput"], t["token_goodput"]) == (0, 0.0, 0.0)


def test_goodput_without_a_clause_is_null(con):
    for row in rows_of(con, "FROM goodput()"):
        names = ("attained", "undetermined", "slo_attainment", "request_goodput", "token_goodput")
        assert [row[name] for name in names] == [None] * 5


def test_goodput_of_a_reader_who_never_waits(con):
    s, t = rows_of(con, "FROM goodput(speed := 5)")
    assert (s["attained"], t["attained"], t["undetermined"]) == (1, 0, 0)
    s, t = rows_of(con, "FROM goodput(speed := 5, first_token_ms := 600)")
    assert (s["attained"], t["attained"], t["undetermined"]) == (2, 0, 1)


def test_checks_of_the_contract():
    """alpha 0 is output throughput; step with alpha 1 is token goodput at the pace over ok requests."""
    exact = views(measured([A, B]))
    (no_penalty,) = rows_of(exact, "FROM smooth_goodput(5, 0)")
    (group,) = rows_of(exact, "FROM by_system")
    assert no_penalty["smooth_goodput"] == group["output_throughput"]
    (step,) = rows_of(exact, "FROM smooth_goodput(5, 1, penalty := 'step')")
    (pace,) = rows_of(exact, "FROM goodput(speed := 5)")
    assert step["smooth_goodput"] == pace["token_goodput"]


def test_a_macro_takes_columns_as_arguments(con):
    found = rows_of(
        con,
        "SELECT v.speed, g.smooth_goodput FROM (VALUES (5), (10)) AS v(speed), "
        "smooth_goodput(v.speed, 2.5) AS g WHERE g.system = 's' ORDER BY ALL",
    )
    # at 10 tokens/s: a waits 0.4 s, b 0.1 s
    assert found == [
        {"speed": 5, "smooth_goodput": 0.375},
        {"speed": 10, "smooth_goodput": pytest.approx((2.0 + 0.75) / 10)},
    ]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("scored(NULL)", "speed is NULL: give tokens a second"),
        ("scored(0)", "speed is 0.*: give tokens a second above 0"),
        ("scored(-5)", "speed is -5"),
        ("scored('nan'::DOUBLE)", "speed is nan"),
        ("scored(1e-300)", "speed is 1e-300"),
        ("goodput(speed := 0)", "speed is 0"),
        ("scored(5, -1)", "alpha is -1.0: give a number of 0 or more"),
        ("scored(5, 'nan'::DOUBLE)", "alpha is nan"),
        ("scored(5, 'inf'::DOUBLE)", "alpha is inf"),
        ("scored(5, 1e101)", r"up to 1e\+100"),
        ("scored(5, penalty := 'cubic')", "penalty is cubic: give one of linear, quadratic"),
        ("scored(5, penalty := NULL)", "penalty is NULL"),
        ("scored(5, penalty := 'step')", "penalty step has no default alpha"),
        ("scored(5, 1, penalty := 'fraction')", "penalty fraction needs a tau_s above 0"),
        ("scored(5, 1, penalty := 'exponential', tau_s := 0)", "penalty exponential needs a tau_s"),
        ("scored(5, 1, penalty := 'fraction', tau_s := -1)", "needs a tau_s above 0"),
        ("scored(5, tau_s := 3)", "penalty linear takes no tau_s"),
        ("scored(5, unfinished_idle_s := -1)", "unfinished_idle_s is -1.0"),
        ("scored(5, first_token_ms := -1)", "a duration is below 0"),
        ("scored(5, max_tbt_ms := -1)", "a duration is below 0"),
        ("smooth_goodput(5, -1)", "alpha is -1.0"),
    ],
)
def test_wrong_arguments_are_named(con, call, said):
    for columns in ("*", "count(*)"):  # also where no column hangs on the wrong argument
        with pytest.raises(UsageError, match=said):
            run_query(con, f"SELECT {columns} FROM {call}")


@pytest.mark.parametrize("call", ["speed_pace_ns(0)", "idle_penalty('cubic', 1, 1, 1)"])
def test_functions_refuse_what_they_do_not_know(con, call):
    with pytest.raises(UsageError, match="give"):
        one(con, call)
