"""A log far larger than the memory budget: within it, and without a trace of temporary files."""

from __future__ import annotations

import json
import pickle
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sgengine import readers, shuffle
from sgengine.analyze import AnalyzeSettings, analyze, events, plan_sources, with_parts
from sgengine.analyze.parts import Bucket, read
from sgengine.errors import DataError
from sgengine.executors import Serial
from tests.cli.support import process
from tests.events import logs, make

MIB = 1 << 20
BUDGET = 64 * MIB
CHUNKS = 300
PATIENCE_S = 180


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three million events, which 64 MiB do not hold."""
    folder = tmp_path_factory.mktemp("large")
    logs.python(logs.WRITE, folder, 3, 1, 10_000, CHUNKS)
    return folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that temporary files go to."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def spilling(folder: Path, temporary: Path) -> Any:
    """An analysis that has begun to spill."""
    words = ["analyze", folder, "--memory", "64MiB", "--on", "threads:2"]
    made = process(*words, environment={"TMPDIR": str(temporary)})
    give_up = time.monotonic() + PATIENCE_S
    while not list(temporary.glob("sgengine-events-*/*")):
        assert made.poll() is None, made.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.01)
    return made


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_temporary(
    large: Path, temporary: Path, number: signal.Signals
) -> None:
    made = spilling(large, temporary)
    made.send_signal(number)
    out, _ = made.communicate(timeout=PATIENCE_S)
    assert (made.returncode, out) == (128 + number, "")
    assert list(temporary.iterdir()) == []


def test_success_and_failure_leave_no_temporary(
    large: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spilled: list[shuffle.Place] = []
    load = shuffle.load
    monkeypatch.setattr(shuffle, "load", lambda place: spilled.append(place) or load(place))
    found = analyze([str(large)], AnalyzeSettings(memory_bytes=BUDGET))
    assert found.runs["rows_in"].to_pylist() == [10_000 * (CHUNKS + 2)]
    assert spilled
    assert list(temporary.iterdir()) == []

    def failing(place: shuffle.Place) -> shuffle.Piece:
        raise DataError("no more")

    monkeypatch.setattr(shuffle, "load", failing)
    with pytest.raises(DataError, match="no more"):
        analyze([str(large)], AnalyzeSettings(memory_bytes=BUDGET))
    assert list(temporary.iterdir()) == []


def test_no_room_for_temporary_files_says_so(
    large: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def __init__(self, *_: object) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("sgengine.shuffle.spill.pa.OSFile", Full)
    with pytest.raises(DataError, match="set TMPDIR to a folder with more room"):
        analyze([str(large)], AnalyzeSettings(memory_bytes=BUDGET))
    assert list(temporary.iterdir()) == []


def test_a_failure_while_what_was_held_is_written(
    large: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller fails while workers still write to the folder: they are stopped before it goes."""
    split_pieces = shuffle.split

    def failing(task: shuffle.SplitTask, pieces: Any) -> shuffle.SplitReceipt:
        if task.name.startswith("held"):
            raise DataError("no more")
        return split_pieces(task, pieces)

    monkeypatch.setattr(shuffle, "HELD_BYTES", 0)
    monkeypatch.setattr(shuffle, "split", failing)
    with pytest.raises(DataError, match="no more"):
        analyze([str(large)], AnalyzeSettings(memory_bytes=2 * BUDGET))
    assert list(temporary.iterdir()) == []


def test_both_halves_are_small_and_can_be_sent_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks and receipts survive pickling: the halves may run on other machines."""
    rows = [
        {"request_id": f"r{k}", "event": kind, "time_ns": 10 * k + i, "model": "m"}
        for k in range(30)
        for i, kind in enumerate(("arrival", "chunk", "end"))
    ]
    paths = [str(path) for path in make.scattered(tmp_path, rows, make.FORMATS)]
    monkeypatch.setattr(shuffle, "HELD_BYTES", 2**60)
    monkeypatch.setattr(AnalyzeSettings, "bucket_bytes", 1000)

    class Elsewhere(Serial):
        def run(self, function: Any, tasks: Any) -> Any:
            sent = (pickle.loads(pickle.dumps(task)) for task in tasks)
            for done in super().run(function, sent):
                yield pickle.loads(pickle.dumps(done))

    settings = AnalyzeSettings(executor=Elsewhere(), read=readers.ReadOptions())
    plans, _, _ = plan_sources(paths, settings)
    with ExitStack() as stack:
        _, parts = with_parts(plans, settings, stack)
        assert all(isinstance(part, Bucket) for part in parts)
        again = [pickle.loads(pickle.dumps(part)) for part in parts]
        found = [row for part in again for b in read(part) for row in b.deliveries.to_pylist()]
    assert len(parts) > 3
    assert sorted(row["request_id"] for row in found) == sorted(f"r{k}" for k in range(30))
    assert {(row["model"], row["status"], len(row["chunk_times_ns"])) for row in found} == {
        ("m", "ok", 1)
    }
    assert events.split.__module__ == "sgengine.analyze.events"


def peak(folder: Path, parts: int, rows: int) -> dict[str, Any]:
    folder.mkdir()
    logs.python(logs.WRITE, folder, 4, parts, rows, CHUNKS)
    found: dict[str, Any] = json.loads(logs.python(logs.ANALYSE, folder, BUDGET))
    return found


@pytest.mark.slow
def test_thirty_million_events_take_hardly_more_memory_than_six(tmp_path: Path) -> None:
    """Beside the budget: the libraries, compiled kernels, and the pages of files mapped just now."""
    peak(tmp_path / "first", 1, 10)  # the first may compile the kernels
    some = peak(tmp_path / "some", 1, 20_000)
    many = peak(tmp_path / "many", 5, 20_000)
    assert many["requests"] == 100_000
    assert many["samples"] == 100_000 * (CHUNKS - 1)
    assert many["rows"] == [100_000 * (CHUNKS + 2)]
    assert many["rejects"] == 0
    assert many["p99"] == pytest.approx(24.9, abs=0.01)
    assert many["peak"] < BUDGET + 350 * MIB
    assert many["peak"] - some["peak"] < 60 * MIB
