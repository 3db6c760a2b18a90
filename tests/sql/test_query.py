"""run_query takes one statement that only reads, and says what is wrong in one line."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sgengine.errors import UsageError
from sgengine.views import run_query
from tests.sql.support import delivery, measured, rows_of, views

ROWS = measured(
    [
        delivery(request_id="0", chunk_times_ns=[5]),
        delivery(request_id="1", status="failed", chunk_times_ns=[]),
    ]
)


@pytest.fixture(scope="module")
def con():
    return views(ROWS)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM requests",
        "FROM by_system",
        "WITH a AS (SELECT 1 AS x) SELECT x FROM a;",
        "-- a comment\nSELECT 1",
        "DESCRIBE requests",
        "DESCRIBE SELECT 1",
        "SHOW TABLES",
        "SHOW ALL TABLES",
        "SUMMARIZE requests",
        "EXPLAIN SELECT * FROM requests",
        "EXPLAIN ANALYZE SELECT * FROM requests",
        "PIVOT requests ON status IN ('ok', 'failed') USING count(*) GROUP BY system",
        "VALUES (1), (2)",
        "UNPIVOT (SELECT ttft_ms, tpot_ms FROM requests) ON ttft_ms, tpot_ms",
    ],
)
def test_reading_statements_run(con, sql):
    assert run_query(con, sql).num_columns > 0


def test_pivot_finds_its_values_itself(con):
    found = rows_of(con, "PIVOT requests ON status USING count(*) GROUP BY system")
    assert found == [{"system": "s", "failed": 1, "ok": 1}]


def test_no_rows_keep_their_columns(con):
    table = run_query(con, "SELECT run, ttft_ms FROM requests WHERE false")
    assert (table.num_rows, table.column_names) == (0, ["run", "ttft_ms"])


REFUSED = [
    "COPY (SELECT 1) TO 'x.csv'",
    "COPY requests FROM 'x.csv'",
    "ATTACH 'x.db' AS x",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "SET threads = 1",
    "RESET threads",
    "USE memory",
    "CREATE TABLE x (a INTEGER)",
    "CREATE VIEW requests AS SELECT 1",
    "CREATE MACRO f(x) AS x",
    "DROP VIEW requests",
    "INSERT INTO measured_requests VALUES (1)",
    "DELETE FROM measured_requests",
    "UPDATE measured_requests SET run = 'x'",
    "ALTER VIEW requests RENAME TO x",
    "CALL duckdb_settings()",
    "CHECKPOINT",
    "VACUUM",
    "EXPORT DATABASE 'x'",
    "BEGIN",
    "PREPARE p AS SELECT 1",
    "SET VARIABLE x = 1",
    "EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1",
    "EXPLAIN ANALYZE DROP VIEW requests",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO 'x.csv'",
    "WITH x AS (INSERT INTO measured_requests SELECT * FROM measured_requests RETURNING *) FROM x",
    "SELECT * FROM read_csv('x.csv')",
    "SELECT * FROM read_text('x.csv')",
    "SELECT * FROM read_blob('x.csv')",
    "SELECT * FROM read_parquet('x.parquet')",
    "SELECT * FROM read_json('x.json')",
    "SELECT * FROM 'x.csv'",
    "SELECT * FROM glob('*')",
    "SELECT * FROM sniff_csv('x.csv')",
    "SELECT * FROM read_csv('https://example.org/x.csv')",
    "SELECT * FROM query('CREATE TABLE y (a INTEGER)')",
    "FROM enable_logging(storage := 'file', storage_path := 'log')",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW requests",
    "",
    "  -- nothing",
    "SELEC 1",
    "SELECT nothing FROM requests",
    "SELECT * FROM nowhere",
    "SELECT error('a' || chr(10) || 'b')",
    "SELECT CAST('a' AS INTEGER)",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_everything_else_is_refused_in_one_line(con, sql, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("a\n1\n")
    with pytest.raises(UsageError) as caught:
        run_query(con, sql)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("the query ")
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
    assert run_query(con, "SELECT * FROM requests").num_rows == 2


def test_what_is_wrong_is_named(con):
    with pytest.raises(UsageError, match='column "nothing" not found'):
        run_query(con, "SELECT nothing FROM requests")
    with pytest.raises(UsageError, match="holds 2 statements"):
        run_query(con, "SELECT 1; SELECT 2")
    with pytest.raises(UsageError, match="is a COPY statement"):
        run_query(con, "COPY (SELECT 1) TO 'x.csv'")
    with pytest.raises(UsageError, match="no files"):
        run_query(con, "SELECT * FROM read_text('x')")


def test_sums_of_integers_are_int64_where_they_fit(con):
    table = run_query(
        con, "SELECT sum(n_output_tokens) AS n, sum(9223372036854775807) AS m FROM requests"
    )
    assert table.schema.types == [pa.int64(), pa.decimal128(38, 0)]
    assert table.to_pylist() == [{"n": 1, "m": 2 * (2**63 - 1)}]


def test_a_query_that_is_no_unicode_is_refused(con):
    with pytest.raises(UsageError, match="the query is not valid Unicode"):
        run_query(con, "SELECT '\udcff'")
