"""Readers while a job commits: never an error, never a mixture, never back in time."""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path

from sgengine.store import Store
from sgengine.store import snapshot as snapshots
from sgengine.store.layout import SIDES
from tests.effort import faults
from tests.store import actors
from tests.store.actors import COMMITTED, FAILED, ended, started
from tests.store.oracle import expected, read, read_delta, read_duckdb
from tests.store.rows import Told, day

COMMITS = faults(8, 40)
DAYS = (day(0), day(1))


def reader(root: Path, log: Path, done: Path) -> None:
    """Read by DuckDB until ``done`` is there; a line in ``log`` a read, FAILED for any surprise."""
    latest = 0
    try:
        while not done.exists():
            version, revision = Store.open(root).snapshot().version, checked(root)
            assert revision >= latest, f"revision {revision} after {latest}"
            latest = revision
            assert checked(root, version) <= revision
            with log.open("a") as lines:
                lines.write(f"{revision}\n")
    except BaseException:  # noqa: BLE001 # whatever it is, the test is to show it
        traceback.print_exc()
        os._exit(FAILED)
    os._exit(COMMITTED)


def checked(root: Path, at: int | None = None) -> int:
    """The revision of all rows, of both nights and of every table; that each is there once."""
    seen = read_duckdb(root, at)
    ((revision,),) = {tuple(night.runs) for night in seen.values()}
    assert seen == expected(Told(revision=revision, day=each) for each in DAYS)
    return revision


def test_readers_see_each_commit_whole_and_never_an_error(folder):
    root, done = folder / "store", folder / "done"
    logs = [folder / f"reader{number}" for number in range(faults(1, 2))]
    actors.commit(root, *(Told(revision=1, day=each) for each in DAYS))
    readers = [started(reader, root, log, done) for log in logs]
    until = time.monotonic() + 180
    while not all(log.exists() for log in logs):
        assert all(each.is_alive() for each in readers)
        assert time.monotonic() < until
        time.sleep(0.01)
    assert ended(started(actors.rewriter, root, DAYS, 2, folder / "log", COMMITS)) == COMMITTED
    done.touch()
    assert [ended(each) for each in readers] == [COMMITTED] * len(logs)
    reads = [int(line) for log in logs for line in log.read_text().splitlines()]
    assert len(set(reads)) > 1, "reads fell between the commits"
    last = expected(Told(revision=COMMITS + 1, day=each) for each in DAYS)
    assert read(root) == read_delta(root) == last


def test_side_tables_that_were_opened_before_a_commit_are_opened_again(folder, monkeypatch):
    """They are opened beside requests, which may then have a commit that they do not."""
    root, opened = folder / "store", []
    actors.commit(root, Told(revision=1, day=DAYS[0]))
    open_table, load_requests = snapshots.open_table, snapshots.load_requests

    def counted(uri, name, **options):
        table = open_table(uri, name, **options)
        opened.append(name)
        return table

    def after_a_commit(place, version):
        until = time.monotonic() + 60
        while len(opened) < len(SIDES):
            assert time.monotonic() < until
            time.sleep(0.01)
        monkeypatch.setattr(snapshots, "load_requests", load_requests)
        actors.commit(root, *(Told(revision=2, day=each) for each in DAYS))
        opened.clear()
        return load_requests(place, version)

    monkeypatch.setattr(snapshots, "open_table", counted)
    monkeypatch.setattr(snapshots, "load_requests", after_a_commit)
    snapshot = Store.open(root).snapshot()
    assert {"gaps", "nights", "runs"} <= set(opened), "the first ones were stale"
    monkeypatch.undo()
    assert snapshot == Store.open(root).snapshot()


def test_a_snapshot_outlives_the_commits_behind_it(folder):
    root = folder / "store"
    for revision in range(1, 5):
        actors.commit(root, Told(revision=revision))
    for version in range(1, 5):
        assert (
            read(root, version) == read_duckdb(root, version) == expected([Told(revision=version)])
        )
    assert read(root, 0) == {}
