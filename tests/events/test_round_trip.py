"""Events scattered over files give exactly the deliveries they came from, held or spilled."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sgengine
from sgengine import shuffle
from sgengine.analyze import Analysis, AnalyzeSettings, analyze
from sgengine.executors import Serial, Threads
from sgengine.schema import DELIVERIES, REQUESTS
from tests.effort import FEWER
from tests.events import make
from tests.strategies import deliveries_table


@pytest.fixture(params=["held", "spilled"])
def room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether events fit in memory; where not, buckets hold a few of them and buffers fewer."""
    if request.param == "spilled":
        monkeypatch.setattr(shuffle, "HELD_BYTES", 2**60)
        monkeypatch.setattr(AnalyzeSettings, "bucket_bytes", 400)
    return str(request.param)


@st.composite
def logs(draw: st.DrawFn) -> dict[str, Any]:
    """Deliveries, their events in any order with some repeated, and the files to write them to."""
    rows = draw(make.deliveries())
    models = [draw(st.sampled_from(("m", "n", None))) for _ in rows]
    events = [
        event
        for row, model in zip(rows, models, strict=True)
        for event in make.events_of(row, model=model)
    ]
    again = draw(st.lists(st.sampled_from(events), max_size=4))
    return {
        "rows": rows,
        "models": models,
        "events": draw(st.permutations([*events, *again])),
        "kinds": draw(st.lists(st.sampled_from(make.FORMATS), min_size=1, max_size=4)),
        "whole_ids": draw(st.booleans()),
        "repeated": len(again),
    }


def written(folder: str, log: dict[str, Any]) -> list[str]:
    paths = make.scattered(Path(folder), log["events"], log["kinds"], whole_ids=log["whole_ids"])
    return [str(path) for path in paths]


@pytest.mark.usefixtures("room")
@FEWER
@given(logs())
def test_deliveries_come_back_exactly(log: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        trace = sgengine.read(written(folder, log))
    expected = [
        row | {"model": model} for row, model in zip(log["rows"], log["models"], strict=True)
    ]
    found = trace.deliveries.to_pylist()
    if "model" not in trace.deliveries.column_names:
        found = [row | {"model": None} for row in found]
    assert make.sorted_rows(found) == make.sorted_rows(expected)
    declared = trace.deliveries.schema.field(DELIVERIES.names[0]).type
    assert declared == DELIVERIES.columns[0].type


@pytest.mark.usefixtures("room")
@FEWER
@given(logs(), st.sampled_from([Serial(), Threads(workers=2)]))
def test_figures_are_those_of_the_deliveries(
    log: dict[str, Any], executor: Serial | Threads
) -> None:
    settings = AnalyzeSettings(executor=executor)
    with tempfile.TemporaryDirectory() as folder:
        import pyarrow.parquet as pq

        table = Path(folder) / "deliveries.parquet"
        pq.write_table(deliveries_table(log["rows"]), table)
        expected = analyze([str(table)], settings, keep_requests=True)
        found = analyze(written(folder, log), settings, keep_requests=True)
    assert found.groups == expected.groups
    assert requests_of(found) == requests_of(expected)
    rows = found.runs.to_pylist()
    assert sum(row["rows_in"] for row in rows) == len(log["events"])
    assert sum(row["rows_rejected"] for row in rows) == log["repeated"]
    assert found.is_clean


def requests_of(analysis: Analysis) -> list[dict[str, Any]]:
    assert analysis.requests is not None
    rows = analysis.requests.select(REQUESTS.names).to_pylist()
    return sorted(rows, key=lambda row: (row["run"], row["request_id"]))


def test_spilling_reads_the_same_as_holding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row for k in range(40) for row in request_events(k)]
    paths = [str(p) for p in make.scattered(tmp_path, rows, make.FORMATS)]
    held = sgengine.read(paths).deliveries
    monkeypatch.setattr(shuffle, "HELD_BYTES", 2**60)
    monkeypatch.setattr(AnalyzeSettings, "bucket_bytes", 1000)
    buckets: list[int] = []
    count = shuffle.buckets_for
    monkeypatch.setattr(
        shuffle, "buckets_for", lambda *args: buckets.append(count(*args)) or buckets[-1]
    )
    spilled = sgengine.read(paths).deliveries
    assert buckets[0] > 10
    assert held.num_rows == 40
    assert make.sorted_rows(spilled.to_pylist()) == make.sorted_rows(held.to_pylist())
    assert held.schema == spilled.schema


def request_events(k: int) -> list[dict[str, Any]]:
    about = {"request_id": str(k), "run": "r"}
    start = 1000 * k
    return [
        about | {"event": "arrival", "time_ns": start, "model": "m"},
        *(
            about | {"event": "chunk", "time_ns": start + 50 * i, "tokens": 1 + i}
            for i in range(10)
        ),
        about | {"event": "end", "time_ns": start + 900},
    ]


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize(
    "sizes", [(1, 1, 1), (1, 3, 1), (1, None, 3), (None, None, None), (1, (1, 2), 1), (2, (), 2)]
)
def test_files_whose_chunks_are_of_one_size(tmp_path: Path, sizes: tuple[Any, ...]) -> None:
    """A size a file, which is not kept chunk by chunk; two in one file, none said, or no chunks."""
    expected: list[Any] = []
    for k, size in enumerate(sizes):
        found = list(size) if isinstance(size, tuple) else [size] * 3
        about = {"request_id": str(k), "run": "r"}
        rows = [about | {"event": "arrival", "time_ns": 10, "tokens": None}]
        rows += [about | {"event": "chunk", "time_ns": 20, "tokens": n} for n in found]
        make.write(tmp_path / f"{k}.parquet", rows, "parquet")
        expected.append(sorted(found, reverse=True) if any(found) else None)
    deliveries = sgengine.read(tmp_path).deliveries
    rows = sorted(deliveries.to_pylist(), key=lambda row: str(row["request_id"]))
    assert [row["chunk_tokens"] or None for row in rows] == expected


def test_memory_that_fills_up_midway_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row for k in range(40) for row in request_events(k)]
    paths = [str(p) for p in make.scattered(tmp_path, rows, ["parquet"] * 6)]
    held = sgengine.read(paths).deliveries
    monkeypatch.setattr(shuffle, "HELD_BYTES", 0)
    monkeypatch.setattr(AnalyzeSettings, "bucket_bytes", 1000)
    monkeypatch.setattr(AnalyzeSettings, "share_bytes", 20_000)
    spilled = sgengine.read(paths).deliveries
    assert make.sorted_rows(spilled.to_pylist()) == make.sorted_rows(held.to_pylist())
