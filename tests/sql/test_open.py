"""Opening: nothing is copied, nothing outside is reached, dimensions are carried."""

from __future__ import annotations

import datetime as dt

import duckdb
import pyarrow as pa
import pytest

from sgengine.errors import UsageError
from sgengine.schema import GAPS, REJECTS, REQUESTS, RUNS
from sgengine.views import open_views, run_query
from tests.sql.support import (
    DEFAULT_SETTINGS,
    delivery,
    measured,
    one,
    requests_table,
    rows_of,
    views,
)

ROW = measured([delivery(chunk_times_ns=[5])])


def labels(*values):
    return pa.array(values).dictionary_encode()


def test_dimensions_follow_the_columns_of_requests_in_their_own_types():
    con = views(ROW, dimensions={"model": labels("llama"), "turn": pa.array([3], pa.int16())})
    described = [
        (row["column_name"], row["column_type"]) for row in rows_of(con, "DESCRIBE requests")
    ]
    assert described[-2:] == [("model", "VARCHAR"), ("turn", "SMALLINT")]
    assert rows_of(con, "SELECT model, turn FROM requests") == [{"model": "llama", "turn": 3}]


def test_labels_are_varchar_also_with_different_dictionaries_in_the_chunks():
    first = requests_table(ROW)
    second = requests_table([ROW[0] | {"request_id": "1", "system": "t", "status": "failed"}])
    table = pa.concat_tables([first, second])
    con = open_views(table, GAPS.empty(), REJECTS.empty(), RUNS.empty(), DEFAULT_SETTINGS)
    found = rows_of(con, "SELECT system, status FROM requests ORDER BY request_id")
    assert found == [{"system": "s", "status": "ok"}, {"system": "t", "status": "failed"}]
    types = {row["column_name"]: row["column_type"] for row in rows_of(con, "DESCRIBE requests")}
    assert {types[name] for name in ("run", "system", "workload", "status", "clock")} == {"VARCHAR"}


def test_a_dimension_whose_name_is_taken_gets_a_suffix():
    dimensions = {
        "TTFT_MS": labels("a"),
        "arrival": labels("b"),
        "arrival_dim": labels("c"),
        "Model": labels("d"),
        "model": labels("e"),
    }
    con = views(ROW, dimensions=dimensions)
    row = rows_of(con, "SELECT * FROM requests")[0]
    names = ("TTFT_MS_dim", "arrival_dim", "arrival_dim_dim", "Model", "model_dim")
    assert [row[name] for name in names] == ["a", "b", "c", "d", "e"]
    assert (row["ttft_ms"], row["arrival"]) == (5e-6, dt.datetime(1970, 1, 1))  # noqa: DTZ001


def test_tables_are_scanned_in_place():
    rows = [ROW[0] | {"request_id": str(i)} for i in range(20_000)]
    table = pa.concat_tables([requests_table(rows)] * 5)
    before = pa.total_allocated_bytes()
    con = open_views(table, GAPS.empty(), REJECTS.empty(), RUNS.empty(), DEFAULT_SETTINGS)
    assert one(con, "(SELECT count(*) FROM requests)") == 100_000
    assert pa.total_allocated_bytes() - before < table.nbytes / 10
    held = one(con, "(SELECT sum(memory_usage_bytes) FROM duckdb_memory())")
    assert held < table.nbytes / 10


def test_the_clock_of_the_connection_is_utc():
    assert one(views([]), "current_setting('TimeZone')") == "UTC"


@pytest.mark.parametrize(
    "statement",
    [
        "SET enable_external_access = true",
        "SET threads = 1",
        "RESET lock_configuration",
        "INSTALL httpfs",
        "LOAD httpfs",
        "ATTACH 'x.db'",
        "COPY (SELECT 1) TO 'x.csv'",
        "SELECT * FROM read_csv('x.csv')",
        "SELECT * FROM 'x.parquet'",
        "EXPORT DATABASE 'x'",
    ],
)
def test_the_connection_itself_is_locked(statement, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("a\n1\n")
    with pytest.raises(duckdb.Error):
        views([]).execute(statement)
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_python_variables_are_not_seen():
    hidden = pa.table({"a": [1]})
    assert hidden.num_rows == 1
    with pytest.raises(UsageError, match="hidden does not exist"):
        run_query(views([]), "SELECT * FROM hidden")


def test_a_table_that_lacks_columns_is_refused():
    with pytest.raises(UsageError, match="table runs lacks source"):
        open_views(
            REQUESTS.empty(),
            GAPS.empty(),
            REJECTS.empty(),
            pa.table({"run": ["a"]}),
            DEFAULT_SETTINGS,
        )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"speed": 5}, "unknown speed"),
        ({"alpha": None}, "missing alpha"),
        ({"alpha": "much"}, "settings of the views"),
    ],
)
def test_wrong_settings_are_refused(change, said):
    with pytest.raises(UsageError, match=said):
        views([], chosen=change)


def test_other_connections_are_not_touched():
    views([])
    assert duckdb.connect().execute(
        "SELECT current_setting('enable_external_access')"
    ).fetchone() == (True,)
