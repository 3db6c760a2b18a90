"""Sums that workers take along from part to part: nothing is lost, nothing is added to by two at once."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from sgengine.aggregate import Aggregator, SummarySettings
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.analyze.carried import Carried, Sums
from sgengine.errors import UsageError
from sgengine.executors import Serial, Threads
from tests.engine.make import random_rows, write

NONE = np.zeros(0, dtype=np.int64)
KEY = ("a",)


def empty() -> Sums:
    return Sums(aggregate=Aggregator(settings=SummarySettings()), gaps=None)


def count(sums: Sums) -> int:
    return sums.aggregate.pool.moments[KEY].count if sums.aggregate.pool.moments else 0


def add(sums: Sums, samples: int) -> None:
    sums.aggregate.pool.add([KEY], NONE, np.full(samples, 5.0))


def test_a_part_adds_to_what_another_left_and_leaves_its_columns() -> None:
    carried = Carried()
    first = carried.take(empty)
    add(first, 3)
    first.aggregate.columns["tenant"] = None
    left = carried.give(first, empty, limit_bytes=1000)
    assert list(left.aggregate.columns) == ["tenant"]
    assert count(left) == 0
    second = carried.take(empty)
    assert second is first
    assert not second.aggregate.columns
    other = carried.take(empty)
    assert other is not first, "a part that begins meanwhile has sums of its own"
    add(second, 4)
    add(other, 5)
    carried.give(other, empty, limit_bytes=1000)
    carried.give(second, empty, limit_bytes=1000)
    assert sorted(count(sums) for sums in carried.rest()) == [5, 7]
    assert carried.rest() == []


def test_sums_that_grew_are_merged_at_once() -> None:
    carried = Carried()
    grown = carried.take(empty)
    add(grown, 1000)
    assert carried.give(grown, empty, limit_bytes=7999) is grown
    assert carried.rest() == []


def test_no_two_threads_add_to_the_same() -> None:
    carried = Carried()
    in_use: set[int] = set()
    lock = threading.Lock()

    def part(task: int, stop: object) -> None:
        sums = carried.take(empty)
        with lock:
            assert id(sums) not in in_use
            in_use.add(id(sums))
        add(sums, task)
        time.sleep(0.0005)
        with lock:
            in_use.remove(id(sums))
        carried.give(sums, empty, limit_bytes=1 << 20)

    list(Threads(workers=4).run(part, range(1, 101)))
    rest = carried.rest()
    assert len(rest) <= 4
    assert sum(map(count, rest)) == 5050


def test_merging_after_every_part_changes_no_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.parquet", random_rows(200, seed=6), dimensions=("tenant",), group=17)
    monkeypatch.setattr("sgengine.analyze.settings._LARGEST_BATCH", 5_000)
    settings = AnalyzeSettings(summary=SummarySettings(by=("tenant",)), executor=Threads(workers=3))
    carried = analyze([str(path)], settings)
    monkeypatch.setattr(AnalyzeSettings, "carried_bytes", -1)
    merged = analyze([str(path)], settings)
    assert merged.groups == carried.groups
    assert merged.gaps is not None
    assert carried.gaps is not None
    assert merged.gaps.equals(carried.gaps)
    assert merged.runs.equals(carried.runs)


def test_columns_are_told_in_the_order_of_the_parts_whoever_read_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = random_rows(120, seed=7)
    monkeypatch.setattr("sgengine.analyze.settings._LARGEST_BATCH", 5_000)
    paths = [
        str(write(tmp_path / f"{k}.parquet", rows[k::3], dimensions=names, group=9))
        for k, names in enumerate([(), ("tenant",), ("priority", "tenant")])
    ]
    told = set()
    for executor in (Serial(), Threads(workers=3), Threads(workers=3)):
        summary = SummarySettings(by=("nowhere",))
        with pytest.raises(UsageError) as error:
            analyze(paths, AnalyzeSettings(summary=summary, executor=executor))
        told.add(str(error.value))
    (line,) = told
    assert line.index("tenant") < line.index("priority")
