"""One night of event logs and of deliveries: the members, as they were known, and nothing lost."""

from __future__ import annotations

from datetime import UTC, date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.analyze import Analysis, AnalyzeSettings, Night, analyze
from sgengine.errors import DataError, UsageError
from sgengine.executors import Serial, Threads
from sgengine.nightly.days import day_of, night_ns
from tests.effort import FEWER
from tests.engine.make import plain_row, write
from tests.events import make
from tests.nightly import twin
from tests.strategies import HOUR

Row = dict[str, Any]
S = 10**9
DAY = date(2023, 11, 15)
START, END = night_ns(DAY, UTC)

GRACES = st.one_of(st.just(0), st.integers(0, 10**10), st.integers(0, 3 * HOUR))
ZONES = st.sampled_from(("UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"))


def measured(inputs: list[Path], night: Night | None, **more: Any) -> Analysis:
    settings = AnalyzeSettings(night=night, **({"executor": Serial()} | more))
    return analyze([str(path) for path in inputs], settings, keep_requests=True)


def requests(found: Analysis) -> list[Row]:
    assert found.requests is not None
    rows = found.requests.to_pylist()
    return sorted(rows, key=lambda row: (row["run"], row["request_id"]))


def all_counted(found: Analysis, rows: int) -> None:
    runs = found.runs.to_pylist()
    assert sum(run["rows_in"] for run in runs) == rows
    assert sum(run["rows_rejected"] for run in runs) == sum(r.count for r in found.rejected)
    for run in runs:
        assert run["rows_in"] == run["rows_measured"] + run["rows_rejected"]


@FEWER
@given(
    make.deliveries(max_size=5),
    ZONES,
    GRACES,
    st.integers(0, 5 * HOUR),
    st.sampled_from(make.FORMATS),
)
def test_logs_and_deliveries_give_what_the_twin_gives(rows, zone, grace, now, kind):
    start, end = night_ns(day_of(1_700_000_000 * S + now, ZoneInfo(zone)), ZoneInfo(zone))
    night = Night(start_ns=start, end_ns=end, cut_ns=end + grace)
    members = twin.of_night(rows, start, end)
    expected = [twin.known_before(row, end + grace) for row in members]
    events = [event for row in rows for event in make.events_of(row)]
    with TemporaryDirectory() as folder:
        log = make.write(Path(folder) / f"log.{kind}", events, kind)
        table = write(Path(folder) / "table.parquet", rows)
        plain = write(Path(folder) / "plain.parquet", expected)
        alone = requests(measured([plain], None)) if expected else []
        of_log, of_table = measured([log], night), measured([table], night)
    all_counted(of_log, len(events))
    all_counted(of_table, len(rows))
    assert of_log.is_clean
    assert of_table.is_clean
    assert requests(of_table) == alone
    # An arrival may say how many tokens there will be; a row of deliveries has that from its end.
    told = {(row["run"], row["request_id"]) for row in members if row["status"] == "incomplete"}
    for mine, its in zip(requests(of_log), alone, strict=True):
        assert (mine["run"], mine["request_id"]) in told or mine == its


@FEWER
@given(make.deliveries(max_size=3), GRACES, st.integers(0, 2**30))
def test_nights_side_by_side_have_every_request_once(rows, grace, seed):
    """Every request in one night, and every event without an arrival the fault of at most one."""
    orphans = [dict(e) for row in rows for e in make.events_of(row) if seed % 3]
    orphans = [
        e | {"request_id": f"9{e['request_id']}"} for e in orphans if e["event"] != "arrival"
    ]
    events = [event for row in rows for event in make.events_of(row)] + orphans
    found: list[tuple[str, str]] = []
    faults = 0
    first = day_of(min(event["time_ns"] for event in events), UTC)
    with TemporaryDirectory() as folder:
        log = make.write(Path(folder) / "log.parquet", events, "parquet")
        for k in range(3):
            start, end = night_ns(date.fromordinal(first.toordinal() + k), UTC)
            one = measured([log], Night(start_ns=start, end_ns=end, cut_ns=end + grace))
            all_counted(one, len(events))
            found += [(row["run"], row["request_id"]) for row in requests(one)]
            faults += sum(r.count for r in one.rejected if r.reason == "no_arrival")
    assert sorted(found) == sorted((row["run"], row["request_id"]) for row in rows)
    # An orphan whose events go on for longer than a night and its grace loses those behind the cut.
    assert (faults > 0) == bool(orphans)
    assert faults <= len(orphans)


def night_of(day: date = DAY, grace: int = 0, **more: Any) -> Night:
    start, end = night_ns(day, UTC)
    return Night(start_ns=start, end_ns=end, cut_ns=end + grace, **more)


def event(kind: str, time: int, request: str = "a", **more: Any) -> Row:
    return {"request_id": request, "event": kind, "time_ns": time} | more


def test_a_request_over_midnight(tmp_path):
    """It arrives a second before midnight, and goes on for two seconds after it."""
    log = [event("arrival", END - S)]
    log += [event("chunk", END - S + k * S, tokens=1) for k in range(1, 4)]
    log += [event("end", END + 2 * S, output_tokens=3)]
    path = make.write(tmp_path / "log.jsonl", log, "jsonl")
    assert requests(measured([path], night_of(grace=10 * S)))[0]["status"] == "ok"
    (cut,) = requests(measured([path], night_of(grace=S)))
    assert (cut["status"], cut["end_ns"], cut["n_chunks"]) == ("incomplete", None, 1)
    found = measured([path], night_of(grace=S))
    (line,) = [r for r in found.rejected if r.reason == "outside_window"]
    assert (line.count, line.is_error) == (3, False)
    assert found.is_clean
    assert requests(measured([path], night_of(date(2023, 11, 16), grace=S))) == []


def test_the_tail_of_the_night_before_is_no_fault_and_a_lost_arrival_is(tmp_path):
    """The files of a day alone: what began within the grace belongs to the night before."""
    log = [event("chunk", START + 3 * S, "tail", tokens=1), event("end", START + HOUR, "tail")]
    log += [event("chunk", START + 20 * S, "lost", tokens=1)]
    log += [event("arrival", START + S), event("end", START + 5 * S)]
    path = make.write(tmp_path / "log.parquet", log, "parquet")
    found = measured([path], night_of(grace=10 * S))
    assert [row["request_id"] for row in requests(found)] == ["a"]
    assert {(r.reason, r.count) for r in found.rejected} == {
        ("outside_window", 2),
        ("no_arrival", 1),
    }
    all_counted(found, len(log))


def test_the_fault_of_a_request_of_another_night_is_none_of_this_one(tmp_path):
    early = [event("arrival", END + 5 * S, "late"), event("chunk", END + S, "late", tokens=1)]
    path = make.write(tmp_path / "log.parquet", [event("arrival", START), *early], "parquet")
    assert measured([path], night_of(grace=10 * S)).is_clean
    after = measured([path], night_of(date(2023, 11, 16), grace=10 * S))
    assert [(r.reason, r.count) for r in after.rejected if r.is_error] == [
        ("chunk_before_arrival", 2)
    ]
    rows = [plain_row(0, [S], arrival_ns=START), plain_row(1, [-5], arrival_ns=END)]
    table = write(tmp_path / "table.parquet", rows)
    assert measured([table], night_of()).is_clean
    assert not measured([table], night_of(date(2023, 11, 16))).is_clean


def test_deliveries_without_chunk_times(tmp_path):
    bare = {"timing": "first_last", "chunk_times_ns": None, "output_tokens": 5}
    rows = [
        plain_row(0, None, arrival_ns=END - S, ttft_ns=S // 2, last_ns=3 * S, **bare),
        plain_row(1, None, arrival_ns=END - S, ttft_ns=2 * S, last_ns=3 * S, **bare),
        plain_row(2, None, arrival_ns=END - S, ttft_ns=S // 2, last_ns=S // 2 + 1, **bare),
    ]
    found = requests(measured([write(tmp_path / "x.parquet", rows)], night_of(grace=S)))
    assert [
        (row["status"], row["ttft_ns"], row["e2e_latency_ns"], row["n_output_tokens"])
        for row in found
    ] == [
        ("incomplete", S // 2, None, None),
        ("incomplete", None, None, None),
        ("ok", S // 2, S // 2 + 1, 5),
    ]


def test_rows_of_a_clock_that_tells_no_day(tmp_path):
    rows = [plain_row(k, [S], arrival_ns=k * S, clock="monotonic") for k in range(3)]
    path = write(tmp_path / "x.parquet", rows)
    with pytest.raises(DataError, match=r"run a has clock monotonic, .*--day 2026-01-31"):
        measured([path], night_of())
    found = measured([path], night_of(has_every_clock=True))
    assert len(requests(found)) == 3
    log = [event("arrival", 5), event("chunk", 7, tokens=1), event("chunk", 7, "lost", tokens=1)]
    logged = measured(
        [make.write(tmp_path / "l.jsonl", log, "jsonl")], night_of(has_every_clock=True)
    )
    assert len(requests(logged)) == 1
    assert [(r.reason, r.count) for r in logged.rejected] == [("no_arrival", 1)]


def test_rows_without_an_arrival_are_left_out_and_a_clock_that_is_none_is_rejected(tmp_path):
    rows = [
        plain_row(0, [S], arrival_ns=START),
        plain_row(1, [S], arrival_ns=None),
        plain_row(2, [S], arrival_ns=START, clock="sundial"),
    ]
    found = measured([write(tmp_path / "x.parquet", rows)], night_of())
    assert {(r.reason, r.place, r.count) for r in found.rejected} == {
        ("outside_window", "row 2", 1),
        ("unknown_value", "row 3", 1),
    }
    all_counted(found, 3)


def test_what_cannot_be_read_of_a_later_days_file_is_that_days_to_tell(tmp_path):
    own = make.write(
        tmp_path / "1.jsonl", [event("arrival", START), event("end", START + S)], "jsonl"
    )
    later = make.write(tmp_path / "2.jsonl", [event("chunk", END + S, tokens=1)], "jsonl")
    later.write_text(later.read_text() + '{"request_id": "a", "event": "chu')
    night = night_of(grace=10 * S, next_files=frozenset({str(later)}))
    assert measured([own, later], night).is_clean
    assert not measured([own, later], night_of(grace=10 * S)).is_clean


@pytest.mark.parametrize("is_window", [True, False])
def test_a_night_divides_by_its_length_once_however_many_runs(tmp_path, is_window):
    rows = [plain_row(k, [S], arrival_ns=START + k * S, run=f"run-{k}") for k in range(3)]
    path = write(tmp_path / "x.parquet", rows)
    found = measured([path], night_of(is_window=is_window))
    (group,) = found.groups
    assert group["requests"] == 3
    assert group["duration_s"] == (86_400.0 if is_window else 3.0)
    bounds = {(run["window_start_ns"], run["window_end_ns"]) for run in found.runs.to_pylist()}
    assert bounds == {(START, END) if is_window else (None, None)}


def test_a_night_and_a_window_exclude_each_other():
    from sgengine.aggregate import SummarySettings, choose

    with pytest.raises(UsageError, match="a night is a window of its own"):
        AnalyzeSettings(night=night_of(), summary=SummarySettings(selection=choose(trim="1s,1s")))


@pytest.mark.parametrize("executor", [Serial(), Threads(workers=2)])
def test_spilled_and_held_logs_give_the_same_night(tmp_path, executor, monkeypatch):
    rows = [
        plain_row(k, [k * S // 9 + i * S for i in range(9)], arrival_ns=END - 30 * S + k * S // 9)
        | {"end_ns": k * S // 9 + 8 * S}
        for k in range(400)
    ]
    events = [event for row in rows for event in make.events_of(row)]
    paths = make.scattered(tmp_path, events, ("parquet", "jsonl", "ipc"))
    held = measured(paths, night_of(grace=5 * S), executor=executor)
    monkeypatch.setattr(AnalyzeSettings, "share_bytes", property(lambda self: 10_000))
    monkeypatch.setattr(AnalyzeSettings, "bucket_bytes", property(lambda self: 100_000))
    spilled = measured(paths, night_of(grace=5 * S), executor=executor)
    assert requests(held) == requests(spilled)
    assert {row["status"] for row in requests(held)} == {"ok", "incomplete"}
    for found in (held, spilled):
        all_counted(found, len(events))
        assert found.is_clean


def test_rows_reach_a_sink_in_order_and_no_figures_are_made(tmp_path):
    from sgengine.analyze import analyze_plans, bounded, plan_sources

    class Kept:
        def __init__(self) -> None:
            self.batches: list[pa.RecordBatch] = []

        def write(self, batch: pa.RecordBatch) -> None:
            self.batches.append(batch)

    rows = [plain_row(k, [S], arrival_ns=START + k * S) for k in range(50)]
    path = write(tmp_path / "x.parquet", rows, group=10)
    settings = bounded(AnalyzeSettings(night=night_of(), executor=Threads(workers=2)))
    kept = Kept()
    found = analyze_plans(plan_sources([str(path)], settings), settings, sink=kept, figures=False)
    assert found.groups == []
    ids = [i for batch in kept.batches for i in batch["request_id"].to_pylist()]
    assert ids == [f"r{k}" for k in range(50)]
    (run,) = found.runs.to_pylist()
    assert (run["first_arrival_ns"], run["rows_measured"]) == (START, 50)


def test_rows_that_break_the_rules_of_lists_are_rejected_wherever_the_cut_is(tmp_path):
    late = {"arrival_ns": END - S, "timing": "chunk"}
    rows = [
        plain_row(0, [S // 2, 5 * S], chunk_tokens=[1], **late),
        plain_row(1, [5 * S, S // 2], **late),
        plain_row(2, [S // 2, None], **late),
        plain_row(3, [S // 2, 5 * S], **late),
    ]
    found = measured([write(tmp_path / "x.parquet", rows)], night_of(grace=S))
    assert [row["request_id"] for row in requests(found)] == ["r3"]
    assert sorted(r.reason for r in found.rejected) == [
        "counts_mismatch",
        "decreasing_times",
        "null_chunk",
    ]
