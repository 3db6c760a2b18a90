"""Capacity of a store: nothing is measured again, and what it says is what the traces say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sgengine.analyze import AnalyzeSettings
from sgengine.analyze.stored_files import Wanted
from sgengine.capacity import capacity, capacity_store
from sgengine.errors import UsageError
from sgengine.record import record_inputs
from sgengine.store import Store
from tests.capacity.test_capacity import poisson, settings_of
from tests.cli.support import document, good, refused, run
from tests.engine.make import EPOCH, write

NIGHT = date(2026, 3, 1)
ROWS = [
    row | {"arrival_ns": EPOCH + row["arrival_ns"], "seed": seed}
    for seed, (name, rate, ttft) in enumerate((("a", 1.0, 300), ("b", 2.0, 400), ("c", 4.0, 900)))
    for row in poisson(name, rate, ttft, request_rate=rate if name == "b" else None)
]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("sweep")
    return str(write(folder / "sweep.parquet", ROWS, dimensions=("request_rate", "seed")))


@pytest.fixture(scope="module")
def root(trace: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The sweep as one night of a job, committed for the default reader and no SLO."""
    root = str(tmp_path_factory.mktemp("store") / "store")
    record_inputs([trace], AnalyzeSettings(), root, job="sweep", day=NIGHT)
    return root


def test_a_store_says_what_its_traces_say(trace: str, root: str) -> None:
    for by in (("system", "workload"), ("seed", "system"), ("run",), ()):
        found = capacity_store(Store.open(root).snapshot(), settings_of(by=by))
        wanted = capacity([trace], settings_of(by=by))
        assert found.groups == wanted.groups
    (group,) = found.groups
    assert [(each.run, each.rate_source) for each in group.runs] == [
        ("a", "observed"),
        ("b", "stated"),
        ("c", "observed"),
    ]
    assert group.capacity.rate == 2.0


def test_runs_of_several_nights_are_told_apart(trace: str, tmp_path: Path) -> None:
    root = str(tmp_path / "store")
    for day in (1, 2):
        record_inputs([trace], AnalyzeSettings(), root, job="j", day=date(2026, 3, day))
    snapshot = Store.open(root).snapshot()
    (group,) = capacity_store(snapshot, settings_of()).groups
    names = {f"2026-03-0{day} {run}" for day in (1, 2) for run in "abc"}
    assert {each.run for each in group.runs} == names
    assert group.capacity == capacity([trace], settings_of()).groups[0].capacity
    one = capacity_store(snapshot, settings_of(), Wanted(days=frozenset([date(2026, 3, 2)])))
    assert {each.run for each in one.groups[0].runs} == {"a", "b", "c"}
    with pytest.raises(UsageError, match="no night"):
        capacity_store(snapshot, settings_of(), Wanted(job="none"))


def test_the_verb_takes_a_store(trace: str, root: str) -> None:
    ours = document("capacity", root, "--goodput", "ttft:500", "--attainment", "0.5")
    theirs = document("capacity", trace, "--goodput", "ttft:500", "--attainment", "0.5")
    assert ours["groups"] == theirs["groups"]
    assert "\nbest rate: " in good("capacity", root, "--job", "sweep", "--day", str(NIGHT))


def test_an_audit_needs_the_tokens(root: str) -> None:
    refused(run("audit", root, "--delay", "tbt:100"), 2, "is a store", "traces")
