"""Older versions are read back, until a vacuum; it removes what nobody can reach, and nothing else."""

from __future__ import annotations

import datetime as dt
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from sgengine.errors import UsageError
from sgengine.store import STORE_TABLES, Night, Store
from tests.effort import LONG
from tests.store import actors, rows
from tests.store.actors import commit
from tests.store.oracle import expected, read, read_delta
from tests.store.rows import Told, day

FIRST, SECOND = Told(revision=1), Told(revision=2, day=day(1))
NOW = dt.timedelta(0)
HOUR = dt.timedelta(hours=1)


def files(root: Path, commit_id: str = "*") -> set[str]:
    """The data files there are, of one commit or all."""
    found = root.glob(f"*/job=*/**/s*-{commit_id}-*.parquet")
    return {str(path.relative_to(root)) for path in found}


def live(root: Path) -> set[str]:
    snapshot = Store.open(root).snapshot()
    return {file.path for table in snapshot.files.values() for file in table}


def made_older(root: Path, paths: set[str], by: dt.timedelta) -> None:
    """Set back when files were written."""
    then = time.time() - by.total_seconds()
    for path in paths:
        os.utime(root / path, (then, then))


def abandoned(root: Path, told: Told) -> set[str]:
    """The files that a killed writer leaves: staged, and never committed or removed."""
    store, before = Store.open(root), files(root)
    staging = store.stage(store.begin([Night(told.job, told.day)]))
    staging.write(rows.requests(told), day=told.day)
    staging.gaps(rows.gaps(told), day=told.day)
    staging.finish_requests()
    staging.is_published = True
    return files(root) - before


# ---- time travel -----------------------------------------------------------------------------


def test_every_version_is_read_as_it_was(folder):
    states: dict[Night, Told] = {}
    told_at = {0: expected([])}
    for revision in range(12):  # beyond a checkpoint
        told = Told(revision=revision, day=day(revision % 3), job="ab"[revision % 2])
        made = commit(folder / "s", told)
        states[Night(told.job, told.day)] = told
        told_at[made.version] = expected(states.values())
    assert len(told_at) == 13
    for version, told in told_at.items():
        assert read(folder / "s", version) == told, version


def test_a_time_names_the_last_version_before_it(folder):
    before = dt.datetime.now(dt.UTC)
    time.sleep(0.002)
    versions, times = [], []
    for revision in range(3):
        versions.append(commit(folder / "s", replace(FIRST, revision=revision)).version)
        time.sleep(0.002)
        times.append(dt.datetime.now(dt.UTC))
        time.sleep(0.002)
    store = Store.open(folder / "s")
    assert [store.snapshot(at).version for at in times] == versions
    zone = dt.timezone(dt.timedelta(hours=9))
    assert store.snapshot(times[1].astimezone(zone)).version == versions[1]
    with pytest.raises(UsageError, match="the store was made at"):
        store.snapshot(before)
    with pytest.raises(UsageError, match="has no zone"):
        store.snapshot(times[0].replace(tzinfo=None))


def test_a_copied_store_keeps_its_times(folder):
    commit(folder / "s", FIRST)
    time.sleep(0.002)
    middle = dt.datetime.now(dt.UTC)
    time.sleep(0.002)
    commit(folder / "s", SECOND)
    for path in (folder / "s").rglob("*"):
        os.utime(path)
    assert read(folder / "s", Store.open(folder / "s").snapshot(middle).version) == expected(
        [FIRST]
    )


@pytest.mark.parametrize("version", [-1, 2, 99])
def test_a_version_that_is_not_there(folder, version):
    commit(folder / "s", FIRST)
    with pytest.raises(UsageError, match="give one from 0 to 1"):
        Store.open(folder / "s").snapshot(version)


# ---- vacuum ----------------------------------------------------------------------------------


def test_nothing_young_is_removed(folder):
    commit(folder / "s", FIRST)
    commit(folder / "s", replace(FIRST, revision=3))
    abandoned(folder / "s", SECOND)
    before = files(folder / "s")
    for retention in (HOUR, dt.timedelta(days=30)):
        assert Store.open(folder / "s").vacuum(retention=retention) == ()
    assert files(folder / "s") == before


def test_what_was_replaced_goes_with_its_side_rows(folder):
    root = folder / "s"
    old, kept = commit(root, FIRST), commit(root, SECOND)
    commit(root, again := replace(FIRST, revision=3))
    store = Store.open(root)
    gone = store.vacuum(retention=NOW, dry_run=True)
    assert set(gone) == files(root, old.commit_id)
    assert store.vacuum(retention=NOW) == gone
    assert files(root) == live(root)
    assert files(root, kept.commit_id)
    assert read(root) == read_delta(root) == expected([again, SECOND])
    for name in STORE_TABLES:  # no log names a file that is gone
        named = DeltaTable(root / name).file_uris()
        assert all(Path(path).exists() for path in named), name
    assert {damage.kind for damage in store.verify().damages} <= {"views_stale"}
    assert store.vacuum(retention=NOW) == ()


def test_the_rest_of_a_commit_keeps_its_side_rows(folder):
    root = folder / "s"
    commit(root, FIRST, SECOND)
    commit(root, again := replace(SECOND, revision=3))
    gone = Store.open(root).vacuum(retention=NOW)
    assert gone
    assert all("day=2026-01-02" in path for path in gone)
    assert read(root) == read_delta(root) == expected([FIRST, again])


def test_files_that_were_never_committed_go(folder):
    root = folder / "s"
    commit(root, FIRST)
    orphans = abandoned(root, SECOND)
    assert orphans
    made_older(root, orphans, 2 * HOUR)
    assert set(Store.open(root).vacuum(retention=HOUR)) == orphans
    assert files(root) == live(root)


def test_side_rows_of_a_commit_that_lost_go(folder):
    """A writer that was killed after its side tables named their files, and before its commit."""
    root = folder / "s"
    commit(root, FIRST)
    code = actors.ended(
        actors.started(actors.writer, root, [SECOND], folder / "log", steps_until("swap", folder))
    )
    assert code == actors.CRASHED
    dead = files(root) - live(root)
    assert {path.split("/")[0] for path in dead} >= {"requests", "gaps", "runs", "nights"}
    named = {
        Path(path).name for name in STORE_TABLES for path in DeltaTable(root / name).file_uris()
    }
    assert named & {Path(path).name for path in dead}
    assert set(Store.open(root).vacuum(retention=NOW)) == dead
    assert read(root) == read_delta(root) == expected([FIRST])


def steps_until(name: str, folder: Path) -> int:
    """The number of the step ``name`` of a commit of SECOND."""
    actors.ended(actors.started(actors.writer, folder / "other", [SECOND], folder / "steps", 999))
    steps = (folder / "steps").read_text().splitlines()
    made = steps.index("created store") + 1  # the store is there already
    return steps.index(name) - made


def test_versions_within_the_retention_stay_readable(folder):
    root = folder / "s"
    for revision in (0, 1, 2, 3):
        if revision == 2:
            then = dt.datetime.now(dt.UTC)
            time.sleep(1)  # what may pass between the next two lines
        commit(root, replace(FIRST, revision=revision))
    made_older(root, files(root), 2 * HOUR)
    store = Store.open(root)
    gone = store.vacuum(retention=dt.datetime.now(dt.UTC) - then)
    assert gone
    for version in (2, 3, 4):  # what was current then, and all since
        assert read(root, version) == expected([replace(FIRST, revision=version - 1)])
    with pytest.raises(UsageError, match="give one from 2 to 5"):
        store.snapshot(1)


def test_a_reader_of_a_vacuumed_version_is_told(folder):
    root = folder / "s"
    commit(root, FIRST)
    commit(root, replace(FIRST, revision=3))
    store = Store.open(root)
    store.vacuum(retention=NOW)
    with pytest.raises(UsageError, match="version 1 is not in the store"):
        store.snapshot(1)
    assert read(root, 2) == expected([replace(FIRST, revision=3)])


def test_a_negative_retention_is_refused(folder):
    with pytest.raises(UsageError, match="give 0 or more"):
        Store.create(folder / "s").vacuum(retention=-HOUR)


@settings(max_examples=5 * LONG)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 8), st.integers(0, 1), st.sampled_from(["commit", "leave", "vacuum"])
        ),
        max_size=7,
    )
)
def test_a_vacuum_at_any_time_changes_no_answer(tmp_path_factory, turns):
    root, held = tmp_path_factory.mktemp("any") / "s", {}
    store = Store.create(root)
    for revision, number, what in turns:
        told = Told(revision=revision, day=day(number), systems=("a",))
        if what == "commit":
            commit(root, told)
            held[number] = told
        elif what == "leave":
            abandoned(root, told)
        else:
            store.vacuum(retention=NOW)
            assert files(root) == live(root)
        assert read(root) == expected(held.values())
