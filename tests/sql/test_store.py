"""SQL over real stores: what it says, what it reads, and that it can do nothing else."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import warnings
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

import sgengine
from sgengine.analyze.stored_files import Wanted
from sgengine.errors import DataError, UsageError
from sgengine.schema import CLASSES, GAPS
from sgengine.store import Store
from sgengine.views import StoreConnection, check_query
from sgengine.views import query as query_module
from tests.sql.stored import DAY_NS, class_row, commit, day, small_night, small_store, start_of
from tests.sql.support import MS, S, delivery, measured


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("made") / "results")


@pytest.fixture
def store(made, tmp_path):
    """A copy of its own."""
    return Store.open(shutil.copytree(made.root, tmp_path / "results"))


def rows(connection, query):
    return connection.sql(query).fetchall()


def test_nights_are_days_of_their_own(store):
    with sgengine.connect(store.root) as con:
        found = rows(con, "SELECT day, requests, duration_s, ttft_p50_ms FROM by_night")
        assert found == [(day(n), 1, 86400.0, 100.0 + 100 * n) for n in range(3)]
        assert rows(con, "SELECT requests, duration_s FROM by_system") == [(3, 3 * 86400.0)]
        assert rows(con, "SELECT count(*), count(DISTINCT commit_id) FROM requests") == [(3, 3)]
        assert rows(con, "SELECT run, day, duration_s FROM runs") == [
            ("r", day(n), 0.3 + 0.1 * n) for n in range(3)
        ]
        assert rows(con, "FROM invariants") == []


def test_equal_names_of_two_nights_never_meet(store):
    with sgengine.connect(store) as con:
        joined = "FROM scored(5) AS s JOIN requests AS r USING (commit_id, run, request_id)"
        assert rows(con, f"SELECT count(*) {joined}") == [(3,)]
        assert rows(
            con, "SELECT max(n) FROM (SELECT count(*) AS n FROM runs GROUP BY commit_id)"
        ) == [(1,)]


def test_trend_and_nights(store):
    with sgengine.connect(store) as con:
        found = rows(
            con,
            "SELECT day, value, previous_day, previous, change, change_percent FROM trend "
            "WHERE figure = 'ttft_p50_ms'",
        )
        assert found == [
            (day(0), 100.0, None, None, None, None),
            (day(1), 200.0, day(0), 100.0, 100.0, 100.0),
            (day(2), 300.0, day(1), 200.0, 100.0, 50.0),
        ]
        assert rows(con, "SELECT job, day, seq, requests, zone FROM nights") == [
            ("nightly", day(n), 1, 1, "UTC") for n in range(3)
        ]


def test_settings_are_those_of_the_newest_night_or_the_callers(tmp_path):
    store = Store.create(tmp_path / "s")
    commit(store, 0, small_night(0))
    commit(store, 1, small_night(1), settings={"reader_pace_ns": 50 * MS, "reader_first_ns": MS})
    adhoc = {"reader_pace_ns": 7, "reader_first_ns": 7}
    commit(store, 1, small_night(1), job="zz", has_bounds=False, settings=adhoc)
    pace = "SELECT reader_first_ns, reader_pace_ns, max_ttft_ns FROM measured_settings"
    assert rows(sgengine.connect(store), pace) == [(MS, 50 * MS, None)]
    assert rows(sgengine.connect(store, until=day(0)), pace) == [(200 * MS, 200 * MS, None)]
    assert rows(sgengine.connect(store, goodput="ttft:150"), pace) == [(MS, 50 * MS, 150 * MS)]
    assert rows(sgengine.connect(store, speed=10), pace) == [(100 * MS, 100 * MS, None)]


def test_late_tokens_are_unknown_for_another_reader(tmp_path):
    store = Store.create(tmp_path / "s")
    commit(store, 0, small_night(0))
    (known,) = rows(sgengine.connect(store), "SELECT token_attainment FROM by_system")
    other = "SELECT token_attainment, user_idle_latency_max_ms FROM by_system"
    ((share, idle),) = rows(sgengine.connect(store, speed=10), other)
    assert known == (pytest.approx(2 / 3),)
    assert (share, idle) == (None, 400.0)  # 700 ms - 3 x 100 ms


def test_classes_have_settings_of_their_own(tmp_path):
    store = Store.create(tmp_path / "s")
    requests = measured(
        [
            delivery(
                request_id=str(i),
                workload=name,
                arrival_ns=start_of(day(0)) + i,
                chunk_times_ns=[100 * MS],
            )
            for i, name in enumerate(("chat", "chat", "batch"))
        ]
    )
    classes = [
        class_row(0, "gold", 1, workload="chat", tenant="acme", max_ttft_ns=50 * MS),
        class_row(0, "chat", 2, workload="chat", max_ttft_ns=200 * MS),
    ]
    commit(
        store,
        0,
        requests,
        dimensions={"tenant": pa.array(["acme", "other", "acme"])},
        classes=pa.Table.from_pylist(classes, CLASSES.schema()),
    )
    found = rows(
        sgengine.connect(store),
        "SELECT class, requests, attained, slo_attainment, smooth_goodput * 86400 FROM slo_by_class",
    )
    assert found == [
        ("chat", 1, 1, 1.0, 1.0),
        ("gold", 1, 0, 0.0, 1.0),
        (None, 1, None, None, None),
    ]


def test_itl_percentiles_merge_the_hours(tmp_path):
    store = Store.create(tmp_path / "s")
    gap = {"run": "r", "system": "s", "workload": "w", "itl_rule": "chunk"}
    gaps = [
        gap | {"hour_ns": start_of(day(0)) + h, "bucket": b, "count": 1}
        for h, b in ((0, 9), (S, 11))
    ]
    commit(store, 0, small_night(0), gaps=pa.Table.from_pylist(gaps, GAPS.schema()))
    (row,) = rows(
        sgengine.connect(store),
        "SELECT n_itl, itl_min_approx_ms, itl_p50_approx_ms, itl_max_approx_ms FROM itl_percentiles",
    )
    assert row == (2, 9.5e-6, 10.5e-6, 11.5e-6)


ODD = ("a b", "llama/70b", "50%", "ü", "o'neil", 'say "x"', "#?{}", "7", "None")


def test_odd_names_are_kept(tmp_path):
    store = Store.create(tmp_path / "st[o]re* o'x")
    requests = measured(
        [
            delivery(request_id=name, system=name, workload=name, arrival_ns=start_of(day(0)))
            | {"chunk_times_ns": [5]}
            for name in ODD
        ]
    )
    commit(store, 0, requests, job="job/1 %")
    with sgengine.connect(store.root) as con:
        assert sorted(
            rows(con, "SELECT system, workload, request_id, job FROM requests")
        ) == sorted((name, name, name, "job/1 %") for name in ODD)


def test_dimensions_come_as_they_grow(tmp_path):
    store = Store.create(tmp_path / "s")
    commit(store, 0, small_night(0))
    commit(store, 1, small_night(1), dimensions={"model": pa.array(["llama"])})
    commit(store, 2, small_night(2), dimensions={"turn": pa.array([3])})
    with sgengine.connect(store) as con:
        found = rows(con, "SELECT day, model, turn FROM requests ORDER BY day")
        assert found == [(day(0), None, None), (day(1), "llama", None), (day(2), None, 3)]
        assert rows(con, "SELECT requests FROM by_workload") == [(3,)]


def test_an_empty_store_answers(tmp_path):
    with sgengine.connect(Store.create(tmp_path / "s")) as con:
        for name in (
            "requests",
            "by_system",
            "by_night",
            "trend",
            "slo_by_class",
            "nights",
            "stalls",
        ):
            assert rows(con, f"FROM {name}") == []
        assert rows(con, "FROM invariants") == []


def test_a_night_without_requests_is_a_night(tmp_path):
    store = Store.create(tmp_path / "s")
    commit(store, 0, [])
    with sgengine.connect(store) as con:
        assert rows(con, "SELECT day, requests FROM nights") == [(day(0), 0)]
        assert rows(con, "FROM by_night") == rows(con, "FROM invariants") == []


# --- Which version, and which nights -------------------------------------------------------------


def test_a_connection_stays_at_its_version_until_it_is_refreshed(store):
    con = sgengine.connect(store)
    before = con.version
    commit(store, 3, small_night(3))
    commit(store, 0, small_night(0, [900]))
    assert rows(con, "SELECT max(ttft_ms), count(*) FROM requests") == [(300.0, 3)]
    assert con.refresh().version == before + 2
    assert rows(con, "SELECT max(ttft_ms), count(*) FROM requests") == [(900.0, 4)]
    old = sgengine.connect(store, at=before)
    assert rows(old, "SELECT max(ttft_ms), count(*) FROM requests") == [(300.0, 3)]
    assert old.refresh().version == before


def test_a_time_names_the_version_before_it(store):
    now = dt.datetime.now(dt.UTC)
    commit(store, 3, small_night(3))
    count = "SELECT count(*) FROM requests"
    assert rows(sgengine.connect(store, at=now), count) == [(3,)]
    assert rows(sgengine.connect(store, at=now.isoformat()), count) == [(3,)]
    with pytest.raises(UsageError, match="give a version, as in 12"):
        sgengine.connect(store, at="yesterday")


def test_nights_can_be_chosen(store):
    count = "SELECT count(*) FROM requests"
    assert rows(sgengine.connect(store, day=day(1)), count) == [(1,)]
    assert rows(sgengine.connect(store, since=str(day(1))), count) == [(2,)]
    assert rows(sgengine.connect(store, job="nightly", until=day(1)), count) == [(2,)]
    with pytest.raises(UsageError, match="has no night of job other"):
        sgengine.connect(store, job="other")
    con = sgengine.connect(store, day=day(1))
    assert rows(con, "SELECT day FROM nights") == rows(con, "SELECT day FROM runs") == [(day(1),)]


def test_what_is_for_a_store_is_refused_for_a_trace(repo):
    trace = sgengine.measure(sgengine.read(repo / "data" / "delayed.parquet"))
    with pytest.raises(UsageError, match="at is for a store"):
        sgengine.connect(trace, at=1)


def test_a_path_that_is_no_store_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is no store"):
        sgengine.connect(tmp_path)


def test_a_folder_named_like_a_partition_is_refused(tmp_path):
    store = small_store(tmp_path / "day=2020-01-01" / "s", nights=1)
    with pytest.raises(UsageError, match="rename it"):
        sgengine.connect(store)
    other = small_store(tmp_path / "env=prod" / "s", nights=1)
    assert "env" not in sgengine.connect(other).sql("FROM requests").columns


def test_a_store_may_be_moved(store, tmp_path):
    shutil.move(store.root, tmp_path / "elsewhere")
    with sgengine.connect(tmp_path / "elsewhere") as con:
        assert rows(con, "SELECT count(*) FROM requests") == [(3,)]


# --- Nothing but reading -------------------------------------------------------------------------


REFUSED = [
    "COPY (SELECT 1 AS a) TO '{file}'",
    "COPY requests TO '{file}'",
    "COPY requests TO '{root}/new.parquet'",
    "WITH x AS (COPY requests TO '{file}') FROM x",
    "EXPLAIN ANALYZE COPY (SELECT 1 AS a) TO '{file}'",
    "SELECT * FROM query('COPY requests TO ''{file}''')",
    "ATTACH '{root}/x.db'",
    "ATTACH '{file}' AS x",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET VARIABLE sg_job = 'other'",
    "RESET lock_configuration",
    "PRAGMA enable_profiling",
    "CALL enable_logging()",
    "FROM enable_logging(storage := 'file', storage_path := '{file}')",
    "FROM enable_profiling(save_location := '{file}')",
    "EXPORT DATABASE '{root}/x'",
    "CREATE TABLE x AS FROM requests",
    "CREATE OR REPLACE VIEW requests AS SELECT 1",
    "DROP VIEW requests",
    "DELETE FROM requests",
    "SELECT getenv('HOME')",
    "FROM read_text('/etc/passwd')",
    "FROM read_text('{root}/_sgengine/store.json')",
    "FROM read_text('{root}/requests/_delta_log/00000000000000000000.json')",
    "FROM read_text('{file}/../../../../../_delta_log/00000000000000000000.json')",
    "FROM glob('/etc/*')",
    "FROM read_csv('https://example.org/x.csv')",
    "SELECT 1; COPY requests TO '{file}'",
    "WITH x AS (COPY requests TO '{file}' (FORMAT parquet, USE_TMP_FILE false)) FROM x",
    "WITH x AS (/**/copy/**/requests TO '{file}') SELECT 'ü' FROM x",
    "EXPLAIN ANALYZE COPY requests TO '{file}' (FORMAT parquet, USE_TMP_FILE false)",
    "EXPLAIN /* */ ANALYZE WITH x AS (COPY requests TO '{file}') FROM x",
    "EXPLAIN (ANALYZE, FORMAT json) COPY requests TO '{file}'",
    "FROM query('WITH x AS (COPY requests TO ''{file}'') FROM x')",
]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 'copy', \"copy\", copy_x FROM requests -- copy",
        "EXPLAIN ANALYZE SELECT 1 /* COPY */",
        "EXPLAIN (ANALYZE, FORMAT json) FROM requests",
        "EXPLAIN (SELECT 1)",
        "EXPLAIN PIVOT requests ON status USING count(*)",
    ],
)
def test_the_word_copy_may_be_a_text_or_a_name(query):
    check_query(query)


@pytest.fixture(scope="module")
def shared(made):
    with sgengine.connect(made) as con:
        yield made, con


@pytest.mark.parametrize("statement", REFUSED)
def test_a_store_is_only_read(shared, statement):
    """As root, for whom mode 0444 is no obstacle, too: no file of the store changes, none is made."""
    store, con = shared
    before = content(store.root)
    file = store.snapshot().uris("requests")[0]
    with pytest.raises(UsageError) as caught:
        con.sql(statement.format(file=file, root=store.root))
    assert "\n" not in str(caught.value)
    assert rows(con, "SELECT count(*) FROM requests") == [(3,)]
    assert content(store.root) == before


def content(root):
    """Every file below a folder with the hash of its bytes."""
    files = (path for path in Path(root).rglob("*") if path.is_file())
    return {path: sha256(path.read_bytes()).digest() for path in files}


def test_files_that_can_be_named_are_those_of_its_own_folders(store):
    """Of a job, dropped ones too; where nights are chosen, of those; and never any other."""
    dropped = store.snapshot().uris("requests")
    commit(store, 1, small_night(1, [900]))
    (gone,) = set(dropped) - set(store.snapshot().uris("requests"))
    with sgengine.connect(store) as con:
        assert rows(con, f"SELECT max(ttft_ns) FROM '{gone}'") == [(200 * MS,)]
        assert rows(con, "SELECT max(ttft_ms) FROM requests") == [(900.0,)]
    with sgengine.connect(store, day=day(2)) as con:
        with pytest.raises(UsageError, match="no files"):
            con.sql(f"FROM '{gone}'")
        assert rows(con, "SELECT max(ttft_ms) FROM requests") == [(300.0,)]


def test_queries_leave_the_warnings_of_the_process_alone(shared, monkeypatch):
    """Threads share them: what one silences for a while, another may leave silenced for ever."""
    _, con = shared
    monkeypatch.setattr(warnings, "catch_warnings", lambda *_, **__: pytest.fail("not of a thread"))
    before = list(warnings.filters)
    assert rows(con, "SELECT count(*) FROM requests") == [(3,)]
    assert warnings.filters == before


def test_queries_run_without_the_function_that_warns_of_nothing(shared, monkeypatch):
    """It is not DuckDB's public one: a version may lack it, and then queries take the longer way."""
    _, con = shared
    assert callable(con._con._result_as_arrow)
    query = "SELECT day, ttft_ms FROM requests ORDER BY day"
    plain = SimpleNamespace(sql=con._con.sql)
    assert query_module._bound_once(plain, query) == con.sql(query).to_arrow_table()


def test_a_file_that_is_gone_is_damage(store):
    with sgengine.connect(store) as con:
        Path(store.snapshot().uris("requests")[0]).unlink()
        with pytest.raises(DataError, match="sgengine check"):
            con.sql("SELECT max(ttft_ns) FROM requests")


# --- Pruning -------------------------------------------------------------------------------------


SCANNED = re.compile(r"Scanning Files: (\d+)/(\d+)")


@pytest.fixture(scope="module")
def partitioned(tmp_path_factory):
    """A connection to a store of three nights, two systems and two workloads: twelve files."""
    store = Store.create(tmp_path_factory.mktemp("partitioned") / "s")
    for number in range(3):
        every = [
            row
            for s in range(2)
            for w in range(2)
            for row in small_night(number, request_id=f"{s}{w}", system=f"s {s}", workload=f"w {w}")
        ]
        commit(store, number, every)
    with StoreConnection(store) as con:
        yield con


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("SELECT max(ttft_ms) FROM requests WHERE day = '{day}'", 4),
        ("SELECT max(ttft_ms) FROM requests WHERE day = '{day}' AND system = 's 1'", 2),
        ("SELECT max(ttft_ms) FROM requests WHERE workload = 'w 0' AND day >= '{day}'", 4),
        ("FROM by_night WHERE day = '{day}'", 4),
        ("FROM by_night WHERE day = '{day}' AND system = 's 0' AND workload = 'w 1'", 1),
        ("SELECT max(idle_ms) FROM scored(20) WHERE day = '{day}'", 4),
        ("FROM stalls WHERE day = '{day}'", 4),
        ("FROM slo_by_class WHERE day = '{day}'", 4),
    ],
)
def test_filters_reach_the_files(partitioned, query, read):
    plan = rows(partitioned, "EXPLAIN " + query.format(day=day(1)))[0][1]
    assert ("12") in {every for _, every in SCANNED.findall(plan)}, plan
    assert max(int(some) for some, every in SCANNED.findall(plan) if every == "12") == read


def test_a_night_of_bounds_counts_once_for_many_runs(tmp_path):
    store = Store.create(tmp_path / "s")
    every = [row for run in "abc" for row in small_night(0, run=run)]
    commit(store, 0, every)
    commit(store, 1, [row for run in "abc" for row in small_night(1, run=run)], has_bounds=False)
    with sgengine.connect(store) as con:
        assert rows(con, "SELECT duration_s FROM by_night") == [(DAY_NS / S,), (2.1,)]
        assert rows(con, "SELECT duration_s FROM smooth_goodput(5)") == [(DAY_NS / S + 2.1,)]


def test_wanted_systems_and_workloads(tmp_path):
    store = Store.create(tmp_path / "s")
    commit(store, 0, [row for s in "ab" for row in small_night(0, system=s, request_id=s)])
    con = StoreConnection(store, wanted=Wanted(system="a"))
    assert rows(con, "SELECT system FROM requests") == [("a",)]
