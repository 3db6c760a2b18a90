"""Figures of stored requests equal those of the traces that they were measured from, for any settings."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sgengine
from sgengine.aggregate import SummarySettings
from sgengine.aggregate.approximate import RELATIVE_ERROR
from sgengine.analyze import AnalyzeSettings
from sgengine.analyze.stored import analyze_store, recorded_settings
from sgengine.analyze.stored_files import TASK_ROWS, Wanted, tasks_of
from sgengine.errors import DataError, UsageError
from sgengine.executors import Serial
from sgengine.objectives import Reader, parse_slo, preset
from sgengine.store import Store, writers
from tests.aggregate.twins import Question, questions
from tests.cli.support import document, good, refused, run
from tests.effort import FEWER
from tests.engine.make import Row, random_rows, table_of
from tests.gate import nights
from tests.gate.nights import FIRST, commit, requests
from tests.strategies import MS

DIMENSIONS = ("tenant", "priority")
ROWS = random_rows(200, seed=20260801)
MEASURED = SummarySettings(
    reader=Reader(first_ns=300 * MS, pace_ns=50 * MS),
    slo=parse_slo(["ttft:500", "tokens:0.9@50ms", "first:300"]),
)
LATE = ("token_attainment", "on_time_token_goodput")
"""Figures that hold for the measured reader alone."""


def day(i: int) -> date:
    return FIRST + timedelta(i)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One night without bounds: T is that of the runs, as it is of the traces."""
    found = nights.empty_store(tmp_path_factory.mktemp("stored"))
    commit(found, day(0), ROWS, settings=MEASURED, bounded=False, dimensions=DIMENSIONS)
    return found


def stored(store: Store, summary: SummarySettings, wanted: Wanted | None = None):
    """The groups of stored requests."""
    settings = AnalyzeSettings(executor=Serial()).scoring(summary)
    return analyze_store(store.snapshot(), settings, wanted).groups


def traced(rows: list[Row], summary: SummarySettings) -> list[dict[str, Any]]:
    """The groups of the same requests, measured for this summary's reader from their tokens."""
    reader = summary.reader
    measured = sgengine.measure(
        table_of(rows, DIMENSIONS),
        speed=1e9 / max(reader.pace_ns, 1),
        first_token=f"{reader.first_ns}ns",
        itl_rule=summary.itl_rule,
        on="serial",
    )
    assert (measured.settings.reader.pace_ns, measured.settings.reader.first_ns) == (
        reader.pace_ns,
        reader.first_ns,
    )
    return sgengine.summarize(
        measured,
        by=summary.by,
        goodput=summary.slo,
        alpha=summary.benefit.alpha,
        penalty=spelled(summary),
        unfinished_idle=f"{summary.benefit.unfinished_idle_ns}ns",
        denominator=summary.denominator,
        population=summary.population,
        duration=f"{summary.duration_ns}ns" if summary.duration_ns else None,
    ).groups


def spelled(summary: SummarySettings) -> str:
    benefit = summary.benefit
    return benefit.penalty + ("" if benefit.tau_ns is None else f":{benefit.tau_ns}ns")


def assert_same(found: list[dict], wanted: list[dict], *, is_measured: bool) -> None:
    """Equal to the last bit, but for what needs the tokens: NULL, or approximate and said to be."""
    assert len(found) == len(wanted)
    for mine, theirs in zip(found, wanted, strict=True):
        about, exact = mine.pop("itl_approx_ms"), theirs["itl_ms"]
        assert mine["itl_ms"]["mean"] is None
        for name, value in theirs.items():
            if name in LATE and not is_measured:
                assert mine[name] is None
            elif name != "itl_ms":
                assert mine[name] == value, name
        assert mine.keys() == theirs.keys()
        if about["count"] is not None:
            assert_near(about, exact)


def assert_near(about: dict, exact: dict) -> None:
    assert about["relative_error"] == RELATIVE_ERROR
    assert about["count"] == exact["count"]
    assert about["unsupported"] == exact["unsupported"]
    assert about["std"] is None
    for name in ("mean", "min", "p50", "p99", "p99_9", "max"):
        if exact[name] is not None:
            assert abs(about[name] - exact[name]) <= (RELATIVE_ERROR * exact[name] + 0.5e-6) * (
                1 + 1e-9
            )


def is_measured_with(summary: SummarySettings) -> bool:
    reader = summary.reader
    return (reader.first_ns, reader.pace_ns) == (300 * MS, 50 * MS)


@FEWER
@given(question=questions(), speed=st.sampled_from([1, 5, 7.5, 20, 50, 1000]))
def test_any_question_has_the_answer_of_the_traces(store, question, speed):
    """Any reader, SLO, benefit, denominator, population, grouping and T."""
    reader = Reader.from_speed(speed, first_ns=question.reader[0])
    slo = question.settings().slo
    is_late = slo is not None and slo.tokens_share is not None
    summary = Question(
        reader=(reader.first_ns, reader.pace_ns),
        by=question.by,
        clauses=tuple(clause for clause in question.clauses if clause.kind != "tokens"),
        spec=question.spec,
        unfinished_ns=question.unfinished_ns,
        denominator=question.denominator,
        population=question.population,
        itl_rule=question.itl_rule,
        given_ns=question.given_ns,
    ).settings()
    found, wanted = stored(store, summary), traced(ROWS, summary)
    assert_same(found, wanted, is_measured=is_measured_with(summary))
    if is_late and not is_measured_with(question.settings()):
        with pytest.raises(UsageError, match="measured reader alone"):
            stored(store, question.settings())


@pytest.mark.parametrize("by", [("tenant", "priority"), ("hour", "system"), (), ("status",)])
def test_the_measured_reader_keeps_its_late_tokens(store, by):
    summary = SummarySettings(by=by, reader=MEASURED.reader, slo=MEASURED.slo)
    assert_same(stored(store, summary), traced(ROWS, summary), is_measured=True)


def test_what_holds_for_the_measured_reader_alone_is_refused_in_one_line(store):
    words = ("analyze", store.root, "--goodput", "tokens:0.9@100ms", "--speed", 10)
    refused(run(*words), 2, "measured reader alone", "--speed 20 --first-token 300000000ns")
    refused(run("analyze", store.root, "--preset", "etalon-strict"), 2, "the target fluidity")
    with pytest.raises(UsageError, match="token_attainment"):
        sgengine.summarize(store, preset="aegaeon")
    target = preset("etalon-strict").target
    summary = SummarySettings(reader=MEASURED.reader, target=target)
    assert all("target_met" in group for group in stored(store, summary))


def test_a_column_that_no_request_has_is_refused(store):
    refused(run("analyze", store.root, "--by", "colour"), 2, "colour", "tenant", "night")


def test_windows_of_runs_are_refused(store):
    refused(run("analyze", store.root, "--trim", "1s,1s"), 2, "--trim")
    with pytest.raises(UsageError, match="steady"):
        sgengine.summarize(store, steady=True)


# --- Several nights -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three nights with bounds of one job, the last scored with another reader; one of another job."""
    found = nights.empty_store(tmp_path_factory.mktemp("several"))
    other = SummarySettings(reader=Reader.from_speed(20), slo=parse_slo(["ttft:250"]))
    for i in range(3):
        rows = requests(day(i), "fast", "chat", count=10 + i)
        rows += requests(day(i), "slow", "code", count=5) if i < 2 else []
        commit(found, day(i), rows, settings=other if i == 2 else None)
    commit(found, day(1), requests(day(1), "fast", "chat", count=7), job="weekly")
    return found


def by_key(groups: list[dict], *names: str) -> dict[tuple, dict]:
    return {tuple(group[name] for name in names): group for group in groups}


def test_a_group_divides_by_the_nights_that_it_touches(several):
    groups = by_key(sgengine.summarize(several, job="nightly").groups, "system")
    assert groups[("fast",)]["duration_s"] == 3 * 86400
    assert groups[("slow",)]["duration_s"] == 2 * 86400
    assert groups[("fast",)]["duration_source"] == "night"
    assert groups[("fast",)]["requests"] == 10 + 11 + 12
    given = sgengine.summarize(several, job="nightly", duration="10s").groups
    assert {group["duration_s"] for group in given} == {10}
    hours = sgengine.summarize(several, by="hour").groups
    assert {group["duration_s"] for group in hours} == {3600}


def test_nights_and_jobs_are_told_apart_and_chosen(several):
    every = by_key(sgengine.summarize(several, by=["job", "night"]).groups, "job", "night")
    counts = {key: group["requests"] for key, group in every.items()}
    assert counts == {
        ("nightly", str(day(0))): 15,
        ("nightly", str(day(1))): 16,
        ("nightly", str(day(2))): 12,
        ("weekly", str(day(1))): 7,
    }
    for nights_given, total in [
        ({"day": str(day(1))}, 23),
        ({"day": day(1), "job": "weekly"}, 7),
        ({"since": day(1)}, 35),
        ({"until": day(1), "job": "nightly"}, 31),
        ({"since": day(1), "until": day(1), "job": "nightly"}, 16),
    ]:
        (whole,) = sgengine.summarize(several, by=(), **nights_given).groups
        assert whole["requests"] == total
    words = ("analyze", several.root, "--by", "", "--system", "slow")
    assert document(*words)["groups"][0]["requests"] == 10
    words = ("analyze", several.root, "--by", "", "--workload", "chat", "--day", day(0))
    assert document(*words)["groups"][0]["requests"] == 10


def test_what_is_not_said_is_as_the_newest_night_was_scored(several):
    settings = document("analyze", several.root)["settings"]
    assert settings["reader"]["speed"] == 20
    assert settings["slo"] == ["ttft:250ms"]
    settings = document("analyze", several.root, "--until", day(1))["settings"]
    assert (settings["reader"]["speed"], settings["slo"]) == (5, None)
    settings = document("analyze", several.root, "--speed", 10)["settings"]
    assert (settings["reader"]["speed"], settings["slo"]) == (10, ["ttft:250ms"])
    settings = document("analyze", several.root, "--first-token", 900)["settings"]
    assert (settings["reader"]["speed"], settings["reader"]["first_ns"]) == (20, 900 * MS)
    settings = document("analyze", several.root, "--preset", "reader-5")["settings"]
    assert (settings["reader"]["speed"], settings["slo"]) == (5, None)


def test_a_nightly_job_speaks_before_an_ad_hoc_one_of_the_same_day(tmp_path):
    """As SQL chooses: a night with a zone first, then what was committed last."""
    store = nights.empty_store(tmp_path)
    for job, speed, bounded in [("b", 10, True), ("a", 20, True), ("c", 30, False)]:
        settings = SummarySettings(reader=Reader.from_speed(speed))
        rows = requests(day(0), "fast", "chat", count=2)
        commit(store, day(0), rows, settings=settings, job=job, bounded=bounded)
    assert recorded_settings(store.snapshot()).reader == Reader.from_speed(20)
    with sgengine.connect(store) as con:
        (pace,) = con.sql("SELECT reader_pace_ns FROM measured_settings").fetchone()
    assert pace == Reader.from_speed(20).pace_ns


def test_the_figures_are_those_of_sql(several):
    groups = by_key(
        sgengine.summarize(several, by=["job", "night", "system", "workload"]).groups,
        "job",
        "night",
        "system",
        "workload",
    )
    with sgengine.connect(several) as con:
        names = ["ttft_p99_ms", "smooth_goodput", "slo_attainment", "request_goodput"]
        rows = con.sql(
            f"SELECT job, CAST(day AS VARCHAR), system, workload, {', '.join(names)} FROM by_night"
        ).fetchall()
    assert len(rows) == len(groups)
    for *key, ttft, smooth, attainment, goodput in rows:
        group = groups[tuple(key)]
        assert ttft == pytest.approx(group["ttft_ms"]["p99"], rel=1e-12)
        assert smooth == pytest.approx(group["smooth_goodput"], rel=1e-12)
        assert (attainment, goodput) == (group["slo_attainment"], group["request_goodput"])


def test_what_is_printed_says_where_it_is_from(several):
    text = good("analyze", several.root, "--job", "nightly")
    assert (
        f"store: {several.root}, version 4: 3 nights, {day(0)} to {day(2)}, of job nightly" in text
    )
    assert "Throughput (T: night)" in text
    assert "itl_approx: from stored histograms, within 0.39 % of the exact one" in text
    why = "unknown of groups that were stored under another chunk rule"
    assert why not in text
    assert why in good("analyze", several.root, "--job", "nightly", "--itl-rule", "token")
    found = document("analyze", several.root, "--day", day(1))["store"]
    assert (found["version"], [night["job"] for night in found["nights"]]) == (
        4,
        ["nightly", "weekly"],
    )
    header = good("analyze", several.root, "--csv").splitlines()[0].split(",")
    assert {"n_itl", "itl_mean_ms", "itl_p99_approx_ms"} <= set(header)


def test_wrong_calls_are_refused_in_one_line(several, tmp_path):
    root = several.root
    refused(run("analyze", root, "--day", "2026-02-01"), 2, f"{day(0)} to {day(2)}", "weekly")
    refused(run("analyze", root, "--job", "hourly"), 2, "of job hourly")
    refused(run("analyze", root, "--day", day(0), "--since", day(0)), 2, "range")
    refused(run("analyze", root, "--since", day(2), "--until", day(0)), 2, "after")
    refused(run("analyze", root, "--day", "20260101"), 2, "2026-01-31")
    refused(run("analyze", root, "data"), 2, "one store alone")
    refused(run("analyze", root, "--requests", tmp_path / "r.parquet"), 2, "--requests")
    refused(run("analyze", "data", "--since", day(0)), 2, "--since")
    empty = Store.create(tmp_path / "empty")
    refused(run("analyze", empty.root), 2, "no night yet")


def test_a_night_without_requests_has_no_groups_of_any_column(tmp_path):
    """As a window may leave it: not a column is unknown for that."""
    store = nights.empty_store(tmp_path)
    commit(store, day(0), [])
    for by in ("run", "status", "system,hour", "n_chunks"):
        assert document("analyze", store.root, "--by", by)["groups"] == []
    refused(run("analyze", store.root, "--by", "colour"), 2, "colour", "status")


def test_a_data_file_that_is_gone_is_said(tmp_path):
    store = nights.empty_store(tmp_path)
    commit(store, day(0), requests(day(0), "fast", "chat", count=3))
    snapshot = store.snapshot()
    (file,) = snapshot.files["requests"]
    Path(snapshot.root, file.path).unlink()
    with pytest.raises(DataError, match="sgengine check"):
        analyze_store(snapshot, AnalyzeSettings())


def test_large_files_are_cut_and_small_ones_gathered(tmp_path, monkeypatch):
    """More rows than a task has, in several row groups: the figures are those of the whole."""
    monkeypatch.setattr(writers, "_GROUP_BYTES", 1 << 20)
    store = nights.empty_store(tmp_path)
    count = 2 * TASK_ROWS
    rng = np.random.default_rng(5)
    ttft = rng.integers(0, 500 * MS, count)
    columns = {
        "request_id": pa.array(np.arange(count)).cast(pa.string()),
        "run": pa.array(["a"] * count),
        "clock": pa.array(["unix"] * count),
        "arrival_ns": nights.start_ns(day(0)) + np.arange(count),
        "timing": pa.array(["first_last"] * count),
        "output_tokens": np.full(count, 2),
        "ttft_ns": ttft,
        "last_ns": ttft + rng.integers(0, 90 * MS, count),
    }
    table = pa.table(columns)
    commit(store, day(0), table)
    for i in range(1, 4):
        commit(store, day(i), table.slice(i, 10))
    snapshot = store.snapshot()
    tasks = list(tasks_of(snapshot.files["requests"], snapshot))
    assert [len(task) for task in tasks] == [1] * (len(tasks) - 1) + [3]
    assert len(tasks) > 2
    (group,) = sgengine.summarize(store, by=()).groups
    values = np.concatenate([ttft, ttft[1:11], ttft[2:12], ttft[3:13]])
    assert group["requests"] == values.size
    assert group["ttft_ms"]["max"] == values.max() / 1e6
    assert group["ttft_ms"]["p99"] == pytest.approx(np.quantile(values, 0.99) / 1e6, rel=1e-12)
