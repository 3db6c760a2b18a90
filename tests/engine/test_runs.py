"""RUNS and REJECTS of an analysis: every row is counted, and every source says what it is."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sgengine.analyze import Analysis, AnalyzeSettings, analyze, plans
from sgengine.analyze.partition import MAX_LISTED
from sgengine.errors import DataError, UsageError
from sgengine.executors import Serial
from sgengine.objectives import Reader
from sgengine.readers import ReadOptions
from tests.engine.make import EPOCH, Row, plain_row, random_rows, write
from tests.readers.make import json_lines, vllm, vllm_result

SERIAL = AnalyzeSettings(executor=Serial())


def runs_of(analysis: Analysis) -> dict[tuple[str, str], Row]:
    rows = analysis.runs.to_pylist()
    found = {(Path(row["source"]).name, row["run"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def by_key(groups: list[dict[str, Any]], *by: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {tuple(group[name] for name in by): group for group in groups}


def test_every_row_is_measured_or_rejected_and_counted_by_run(tmp_path: Path) -> None:
    rows = random_rows(200, seed=2)
    broken = {k for k in range(200) if k % 7 == 0}
    given = [row | {"status": "?"} if k in broken else row for k, row in enumerate(rows)]
    path = write(tmp_path / "a.parquet", given, group=50)
    analysis = analyze([str(path)], SERIAL, keep_requests=True)
    found = runs_of(analysis)
    for name in {row["run"] for row in rows}:
        mine = [k for k, row in enumerate(rows) if row["run"] == name]
        counts = found["a.parquet", name]
        assert counts["rows_in"] == len(mine)
        assert counts["rows_rejected"] == len(broken & set(mine))
        assert counts["rows_measured"] == len(mine) - counts["rows_rejected"]
    assert sum(row["rows_measured"] for row in found.values()) == analysis.requests.num_rows  # type: ignore[union-attr]
    assert sum(row["rows_rejected"] for row in found.values()) == len(broken)
    assert sum(reject.count for reject in analysis.rejected) == len(broken)
    assert not analysis.is_clean


def test_a_reject_says_where_what_and_what_is_allowed(tmp_path: Path) -> None:
    rows = [plain_row(0, [1]), plain_row(1, [5, 3]), plain_row(2, [-1])]
    analysis = analyze([str(write(tmp_path / "a.parquet", rows, group=1))], SERIAL)
    found = [(r["place"], r["reason"], r["count"], r["run"]) for r in analysis.rejects.to_pylist()]
    assert found == [("row 2", "decreasing_times", 1, "a"), ("row 3", "negative_time", 1, "a")]
    line = analysis.rejected[0].line()
    assert "a.parquet: row 2: 1 row not measured: decreasing_times" in line
    assert "allowed: chunk_times_ns that never decrease" in line
    assert "\n" not in line


def test_rejects_beyond_a_thousand_are_counted_by_reason(tmp_path: Path) -> None:
    count = MAX_LISTED + 300
    rows = [plain_row(k, [5, 3]) for k in range(count)] + [plain_row(count, [-1])] * 2
    analysis = analyze([str(write(tmp_path / "a.parquet", rows))], SERIAL)
    last = [(reject.place, reject.reason, reject.count) for reject in analysis.rejected[-2:]]
    assert last == [
        (f"row {MAX_LISTED + 1} and later", "decreasing_times", 300),
        (f"row {count + 1} and later", "negative_time", 2),
    ]
    assert len(analysis.rejected) == MAX_LISTED + 2
    (found,) = runs_of(analysis).values()
    assert found["rows_in"] == found["rows_rejected"] == count + 2


def test_sums_and_times_of_a_run_are_those_of_its_measured_rows(tmp_path: Path) -> None:
    rows = [
        plain_row(0, [10, 20], chunk_tokens=[3, 0], arrival_ns=EPOCH + 5),
        plain_row(1, [7], arrival_ns=EPOCH + 100, end_ns=900),
        plain_row(2, [5], arrival_ns=None),
        plain_row(3, [9, 2], arrival_ns=EPOCH - 999),
    ]
    path = write(tmp_path / "a.parquet", rows)
    (found,) = runs_of(analyze([str(path)], SERIAL)).values()
    assert (found["n_chunks"], found["n_output_tokens"]) == (4, 5)
    assert (found["first_arrival_ns"], found["last_end_ns"]) == (EPOCH + 5, EPOCH + 1000)
    assert (found["system"], found["workload"], found["clock"], found["origin"]) == (
        "s",
        "w",
        "unix",
        "sent",
    )
    assert found["content_hash"] == sha256(path.read_bytes()).hexdigest()
    assert found["stated_duration_ns"] is None
    assert found["notes"] is None


def test_a_run_in_several_sources_is_a_row_of_each(tmp_path: Path) -> None:
    first = write(tmp_path / "a.parquet", [plain_row(0, [1], arrival_ns=0)])
    second = write(tmp_path / "b.parquet", [plain_row(1, [3], arrival_ns=50)] * 2)
    analysis = analyze([str(first), str(second)], SERIAL)
    found = runs_of(analysis)
    assert {key: row["rows_in"] for key, row in found.items()} == {
        ("a.parquet", "a"): 1,
        ("b.parquet", "a"): 2,
    }
    assert {row["last_end_ns"] for row in found.values()} == {53}
    assert analysis.groups[0]["duration_s"] == 53e-9


def test_a_duration_that_the_client_states_is_the_window_of_its_run(tmp_path: Path) -> None:
    path = vllm(tmp_path / "bench.json", vllm_result(duration=0.25))
    analysis = analyze([str(path)], SERIAL)
    (found,) = runs_of(analysis).values()
    assert found["stated_duration_ns"] == 250_000_000
    (group,) = analysis.groups
    assert (group["duration_s"], group["duration_source"]) == (0.25, "stated by the run")
    assert group["request_throughput"] == 2 / 0.25


def test_stated_durations_of_the_runs_of_a_group_add_up(tmp_path: Path) -> None:
    for name, duration in (("a", 0.25), ("b", 0.75)):
        vllm(tmp_path / f"{name}.json", vllm_result(duration=duration))
    settings = AnalyzeSettings(executor=Serial(), read=ReadOptions(system="one"))
    (group,) = analyze([str(tmp_path)], settings).groups
    assert group["duration_s"] == 1.0
    assert group["requests"] == 4
    assert group["request_throughput"] == 4.0


def test_runs_with_and_without_a_stated_duration_are_both_named(tmp_path: Path) -> None:
    vllm(tmp_path / "bench.json", vllm_result(duration=0.25))
    write(tmp_path / "b.parquet", [plain_row(0, [10**9], arrival_ns=EPOCH)])
    settings = AnalyzeSettings(executor=Serial(), read=ReadOptions(system="one", workload="one"))
    (group,) = analyze([str(tmp_path)], settings).groups
    assert group["duration_s"] == 1.25
    assert group["duration_source"] == "observed over the run and stated by the run"


def test_what_a_reader_decided_stands_in_the_notes(tmp_path: Path) -> None:
    path = vllm(tmp_path / "bench.json", vllm_result(start_times=...))
    analysis = analyze([str(path)], SERIAL)
    (found,) = runs_of(analysis).values()
    assert found["notes"]
    assert found["format"].startswith("vllm")


def test_a_run_of_rejects_alone_is_listed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [plain_row(0, [5, 3])])
    analysis = analyze([str(path)], SERIAL, keep_requests=True)
    (found,) = runs_of(analysis).values()
    assert (found["rows_in"], found["rows_measured"], found["rows_rejected"]) == (1, 0, 1)
    assert analysis.groups == []
    assert analysis.requests is not None
    assert analysis.requests.num_rows == 0


def test_rows_that_no_run_is_known_of_are_counted_with_the_sources_first(tmp_path: Path) -> None:
    good = {"request_id": "x", "chunk_times_ns": [1, 2]}
    path = json_lines(tmp_path / "a.jsonl", json.dumps(good), '{"chunk_times_ns": [1,')
    analysis = analyze([str(path)], SERIAL)
    (found,) = runs_of(analysis).values()
    assert (found["rows_in"], found["rows_measured"], found["rows_rejected"]) == (2, 1, 1)
    (reject,) = analysis.rejected
    assert (reject.place, reject.reason) == ("line 2", "unreadable_row")


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Paths whose sources are told to be traces, but cannot be planned."""
    paths: set[str] = set()
    real = plans.plan

    def plan(source: Any, options: ReadOptions) -> Any:
        if source.path in paths:
            raise DataError(f"{source.path} is cut")
        return real(source, options)

    monkeypatch.setattr(plans, "plan", plan)
    return paths


def test_one_unreadable_source_among_others_is_a_failure_and_not_the_end(
    tmp_path: Path, unreadable: set[str]
) -> None:
    paths = [str(write(tmp_path / f"{k}.parquet", [plain_row(k, [1])])) for k in range(3)]
    unreadable.add(paths[1])
    analysis = analyze(paths, SERIAL)
    assert [(each.source, each.error) for each in analysis.failures] == [
        (paths[1], f"{paths[1]} is cut")
    ]
    assert analysis.groups[0]["requests"] == 2
    assert not analysis.is_clean
    assert {name for name, _ in runs_of(analysis)} == {"0.parquet", "2.parquet"}


def test_sources_of_which_none_can_be_read_are_an_error(
    tmp_path: Path, unreadable: set[str]
) -> None:
    paths = [str(write(tmp_path / f"{k}.parquet", [plain_row(k, [1])])) for k in range(2)]
    unreadable.update(paths)
    with pytest.raises(DataError, match=r"none of 2 sources can be read: .*0\.parquet is cut"):
        analyze(paths, SERIAL)
    with pytest.raises(DataError, match=r"1\.parquet is cut"):
        analyze(paths[1:], SERIAL)


def test_files_of_a_folder_that_are_no_traces_are_named(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [plain_row(0, [1])])
    (tmp_path / "notes.txt").write_text("hello")
    analysis = analyze([str(tmp_path)], SERIAL)
    assert [Path(each.path).name for each in analysis.skipped] == ["notes.txt"]
    assert analysis.is_clean


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(UsageError, match="64 MiB or more"):
        AnalyzeSettings(memory_bytes=1 << 20)
    with pytest.raises(UsageError, match="give one reader"):
        replace(SERIAL, summary=replace(SERIAL.summary, reader=Reader(pace_ns=1)))
    with pytest.raises(UsageError, match="give one rule"):
        replace(SERIAL, summary=replace(SERIAL.summary, itl_rule="token"))


def test_groups_of_two_labelled_sources_are_told_apart(tmp_path: Path) -> None:
    for name in ("x", "y"):
        vllm(tmp_path / f"{name}.json", vllm_result())
    inputs = [f"old={tmp_path / 'x.json'}", f"new={tmp_path / 'y.json'}"]
    groups = by_key(analyze(inputs, SERIAL).groups, "system")
    assert set(groups) == {("new",), ("old",)}
