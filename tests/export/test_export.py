"""Aggregates of a real store, read back by what they are for: DuckDB's own shell, Prometheus' parser."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from prometheus_client.parser import text_string_to_metric_families

import sgengine
from sgengine.aggregate import SummarySettings
from sgengine.errors import UsageError
from sgengine.export import FORMATS, export
from sgengine.export.files import new_file, write_folder
from sgengine.export.prometheus import GAUGES, HISTOGRAMS, SUMMARIES
from sgengine.export.tables import VIEWS
from sgengine.objectives import parse_slo
from sgengine.store import Store
from sgengine.views import write_database
from tests.cli.support import good, refused, run
from tests.engine.make import random_rows
from tests.gate import nights
from tests.gate.nights import DAY_NS, FIRST, commit
from tests.reference import measure_row

SETTINGS = SummarySettings(slo=parse_slo(["ttft:500", "tpot:50"]))
READER = (200_000_000, 200_000_000)
DAYS = 3
SHELL = Path(sys.executable).parent / "duckdb"


def day(i: int) -> date:
    return FIRST + timedelta(i)


def rows_of(i: int) -> list[dict]:
    """Requests of every shape in night ``i``; in the last of the nights one workload is missing."""
    rows = random_rows(60, seed=100 + i)
    for k, row in enumerate(rows):
        row |= {"clock": "unix", "arrival_ns": nights.start_ns(day(i)) + k * DAY_NS // 100}
    return [r for r in rows if i < DAYS - 1 or (r["system"], r["workload"]) != ("slow", "code")]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    found = nights.empty_store(tmp_path_factory.mktemp("exported"))
    for i in range(DAYS):
        commit(found, day(i), rows_of(i), settings=SETTINGS, dimensions=("tenant",))
    commit(found, day(0), rows_of(0), settings=SETTINGS, job='a "b"\\c', dimensions=("tenant",))
    return found


@pytest.fixture(scope="module")
def views(store: Store) -> dict[str, list[dict]]:
    """What SQL says, by view."""
    with sgengine.connect(store) as con:
        return {view: con.sql(f"FROM {view}").to_arrow_table().to_pylist() for view in VIEWS}


def plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date | datetime) else value


# --- Tables ---------------------------------------------------------------------------------------


def test_parquet_holds_what_the_views_say(store: Store, views: dict, tmp_path: Path) -> None:
    printed = good("export", store.root, "--to", tmp_path / "out").splitlines()
    assert printed == [str(tmp_path / "out" / f"{name}.parquet") for name in VIEWS]
    for name in VIEWS:
        assert pq.read_table(printed[VIEWS.index(name)]).to_pylist() == views[name]


def test_json_is_strict_and_csv_leaves_null_empty(
    store: Store, views: dict, tmp_path: Path
) -> None:
    export(store.snapshot(), tmp_path / "j", kind="json")
    export(store.snapshot(), tmp_path / "c", kind="csv")
    for name in VIEWS:
        expected = [{k: plain(v) for k, v in row.items()} for row in views[name]]
        text = (tmp_path / "j" / f"{name}.json").read_text("utf-8")
        assert json.loads(text, parse_constant=pytest.fail) == expected
        with (tmp_path / "c" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            read = list(csv.DictReader(file))
        assert len(read) == len(expected)
        for mine, theirs in zip(read, expected, strict=True):
            assert {k for k, v in mine.items() if v == ""} == {
                k for k, v in theirs.items() if v is None
            }
            numbers = {k: v for k, v in theirs.items() if isinstance(v, float)}
            assert {k: float(mine[k]) for k in numbers} == numbers


def test_one_duckdb_file_opens_in_the_shell_of_an_older_duckdb(
    store: Store, views: dict, tmp_path: Path
) -> None:
    file = tmp_path / "it's.duckdb"
    words = ("--to", file, "--by", "night,tenant", "--json")
    assert json.loads(good("export", store.root, *words))["files"] == [str(file)]
    version = subprocess.run([SHELL, "-version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("v1.5"), "the point is an older version"

    def shell(query: str) -> list[dict]:
        command = [SHELL, "-readonly", "-json", str(file), "-c", query]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    names = shell("SELECT table_name, comment FROM duckdb_tables() ORDER BY ALL")
    assert [row["table_name"] for row in names] == sorted([*VIEWS, "figures"])
    assert all(row["comment"] for row in names if row["table_name"] != "figures")
    expected = views["by_night"]
    found = shell("SELECT job, day, requests, ttft_p99_ms FROM by_night ORDER BY rowid")
    assert [(r["job"], r["day"], r["requests"], r["ttft_p99_ms"]) for r in found] == [
        (r["job"], str(r["day"]), r["requests"], r["ttft_p99_ms"]) for r in expected
    ]
    groups = shell("SELECT sum(requests)::BIGINT AS n, count(DISTINCT tenant) AS t FROM figures")
    assert groups == [{"n": sum(r["requests"] for r in expected), "t": 2}]
    kinds = shell(
        "SELECT count(*) AS n FROM duckdb_columns() WHERE table_name = 'figures' "
        "AND column_name LIKE 'itl%' AND data_type <> 'DOUBLE'"
    )
    assert kinds == [{"n": 0}], "columns that are NULL throughout are numbers still"


def test_nights_are_chosen(store: Store, tmp_path: Path) -> None:
    good("export", store.root, "--to", tmp_path, "--job", "nightly", "--since", day(1))
    found = pq.read_table(tmp_path / "nights.parquet").to_pylist()
    assert [(row["job"], row["day"]) for row in found] == [("nightly", day(1)), ("nightly", day(2))]


# --- Prometheus -----------------------------------------------------------------------------------


def families(store: Store, path: Path, *words: object) -> dict:
    """Every family by name: its samples' names, labels and values, by Prometheus' own parser."""
    good("export", store.root, "--to", path, *words)
    return {
        family.name: (
            family.type,
            {(s.name, tuple(sorted(s.labels.items()))): s.value for s in family.samples},
        )
        for family in text_string_to_metric_families(path.read_text("utf-8"))
    }


def labels(job: str, system: str, workload: str, **more: str) -> tuple:
    named = {"sgengine_job": job, "system": system, "workload": workload} | more
    return tuple(sorted(named.items()))


def test_histograms_count_all_nights_under_the_names_of_opentelemetry(
    store: Store, tmp_path: Path
) -> None:
    """Against requests measured by the reference, counted one by one in exact arithmetic."""
    found = families(store, tmp_path / "x.prom", "--job", "nightly")
    measured = [row | measure_row(row, *READER) for i in range(DAYS) for row in rows_of(i)]
    for kind, value in zip(HISTOGRAMS, ("ttft_ns", "tpot_ns", "e2e_latency_ns"), strict=True):
        name = f"{kind.name.replace('.', '_')}_seconds"
        sort, samples = found[name]
        assert sort == "histogram"
        seen = set()
        for system, workload in {(r["system"], r["workload"]) for r in measured}:
            for status in {r["status"] for r in measured}:
                if status != "ok" and value != "e2e_latency_ns":
                    continue
                more = {} if status == "ok" else {"error_type": status}
                values = [
                    r[value]
                    for r in measured
                    if (r["system"], r["workload"], r["status"]) == (system, workload, status)
                    and r[value] is not None
                ]
                key = labels("nightly", system, workload, **more)
                if not values:
                    assert (f"{name}_count", key) not in samples
                    continue
                assert samples[f"{name}_count", key] == len(values)
                total = math.fsum(float(v) for v in values) / 1e9
                assert samples[f"{name}_sum", key] == pytest.approx(total, abs=1e-6)
                for bound in kind.bounds:
                    le = labels("nightly", system, workload, le=f"{bound:.12g}", **more)
                    upto = sum(v <= round(bound * 10**9) for v in values)
                    assert samples[f"{name}_bucket", le] == upto, (name, le)
                seen.add(key)
        counts = {labels for sample, labels in samples if sample.endswith("_count")}
        assert counts == seen


def test_gauges_are_of_the_newest_night(store: Store, views: dict, tmp_path: Path) -> None:
    found = families(store, tmp_path / "x.prom")
    last = {
        (r["job"], r["system"], r["workload"]): r
        for r in views["by_night"]
        if (r["job"], r["day"]) in {("nightly", day(DAYS - 1)), ('a "b"\\c', day(0))}
    }
    assert ("nightly", "slow", "code") not in last
    for column, (name, _) in GAUGES.items():
        expected = {
            (name, labels(*key)): row[column]
            for key, row in last.items()
            if row[column] is not None
        }
        assert found.get(name, ("gauge", {})) == ("gauge", expected)
    statuses = found["sgengine_requests"][1]
    assert sum(statuses.values()) == sum(row["requests"] for row in last.values())
    for stem, (name, _) in SUMMARIES.items():
        sort, samples = found[name]
        assert sort == "summary"
        for key, row in last.items():
            if row[f"n_{stem}"]:
                p99 = samples[name, labels(*key, quantile="0.99")]
                assert p99 == pytest.approx(row[f"{stem}_p99_ms"] / 1000)
                assert samples[f"{name}_count", labels(*key)] == row[f"n_{stem}"]
    (_, days) = found["sgengine_night_timestamp_seconds"]
    assert days["sgengine_night_timestamp_seconds", (("sgengine_job", "nightly"),)] == (
        nights.start_ns(day(DAYS - 1)) / 1e9
    )


# --- Files ----------------------------------------------------------------------------------------


def test_a_file_stays_as_it_was_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "kept.prom"
    target.write_text("before")

    def fail() -> None:
        with new_file(target) as path:
            path.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [file.name for file in tmp_path.iterdir()] == ["kept.prom"]
    assert target.read_text() == "before"


def test_a_database_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    """As on a full disk: no bug of ours."""
    with pytest.raises(OSError, match="database"):
        write_database(tmp_path / "missing" / "out.duckdb", {}, {})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_is_refused_and_stays(tmp_path: Path) -> None:
    target = tmp_path / "pipe.prom"
    os.mkfifo(target)
    with pytest.raises(UsageError, match="neither a file nor a folder"), new_file(target):
        pass
    assert target.is_fifo()


def test_tables_appear_together_or_not_at_all(store: Store, tmp_path: Path) -> None:
    """The last of the tables cannot be written: none of them is there, and old files stay."""
    with sgengine.connect(store) as con:
        whole = con.sql("FROM nights").to_arrow_table()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "nights.json").write_text("before")
    bad = whole.append_column("nan", [[float("nan")] * whole.num_rows])
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_folder(tmp_path / "b", "json", {"nights": whole, "bad": bad})
    assert [file.name for file in (tmp_path / "b").iterdir()] == ["nights.json"]
    assert (tmp_path / "b" / "nights.json").read_text() == "before"


@pytest.mark.parametrize("kind", ["parquet", "duckdb", "prometheus"])
def test_wrong_calls_are_refused_in_one_line_and_write_nothing(
    store: Store, tmp_path: Path, kind: str
) -> None:
    words = ("export", store.root, "--format", kind, "--to")
    refused(run(*words, tmp_path / "no" / "where"), 2, "does not exist")
    refused(run(*words, tmp_path / "x", "--day", "2027-01-01"), 2, "2026-01-01")
    refused(run(*words, tmp_path / "x", "--by", "colour"), 2, "by")
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    wrong = "folder" if kind in ("duckdb", "prometheus") else "file"
    refused(run(*words, tmp_path / wrong), 2, "--to")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


def test_the_format_is_told_by_the_name(store: Store, tmp_path: Path) -> None:
    refused(run("export", store.root, "--to", tmp_path, "--format", "xlsx"), 2, "parquet, csv")
    with pytest.raises(UsageError, match=", ".join(FORMATS)):
        export(store.snapshot(), tmp_path, kind="xlsx")
    export(store.snapshot(), tmp_path / "x.prom")
    assert (tmp_path / "x.prom").read_text().startswith("# HELP gen_ai_server_")
