"""``analyze --store``: an ad-hoc run committed like a night, under a job of its own."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sgengine.analyze import AnalyzeSettings, plans
from sgengine.errors import DataError, UsageError
from sgengine.executors import Serial
from sgengine.readers import ReadOptions
from sgengine.record import Recorded, code_version, job_of, record_inputs
from sgengine.store import Store
from tests.cli.support import document, good, lines, refused, run
from tests.engine.make import plain_row, write
from tests.events import make
from tests.nightly.support import HOUR, START, S, request, stored

DAY = date(2026, 3, 2)
SETTINGS = AnalyzeSettings(executor=Serial())


def trace(path: Path, *arrivals: int, run: str = "a", **more: Any) -> str:
    rows = [plain_row(k, [S], arrival_ns=at, run=run, **more) for k, at in enumerate(arrivals)]
    return str(write(path, rows))


def recorded(
    root: Path, *inputs: str, settings: AnalyzeSettings = SETTINGS, **more: Any
) -> Recorded:
    return record_inputs(inputs, settings, str(root), **more)


def by_night(root: Path, table: str = "requests") -> dict[tuple[str, str], int]:
    """Rows of each job and day."""
    found: dict[tuple[str, str], int] = {}
    for row in stored(root, table):
        key = (row["job"], row["day"])
        found[key] = found.get(key, 0) + 1
    return found


def test_a_run_has_a_job_of_its_own_and_again_replaces_it_whole(tmp_path):
    root, path = tmp_path / "store", tmp_path / "x.parquet"
    trace(path, START, START + 25 * HOUR)
    first = recorded(root, str(path))
    assert first.job.startswith("adhoc-x-")
    other = recorded(root, trace(tmp_path / "y.parquet", START + S))
    assert by_night(root) == {
        (first.job, "2026-03-02"): 1,
        (first.job, "2026-03-03"): 1,
        (other.job, "2026-03-02"): 1,
    }
    trace(path, START + 25 * HOUR, START + 26 * HOUR)
    again = recorded(root, str(path))
    assert again.job == first.job
    assert by_night(root) == {(first.job, "2026-03-03"): 2, (other.job, "2026-03-02"): 1}
    assert {row["commit_id"] for row in stored(root, "runs")} == {
        again.commit.commit_id,
        other.commit.commit_id,
    }


def test_a_named_job_collects_and_replaces_the_days_that_come(tmp_path):
    root = tmp_path / "store"
    recorded(root, trace(tmp_path / "x.parquet", START, START + 25 * HOUR), job="bench")
    recorded(root, trace(tmp_path / "y.parquet", *range(START, START + 3)), job="bench")
    assert by_night(root) == {("bench", "2026-03-02"): 3, ("bench", "2026-03-03"): 1}


def test_a_day_that_is_given_has_all_requests(tmp_path):
    root = tmp_path / "store"
    path = trace(tmp_path / "x.parquet", START, START + 25 * HOUR)
    for _ in range(2):
        recorded(root, path, job="bench", day=date(2026, 1, 5))
    assert by_night(root) == {("bench", "2026-01-05"): 2}
    (night,) = stored(root, "nights")
    assert (night["seq"], night["from_ns"], night["zone"]) == (2, None, None)
    assert night["code_version"] == code_version()


def test_a_clock_that_tells_no_day_needs_one(tmp_path):
    root = tmp_path / "store"
    path = trace(tmp_path / "x.parquet", 5, 6, clock="monotonic")
    with pytest.raises(DataError, match="--day"):
        recorded(root, path)
    assert stored(root) == []
    assert not list((root / "requests").rglob("*.parquet"))
    assert recorded(root, path, day=DAY).commit.requests == 2


def test_runs_of_several_days_have_a_row_a_day(tmp_path):
    """Rows in = measured + rejected on every day; what has no day is on the first."""
    root = tmp_path / "store"
    ends = {"end_ns": 2 * S}
    arrivals = [START, START + HOUR, START + 25 * HOUR]
    rows = [plain_row(k, [S], arrival_ns=at, **ends) for k, at in enumerate(arrivals)]
    rows += [plain_row(9, [-1], arrival_ns=START + 26 * HOUR)]
    short = [plain_row(0, [S], arrival_ns=START + HOUR, run="short", **ends)]
    path = str(write(tmp_path / "x.parquet", [*rows, *short]))
    recorded(root, path)
    runs = {(row["day"], row["run"]): row for row in stored(root, "runs")}
    assert {
        key: (r["rows_in"], r["rows_measured"], r["rows_rejected"]) for key, r in runs.items()
    } == {
        ("2026-03-02", "a"): (3, 2, 1),
        ("2026-03-03", "a"): (1, 1, 0),
        ("2026-03-02", "short"): (1, 1, 0),
    }
    first, second = runs["2026-03-02", "a"], runs["2026-03-03", "a"]
    assert (first["first_arrival_ns"], first["last_end_ns"]) == (START, START + HOUR + 2 * S)
    assert (second["first_arrival_ns"], second["last_end_ns"]) == (
        START + 25 * HOUR,
        START + 25 * HOUR + 2 * S,
    )
    assert (first["n_chunks"], second["n_chunks"]) == (2, 1)
    (reject,) = stored(root, "rejects")
    assert (reject["day"], reject["reason"]) == ("2026-03-02", "negative_time")


def test_a_log_counts_its_events_by_day(tmp_path):
    root = tmp_path / "store"
    events = request("a", START + S) + request("b", START + 24 * HOUR, chunks=1)
    path = make.write(tmp_path / "log.jsonl", events, "jsonl")
    recorded(root, str(path))
    assert {row["day"]: row["rows_in"] for row in stored(root, "runs")} == {
        "2026-03-02": 5,
        "2026-03-03": 3,
    }


def test_a_window_is_kept_where_its_run_is_of_one_day(tmp_path):
    from sgengine.aggregate import SummarySettings, choose

    root = tmp_path / "store"
    settings = AnalyzeSettings(
        executor=Serial(), summary=SummarySettings(selection=choose(trim="1s,1s"))
    )
    path = trace(tmp_path / "x.parquet", *(START + k * S for k in range(5)))
    recorded(root, path, settings=settings)
    (row,) = stored(root, "runs")
    assert (row["window_start_ns"], row["window_end_ns"]) == (START + S, START + 4 * S)
    (night,) = stored(root, "nights")
    assert (night["rows_outside"], night["rows_rejected"], night["requests"]) == (2, 2, 3)


def test_a_source_that_fails_commits_nothing(tmp_path):
    root = tmp_path / "store"
    good = trace(tmp_path / "x.parquet", START)
    whole = Path(trace(tmp_path / "y.parquet", START + S, run="b"))
    assert recorded(root, good, str(whole), job="both").commit.requests == 2
    content = whole.read_bytes()
    at = content.index(b"PAR1") + 4
    whole.write_bytes(content[:at] + bytes(len(content) - at - 400) + content[-400:])
    version = Store.open(root).snapshot().version
    with pytest.raises(DataError):
        recorded(root, good, str(whole), job="both")
    assert Store.open(root).snapshot().version == version


def test_a_source_that_cannot_be_planned_among_others_commits_nothing(tmp_path, monkeypatch):
    real, bad = plans.plan, str(tmp_path / "y.parquet")

    def plan(source, options):
        if source.path == bad:
            raise DataError(f"{bad} is cut")
        return real(source, options)

    monkeypatch.setattr(plans, "plan", plan)
    paths = [trace(tmp_path / "x.parquet", START), trace(Path(bad), START + S)]
    result = run("analyze", *paths, "--store", tmp_path / "store")
    assert result.exit_code == 1
    assert f"nothing was committed to {tmp_path / 'store'}" in result.stderr
    assert f"{bad} is cut" in result.stderr
    assert stored(tmp_path / "store") == []


def test_a_store_is_no_trace_to_commit(tmp_path):
    root = tmp_path / "store"
    recorded(root, trace(tmp_path / "x.parquet", START))
    with pytest.raises(UsageError, match="is a store, whose requests are measured"):
        recorded(tmp_path / "other", str(root))


def test_names_of_jobs_say_the_inputs_and_differ_with_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = ReadOptions()
    name = job_of(["a/run 1.json", "b.json"], plain)
    assert name.startswith("adhoc-run-1-")
    assert name == job_of([str(tmp_path / "a/run 1.json"), "b.json"], plain)
    assert name.rpartition("-")[2] == job_of(["b.json", "a/run 1.json"], plain).rpartition("-")[2]
    others = {
        job_of(["a/run 1.json"], plain),
        job_of(["x=a/run 1.json"], plain),
        job_of(["y=a/run 1.json"], plain),
        job_of(["a/run 1.json"], ReadOptions(system="s")),
        job_of(["a/*.json"], plain),
    }
    assert len(others) == 5
    assert job_of(["/"], plain).startswith("adhoc-")


# --- The command line --------------------------------------------------------------------------------


def test_the_verb_prints_figures_and_says_what_it_committed(tmp_path):
    path, root = trace(tmp_path / "x.parquet", START, START + S), tmp_path / "store"
    result = run("analyze", path, "--store", root, "--job", "bench", "--goodput", "ttft:500")
    assert result.exit_code == 0
    assert result.stdout == good("analyze", path, "--goodput", "ttft:500")
    (line,) = lines(result.stderr)
    assert line.endswith(f"2 requests committed to {root} as job bench, 2026-03-02 (version 1)")
    (night,) = stored(root, "nights")
    assert night["max_ttft_ns"] == S // 2
    plain = document("analyze", path, "--goodput", "ttft:500")
    again = document("analyze", path, "--goodput", "ttft:500", "--store", root, "--job", "bench")
    assert again["groups"] == plain["groups"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--since", "2026-01-01"], "with --store leave them out"),
        (["--day", "monday"], "day is 'monday'"),
        (["--requests", "r.parquet"], "give one of them"),
        (["--job", "x" * 200], "give a name of"),
    ],
)
def test_wrong_calls(tmp_path, words, said):
    path = trace(tmp_path / "x.parquet", START)
    refused(run("analyze", path, "--store", tmp_path / "store", *words), 2, said)
