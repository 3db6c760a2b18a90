"""``sgengine sql``: the views of a trace as a table, JSON or CSV, and what is refused."""

from __future__ import annotations

import csv
import io

import pytest

from sgengine.sql import load_catalog
from tests.cli.support import document, good, refused, run, trace


@pytest.fixture
def two(tmp_path):
    """Two requests, one with three tokens, one with one token 400 ms late."""
    return trace(tmp_path / "two.parquet", [[100, 120, 140], [600]])


def test_json_is_a_list_of_rows(two):
    query = "SELECT request_id, ttft_ms, tpot_ms FROM requests ORDER BY request_id"
    assert document("sql", query, two) == [
        {"request_id": "0", "ttft_ms": 100.0, "tpot_ms": 20.0},
        {"request_id": "1", "ttft_ms": 600.0, "tpot_ms": None},
    ]


def test_json_is_strict_whatever_the_type(two):
    query = """SELECT 'nan'::DOUBLE AS n, '-inf'::FLOAT AS i, NULL AS u, true AS b, 'ü' AS s,
        TIMESTAMP '2026-03-02 10:00:00.5' AS t, make_timestamp_ns(1) AS ns, DATE '2026-03-02' AS d,
        INTERVAL 1 DAY AS v, 1.50::DECIMAL(4, 2) AS c, [1, NULL] AS l, {'a': [2]} AS o,
        'ab'::BLOB AS x, (2::HUGEINT ^ 80)::HUGEINT AS h, TIMESTAMPTZ '2026-03-02 10:00:00+02' AS z"""
    (row,) = document("sql", query, two)
    assert (row["n"], row["i"], row["u"], row["b"], row["s"]) == (None, None, None, True, "ü")
    assert (row["t"], row["ns"]) == ("2026-03-02T10:00:00.500000", "1970-01-01T00:00:00.000000001")
    assert (row["d"], row["z"]) == ("2026-03-02", "2026-03-02T08:00:00+00:00")
    assert (row["c"], row["l"], row["o"], row["x"]) == ("1.50", [1, None], {"a": [2]}, "6162")
    assert row["h"] == str(2**80)


BEYOND_PYTHON = {
    "TIMESTAMP '290000-01-01'": "290000-01-01T00:00:00",
    "TIMESTAMP '290000-01-01 00:00:00.5'": "290000-01-01T00:00:00.500000",
    "TIMESTAMPTZ '200000-01-01 00:00+00'": "200000-01-01T00:00:00+00:00",
    "DATE '-0044-03-15'": "-0044-03-15",
    "DATE '-6243-04-12'": "-6243-04-12",
    "'infinity'::DATE": "infinity",
    "'-infinity'::TIMESTAMP": "-infinity",
    "TIME_NS '12:00:00.123456789'": "12:00:00.123456789",
    "['infinity'::DATE, DATE '2026-03-02']": ["infinity", "2026-03-02"],
    "{'a': 'infinity'::DATE}": {"a": "infinity"},
    "MAP {1: 'infinity'::DATE}": [[1, "infinity"]],
}
"""Dates and times that DuckDB has and Python has not."""


def test_dates_and_times_beyond_those_of_python(two):
    columns = ", ".join(f"{value} AS c{k}" for k, value in enumerate(BEYOND_PYTHON))
    (row,) = document("sql", f"SELECT {columns}", two)
    assert list(row.values()) == list(BEYOND_PYTHON.values())
    text = good("sql", f"SELECT {columns} UNION ALL SELECT {columns}", two, "--csv")
    assert "290000-01-01T00:00:00,290000-01-01T00:00:00.500000" in text


def test_columns_of_one_name_are_all_there(two):
    assert document("sql", "SELECT 1 AS a, 2 AS a, 3 AS a_1", two) == [
        {"a": 1, "a_1": 2, "a_1_1": 3}
    ]


def test_the_table_prints_null_and_nested_values(two):
    text = good("sql", "SELECT request_id, tpot_ms, envelope FROM requests ORDER BY 1", two)
    head, _, first, second, count = text.splitlines()
    assert head.split() == ["request_id", "tpot_ms", "envelope"]
    assert first.split(maxsplit=2)[:2] == ["0", "20"]
    assert '[{"token": 1, "time_ns": 100000000}' in first
    assert second.split()[1] == "NULL"
    assert count == "(2 rows)"


def test_no_rows(two):
    query = "SELECT run FROM requests WHERE false"
    assert good("sql", query, two).splitlines()[-1] == "(0 rows)"
    assert document("sql", query, two) == []
    assert good("sql", query, two, "--csv") == "run\n"


def test_csv(two):
    query = "SELECT request_id, tpot_ms, [1, 2] AS l FROM requests ORDER BY 1"
    rows = list(csv.reader(io.StringIO(good("sql", query, two, "--csv"))))
    assert rows == [["request_id", "tpot_ms", "l"], ["0", "20.0", "[1, 2]"], ["1", "", "[1, 2]"]]


def test_every_view_answers(two):
    """All of them in one query, which is one analysis."""
    views = [item for item in load_catalog() if item.public and item.kind == "view"]
    lists = ", ".join(f"(SELECT list(x) FROM {v.name} AS x) AS {v.name}" for v in views)
    (found,) = document("sql", f"SELECT {lists}", two, "--goodput", "ttft:500")
    for view in views:
        names = [column.name for column in view.columns]
        assert all(list(row) == names for row in found[view.name] or [])
    assert len(found["requests"]) == 2


def test_views_use_the_options_and_macros_their_own(two):
    query = "SELECT smooth_goodput FROM by_system"
    (by_option,) = document("sql", query, two, "--speed", 10, "--alpha", 1)
    (by_macro,) = document(
        "sql", "SELECT smooth_goodput FROM smooth_goodput(speed := 10, alpha := 1)", two
    )
    assert by_option == by_macro
    assert by_option != document("sql", query, two)[0]


def test_views_agree_with_analyze(repo):
    files = sorted((repo / "data").glob("*.parquet"))
    rows = document("sql", "FROM by_system_workload", *files, "--goodput", "ttft:500", "tpot:50")
    groups = document("analyze", *files, "--goodput", "ttft:500", "tpot:50")["groups"]
    for row, group in zip(rows, groups, strict=True):
        for name in ("requests", "smooth_goodput", "slo_attainment", "request_goodput"):
            assert row[name] == pytest.approx(group[name], rel=1e-12)


REFUSED = {
    "not SQL": ("SELEKT 1", "failed"),
    "no table": ("FROM nowhere", "nowhere"),
    "no column": ("SELECT nothing FROM requests", "nothing"),
    "two statements": ("SELECT 1; SELECT 2", "2 statements"),
    "none": ("", "0 statements"),
    "a change": ("CREATE TABLE t AS SELECT 1", "CREATE"),
    "a setting": ("SET threads = 1", "SET"),
    "a file": ("FROM read_text('/etc/hostname')", "files"),
    "a file by name": ("FROM '/etc/hostname'", "hostname"),
    "a copy": ("COPY requests TO 'out.csv'", "COPY"),
    "run time": ("SELECT 'x'::INTEGER", "x"),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_what_is_refused_is_one_line_and_exit_code_2(two, case):
    query, said = REFUSED[case]
    result = run("sql", query, two)
    refused(result, 2, said)
    assert result.stdout == ""


def test_a_wrong_statement_is_refused_before_anything_is_read(tmp_path):
    refused(run("sql", "DROP VIEW requests", tmp_path / "nowhere"), 2, "DROP")


def test_query_and_input_are_needed(two):
    refused(run("sql"), 2, "QUERY")
    refused(run("sql", "SELECT 1"), 2, "INPUT")
    refused(run("sql", "SELECT 1", two, "--json", "--csv"), 2, "--csv")
