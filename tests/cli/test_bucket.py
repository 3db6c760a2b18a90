"""Every verb that reads a store, over a copy of it in an S3 server: the same answers, and only reading."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import obstore
import pyarrow.parquet as pq
import pytest

import sgengine
from sgengine.errors import DataError, UsageError
from sgengine.sql import load_catalog
from sgengine.store import DataFile, Store
from sgengine.views import StoreConnection, publish
from tests.cli.support import good, process, refused, run, same, strict
from tests.engine.make import random_rows
from tests.gate import nights
from tests.gate.nights import FIRST
from tests.nightly import support as jobs
from tests.s3 import BUCKET, Server, leading_to

ODD = (
    "a b",
    "llama/70b",
    "50%",
    "%2F",
    "ü",
    "日本",
    "o'neil",
    'say "x"',
    "#?&{}+=",
    "..",
    "7",
    "None",
)
GOODPUT = ("--goodput", "ttft:500", "tpot:50")
QUERIES = {
    **{item.name: item.name for item in load_catalog() if item.kind == "view"},
    "_group_figures": "_group_figures(true, true, true, true)",
    "_scored": "_scored((SELECT s FROM measured_settings AS s))",
    "scored": "scored(20, 1, max_ttft_ms := 300, penalty := 'fraction', tau_s := 10)",
    "smooth_goodput": "smooth_goodput(7, 1.5, unfinished_idle_s := 2)",
    "goodput": "goodput(500, 50, speed := 20)",
    "user_idle_latency_ms": "(SELECT user_idle_latency_ms(r.envelope, 100, 50) FROM requests AS r)",
    "speed_pace_ns": "(SELECT speed_pace_ns(7))",
    "idle_penalty": "(SELECT idle_penalty('fraction', r.ttft_ms, 3, 10) FROM requests AS r)",
}
"""What is asked of every view and macro but the internal scalar ones, by its name."""

EMPTY = ("rejects",)
FIRST_ASKED = ("requests", "by_night", "itl_percentiles", "runs", "scored")
"""Those that ``make test`` asks; the others are slow."""


@dataclass(frozen=True)
class Twice:
    """A store, and its copy in a bucket."""

    local: str
    bucket: str

    def told(self, *words: object) -> list[object]:
        """The document that a verb prints of each (``...`` is the store), whatever the store is called."""
        found = []
        for root in (self.local, self.bucket):
            printed = run(*(root if word is ... else word for word in words), "--json").stdout
            found.append(strict(printed.replace(root, "STORE")))
        return found


def day(number: int) -> date:
    return FIRST + timedelta(number)


def rows_of(number: int, count: int) -> list[dict]:
    """Requests of every shape."""
    rows = random_rows(count, seed=number)
    for k, row in enumerate(rows):
        row |= {"clock": "unix", "arrival_ns": nights.start_ns(day(number)) + k * 10**9}
    return rows


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory, s3_server: Server) -> Twice:
    """Two nights of a job, one of them with a dimension more, and a night of odd names."""
    store = nights.empty_store(tmp_path_factory.mktemp("twice"))
    nights.commit(store, day(0), rows_of(0, 30))
    nights.commit(store, day(1), rows_of(1, 30), dimensions=("tenant",))
    named = [
        row | {"system": name, "workload": name, "run": name}
        for name, row in zip(ODD, rows_of(2, len(ODD)), strict=True)
    ]
    nights.commit(store, day(0), named[:3], job="a job/ü%")
    nights.commit(store, day(0), named, job="a job/ü%")
    publish(store.snapshot())
    return Twice(store.root, s3_server.upload(store.root, "twice"))


@pytest.fixture
def own(twice: Twice, s3: Server, tmp_path: Path, request: pytest.FixtureRequest) -> Twice:
    """The same for a test that changes it."""
    local = shutil.copytree(twice.local, tmp_path / "store")
    return Twice(str(local), s3.upload(twice.local, request.node.name.replace("[", "/").strip("]")))


@pytest.fixture(scope="module")
def local(twice: Twice) -> Iterator[StoreConnection]:
    with sgengine.connect(twice.local) as con:
        yield con


@pytest.fixture(scope="module")
def bucket(twice: Twice, s3_server: Server) -> Iterator[StoreConnection]:
    with leading_to(s3_server), sgengine.connect(twice.bucket) as con:
        yield con


def alike(one: object, other: object) -> bool:
    """Equal, floats to 1e-12 relative, however deep."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return same(one, other)


# --- The same answers -----------------------------------------------------------------------------


def test_every_view_and_macro_is_asked() -> None:
    asked = {item.name for item in load_catalog() if item.public or item.kind != "scalar macro"}
    assert asked == QUERIES.keys()


@pytest.mark.parametrize(
    "name",
    [n if n in FIRST_ASKED else pytest.param(n, marks=pytest.mark.slow) for n in QUERIES],
)
def test_views_and_macros(local: StoreConnection, bucket: StoreConnection, name: str) -> None:
    query = f"FROM {QUERIES[name]} ORDER BY ALL"
    one, other = (con.sql(query).to_arrow_table() for con in (local, bucket))
    assert one.schema == other.schema
    assert alike(one.to_pylist(), other.to_pylist())
    assert (one.num_rows > 0) == (name not in EMPTY)


def test_names_are_kept(bucket: StoreConnection) -> None:
    query = "SELECT DISTINCT system, workload, run FROM requests WHERE job = 'a job/ü%'"
    assert sorted(bucket.sql(query).fetchall()) == sorted((name, name, name) for name in ODD)
    for name in ODD:
        of = name.replace("'", "''")
        found = bucket.sql(f"SELECT DISTINCT run FROM requests WHERE system = '{of}'").fetchall()
        assert found == [(name,)]


@pytest.mark.slow
def test_an_older_version_and_a_refresh(own: Twice) -> None:
    count = "SELECT count(*) FROM requests"
    with sgengine.connect(own.bucket) as con:
        with sgengine.connect(own.bucket, at=con.version - 1) as old:
            assert old.sql(count).fetchall() == [(63,)]
        nights.commit(Store.open(own.bucket), day(5), rows_of(5, 4))
        assert con.sql(count).fetchall() == [(72,)]
        assert con.refresh().sql(count).fetchall() == [(76,)]


VERBS = {
    "sql": ("sql", "SELECT * FROM by_night", ..., "--since", day(1)),
    "sql of a version": ("sql", "SELECT job, day, requests FROM nights", ..., "--at", "2"),
    "analyze": ("analyze", ..., *GOODPUT, "--by", "system,workload,night"),
    "analyze of another reader": ("analyze", ..., "--speed", "20", "--by", "tenant"),
    "capacity": ("capacity", ..., *GOODPUT),
    "check": ("check", ...),
    "gate": ("gate", ..., "--day", day(1), "--min-nights", "1"),
    "vacuum": ("vacuum", ..., "--retention", "0d", "--dry-run"),
}


@pytest.mark.parametrize(
    "verb",
    [v if v == "sql" else pytest.param(v, marks=pytest.mark.slow) for v in VERBS],
)
def test_verbs(twice: Twice, s3: Server, verb: str) -> None:
    one, other = twice.told(*VERBS[verb])
    assert one
    assert alike(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parquet", "csv", "json", "prometheus"])
def test_exports(twice: Twice, s3: Server, tmp_path: Path, kind: str) -> None:
    """Byte by byte: figures do not depend on the order in which files come."""
    found = []
    for number, root in enumerate((twice.local, twice.bucket)):
        folder = tmp_path / str(number)
        folder.mkdir()
        to = folder / ("to.prom" if kind == "prometheus" else "tables")
        words = [] if kind == "prometheus" else ["--by", "night,tenant"]
        good("export", root, "--to", to, "--format", kind, *words)
        files = (file for file in folder.rglob("*") if file.is_file())
        found.append({str(file.relative_to(folder)): file.read_bytes() for file in files})
    assert found[0] == found[1]
    assert found[0]


@pytest.mark.slow
def test_the_duckdb_file(twice: Twice, s3: Server, tmp_path: Path) -> None:
    found = []
    for number, root in enumerate((twice.local, twice.bucket)):
        file = tmp_path / f"{number}.duckdb"
        good("export", root, "--to", file, "--by", "system")
        with duckdb.connect(str(file), read_only=True) as con:
            names = sorted(name for (name,) in con.execute("SHOW TABLES").fetchall())
            found.append({name: con.execute(f"FROM {name}").fetchall() for name in names})
    assert alike(*found)
    assert "figures" in found[0]


@pytest.mark.slow
def test_the_nightly_job_and_its_outputs(s3: Server, tmp_path: Path) -> None:
    """Committed, exported, skipped when it runs again, and judged."""
    more = """
[[output]]
format = "parquet"
path = "out/{day}"
[[output]]
format = "prometheus"
path = "out/newest.prom"
"""
    outputs = []
    for place in ("store", f"s3://{BUCKET}/nightly/store"):
        folder = tmp_path / place.replace("/", "_")
        folder.mkdir()
        path = jobs.config(folder, more=more)
        path.write_text(path.read_text().replace('path = "store"', f'path = "{place}"'))
        events = [e for k in range(20) for e in jobs.request(f"r{k}", jobs.START + k * jobs.HOUR)]
        jobs.write_logs(folder, [*events, *jobs.request("next", jobs.START + 24 * jobs.HOUR)])
        assert "1 committed (20 requests" in good("nightly", "--config", path, "--day", jobs.DAY)
        assert "1 unchanged" in good("nightly", "--config", path, "--day", jobs.DAY)
        tables = (folder / "out" / str(jobs.DAY)).glob("*.parquet")
        outputs.append({table.name: pq.read_table(table).to_pylist() for table in tables})
        assert "time_to_first_token" in (folder / "out" / "newest.prom").read_text()
    for tables in outputs:
        for row in tables["nights.parquet"]:
            for name in ("commit_id", "committed_at", "input_digest", "settings"):
                del row[name]
    for name in outputs[0]:
        assert alike(outputs[0][name], outputs[1][name]), name


@pytest.mark.slow
def test_vacuum(own: Twice) -> None:
    """What goes is what goes of the local copy, and every verb answers as before."""
    before = own.told("analyze", ..., "--by", "job")
    gone, same_gone = own.told("vacuum", ..., "--retention", "0d")
    assert gone == same_gone
    assert len(gone["files"]) > 3
    assert own.told("vacuum", ..., "--retention", "0d")[1]["files"] == []
    after = own.told("analyze", ..., "--by", "job")
    assert [found["groups"] for found in after] == [found["groups"] for found in before]
    assert run("check", own.bucket).exit_code == 0
    refused(run("sql", "FROM nights", own.bucket, "--at", "2"), 2, "version 2 is not in the store")


# --- Which objects are fetched --------------------------------------------------------------------


def on(number: int, **more: str):
    def has(file: DataFile) -> bool:
        _, of, system, workload = file.values
        return of == str(day(number)) and (system, workload) == (
            more.get("system", system),
            more.get("workload", workload),
        )

    return has


@pytest.mark.parametrize(
    ("query", "has"),
    [
        ("SELECT max(ttft_ms) FROM requests WHERE day = '{}'", on(1)),
        (
            "SELECT max(ttft_ms) FROM requests WHERE day = '{}' AND system = 'slow'",
            on(1, system="slow"),
        ),
        ("FROM by_night WHERE day = '{}' AND workload = 'chat'", on(1, workload="chat")),
        ("SELECT max(idle_ms) FROM scored(20) WHERE day = '{}'", on(1)),
    ],
)
def test_filters_reach_the_objects(bucket: StoreConnection, s3: Server, query: str, has) -> None:
    with s3.asked() as asked:
        bucket.sql(query.format(day(1)))
    expected = {f"twice/{f.path}" for f in bucket.snapshot.files["requests"] if has(f)}
    assert 0 < len(expected) < 8
    assert {key for _, key in asked if key.startswith("twice/requests/")} == expected
    assert {how for how, _ in asked} == {"GET"}  # sizes are known from the log


@pytest.mark.slow
def test_chosen_nights_and_systems_are_all_that_is_fetched(
    twice: Twice, bucket: StoreConnection, s3: Server
) -> None:
    has = on(1, system="fast")
    with s3.asked() as asked:
        query = "SELECT max(ttft_ms) FROM requests"
        good("sql", query, twice.bucket, "--day", day(1), "--system", "fast")
    wanted = {f"twice/{file.path}" for file in bucket.snapshot.files["requests"] if has(file)}
    found = {key for _, key in asked if key.startswith("twice/requests/job=")}
    assert wanted <= found
    assert len(found - wanted) <= 2  # of each set of columns one file is looked at for their types


# --- Nothing but reading --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "COPY requests TO '{root}/new.parquet'",
        "COPY requests TO '{file}'",
        "WITH x AS (COPY requests TO '{file}') FROM x",
        "FROM read_parquet('{file}')",
        "FROM '{file}'",
        "FROM '/etc/passwd'",
        "FROM glob('{root}/**')",
        "ATTACH '{root}/x.db'",
        "CREATE SECRET (TYPE s3, KEY_ID 'a', SECRET 'b')",
        "INSTALL httpfs",
        "DROP VIEW requests",
        "FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    ],
)
def test_a_bucket_is_only_read(bucket: StoreConnection, s3: Server, statement: str) -> None:
    words = {"root": bucket.snapshot.root, "file": bucket.snapshot.uris("requests")[0]}
    with s3.asked() as asked, pytest.raises(UsageError) as caught:
        bucket.sql(statement.format(**words))
    assert "\n" not in str(caught.value)
    assert asked == set()


@pytest.mark.slow
def test_reading_writes_nothing(twice: Twice, s3: Server) -> None:
    before = s3.content("twice")
    with s3.asked() as asked:
        good("analyze", twice.bucket)
        good("sql", "FROM by_night", twice.bucket)
    assert {how for how, _ in asked} <= {"GET", "HEAD"}
    assert s3.content("twice") == before


# --- What goes wrong ------------------------------------------------------------------------------

MANY = """
import sys, sgengine
with sgengine.connect(sys.argv[1]) as con:
    for _ in range(60):
        con.sql("SELECT max(r.ttft_ms), max(s.idle_ms) FROM requests AS r JOIN scored(20) AS s USING (run)")
"""


@pytest.mark.slow
def test_no_scan_waits_for_another(twice: Twice, s3: Server) -> None:
    """For ever: Arrow's threads, if a client in Python read for them, would need what the scan holds."""
    command = [sys.executable, "-c", MANY, twice.bucket]
    subprocess.run(command, check=True, timeout=300)


BROKEN = {
    "sql": ("sql", "SELECT max(ttft_ms) FROM requests", ...),
    "analyze": ("analyze", ...),
    "export": ("export", ..., "--to", "out"),
    "gate": ("gate", ..., "--day", day(1), "--min-nights", "1"),
    "check": ("check", ...),
}


@pytest.mark.slow
def test_an_object_that_is_gone_is_told_in_one_line(
    own: Twice, s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gone = Store.open(own.bucket).snapshot().files["requests"][-1]
    obstore.delete(s3.client(own.bucket.removeprefix(f"s3://{BUCKET}/")), gone.path)
    for verb, words in BROKEN.items():
        result = run(*(own.bucket if word is ... else word for word in words))
        if verb == "check":
            assert result.exit_code == 1
            assert "file_missing" in result.stdout
        else:
            refused(result, 1, gone.path.rpartition("/")[2], "sgengine check")
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())
    with (
        sgengine.connect(own.bucket) as con,
        pytest.raises(DataError, match=r"NO_SUCH_KEY|NOT_FOUND"),
    ):
        con.sql("SELECT max(ttft_ms) FROM requests")


@pytest.mark.parametrize(
    "verb", [v if v == "sql" else pytest.param(v, marks=pytest.mark.slow) for v in BROKEN]
)
def test_access_that_is_refused_is_told_in_one_line(twice: Twice, s3: Server, verb: str) -> None:
    with s3.refusing():
        result = run(*(twice.bucket if word is ... else word for word in BROKEN[verb]))
    refused(result, 1, "access is denied: check AWS_ACCESS_KEY_ID")


def test_an_endpoint_that_is_none_is_a_wrong_call(
    twice: Twice, s3: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in ("not-a-url", "ftp://x", "http://", "127.0.0.1:9000"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", wrong)
        refused(run("sql", "SELECT 1", twice.bucket), 2, f"is '{wrong}'", "AWS_ENDPOINT_URL")


@pytest.mark.slow  # asked ten times more, over some seconds
@pytest.mark.parametrize("verb", ["sql", "analyze", "gate"])
def test_a_server_that_is_not_there_is_told_in_one_line(
    twice: Twice, s3: Server, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    words = (twice.bucket if word is ... else word for word in BROKEN[verb])
    refused(run(*words), 1, twice.bucket, "127.0.0.1:1")


@pytest.mark.slow  # asks for keys where a machine in the cloud has them
def test_keys_that_are_not_there_are_told_in_one_line(
    twice: Twice, s3: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    refused(run("sql", "SELECT 1", twice.bucket), 1, "set AWS_ACCESS_KEY_ID and")


@pytest.mark.parametrize("root", [f"s3://{BUCKET}/nothing", "s3://no-bucket/store"])
def test_what_is_no_store_is_told_in_one_line(s3: Server, root: str) -> None:
    for words in (
        ("sql", "SELECT 1", root),
        ("analyze", root),
        ("check", root),
        ("capacity", root),
    ):
        refused(run(*words), 2, root, "is no store")
    for words in (("gate", root, "--day", day(0)), ("export", root, "--to", "x"), ("vacuum", root)):
        refused(run(*words), 2, root, "is no store")


@pytest.mark.slow
def test_a_process_of_its_own_ends(twice: Twice, s3: Server) -> None:
    """With Arrow's client of S3 open: it is ended before Python is."""
    child = process("sql", "SELECT count(*) AS n FROM requests", twice.bucket, "--csv")
    said, failed = child.communicate(timeout=120)
    assert (said, failed, child.returncode) == ("n\n72\n", "", 0)
