"""A store in an S3 server: a real one, in a process of its own on loopback."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from threading import Barrier, Thread

import obstore
import polars as pl
import pyarrow.parquet as pq
import pytest

from sgengine.errors import DataError, UsageError
from sgengine.store import Night, NightConflict, Snapshot, Store, is_store
from sgengine.store.places import place_of
from tests.s3 import BUCKET, KEYS, Server
from tests.store import actors, rows
from tests.store.rows import Told, day

FIRST, SECOND = Told(revision=1), Told(revision=2, day=day(1))


@pytest.fixture
def root(s3: Server, request: pytest.FixtureRequest) -> str:
    """A prefix of its own for each test."""
    return f"s3://{BUCKET}/{request.node.name}/store"


def ids(snapshot: Snapshot, table: str = "requests", column: str = "request_id") -> list[str]:
    """A column of all live files, read by pyarrow through the place's own way of opening them."""
    place = place_of(snapshot.root)
    found = []
    for file in snapshot.files[table]:
        with place.open(file.path) as opened:
            found += pq.read_table(opened, columns=[column])[column].to_pylist()
    return sorted(found)


def told(*nights: Told) -> list[str]:
    return sorted(name for night in nights for name in night.ids)


def test_commits_replace_their_nights_and_are_read_back(root):
    assert not is_store(root)
    for night in (FIRST, SECOND, again := replace(FIRST, revision=7)):
        actors.commit(root, night)
    assert is_store(root)
    store = Store.open(root)
    assert ids(store.snapshot()) == told(again, SECOND)
    assert ids(store.snapshot(), "runs", "n_output_tokens") == [2, 7]
    assert ids(store.snapshot(2)) == told(FIRST, SECOND)
    assert {damage.kind for damage in store.verify().damages} <= {"orphan_file", "views_stale"}


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store on disk, to be copied."""
    made = str(tmp_path_factory.mktemp("two") / "store")
    for night in (FIRST, SECOND):
        actors.commit(made, night)
    return made


def test_damage_is_named_and_mended(root, s3, two_nights):
    s3.upload(two_nights, root.removeprefix(f"s3://{BUCKET}/"))
    store, place = Store.open(root), place_of(root)
    entry = f"requests/_delta_log/{store.snapshot().version:020d}.json"
    place.publish(entry, place.read(entry)[:-20])
    with pytest.raises(DataError, match="damaged"):
        store.snapshot()
    assert [(each.kind, each.place) for each in store.mend()] == [("log_entry_damaged", entry)]
    assert ids(store.snapshot()) == told(FIRST)
    actors.commit(root, SECOND)
    lost = store.snapshot().files["gaps"][0]
    place.delete(lost.path)
    assert ("file_missing", lost.path) in {
        (each.kind, each.place) for each in store.verify().damages
    }
    actors.commit(root, FIRST)
    assert {damage.kind for damage in store.verify().damages} <= {"orphan_file"}
    assert ids(store.snapshot()) == told(FIRST, SECOND)


def test_other_readers_find_the_tables(root):
    odd = replace(FIRST, job="a job/ü%", systems=("llama/70b", "50%"), workload="a b")
    actors.commit(root, odd)
    options = {**place_of(root).options, **KEYS}
    found = pl.scan_delta(f"{root}/requests", storage_options=options).collect()
    assert sorted(found["request_id"]) == told(odd)
    assert set(found["system"]) == set(odd.systems)
    assert set(found["job"]) == {odd.job}


def test_of_two_stale_writers_one_commits(root):
    store = Store.create(root)
    ticket = store.begin([Night(FIRST.job, FIRST.day)])
    with store.stage(ticket) as one, store.stage(ticket) as other:
        one.write(rows.requests(FIRST), day=FIRST.day)
        other.write(rows.requests(replace(FIRST, revision=2)), day=FIRST.day)
        store.commit(one, actors.FACTS)
        with pytest.raises(NightConflict):
            store.commit(other, actors.FACTS)
    assert ids(store.snapshot()) == told(FIRST)


@pytest.mark.slow
def test_writers_at_the_same_time(root):
    """Of the same night one wins; of different nights all get in. No lock is there to help them."""
    store, gate = Store.create(root), Barrier(4)
    nights = [Told(revision=r, day=day(n)) for r, n in ((1, 0), (2, 0), (3, 1), (4, 2))]
    outcomes: dict[Told, str] = {}

    def write(night: Told) -> None:
        ticket = store.begin([Night(night.job, night.day)])
        with store.stage(ticket) as staging:
            staging.write(rows.requests(night), day=night.day)
            gate.wait(30)
            try:
                store.commit(staging, actors.FACTS)
                outcomes[night] = "committed"
            except NightConflict:
                outcomes[night] = "conflict"

    threads = [Thread(target=write, args=(night,)) for night in nights]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes.values()) == ["committed"] * 3 + ["conflict"]
    assert ids(store.snapshot()) == told(*(n for n, how in outcomes.items() if how == "committed"))


@pytest.mark.slow
def test_vacuum(root):
    for night in (FIRST, SECOND, again := replace(FIRST, revision=7)):
        actors.commit(root, night)
    store = Store.open(root)
    assert store.vacuum(retention=dt.timedelta(hours=1)) == ()
    gone = store.vacuum(retention=dt.timedelta(0))
    assert {path.split("/")[0] for path in gone} >= {"requests", "gaps", "runs", "nights"}
    place = place_of(root)
    found = {f.path for f in place.walk("requests") if "/_delta_log/" not in f.path}
    assert found == {file.path for file in store.snapshot().files["requests"]}
    assert ids(store.snapshot()) == told(again, SECOND)


def test_an_error_while_staging_leaves_nothing(root):
    store = Store.create(root)
    with (
        pytest.raises(ZeroDivisionError),
        store.stage(store.begin([Night("nightly", day(0))]), memory_bytes=1) as staging,
    ):
        fail_after(staging.write, rows.requests(FIRST), day(0))
    assert not [f for f in place_of(root).walk("requests") if "/_delta_log/" not in f.path]


def fail_after(function, *arguments: object) -> None:
    function(*arguments)
    raise ZeroDivisionError


@pytest.mark.parametrize("bad", ["s3://", "s3:///a", "s3://results/a b", "s3://results/a%20b"])
def test_roots_that_readers_would_spell_differently_are_refused(root, bad):
    with pytest.raises(UsageError, match="no place for a store"):
        Store.create(bad)


def test_what_is_no_store_is_not_opened(root):
    with pytest.raises(UsageError, match="is no store"):
        Store.open(root)


def test_no_store_is_made_among_other_files(root, s3):
    obstore.put(s3.client(root.removeprefix(f"s3://{BUCKET}/")), "trace.parquet", b"x")
    with pytest.raises(UsageError, match=r"holds trace\.parquet and is no store"):
        Store.create(root)


@pytest.mark.slow  # asked ten times more, over some seconds
def test_a_server_that_does_not_answer_is_one_line(root, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(DataError) as raised:
        Store.create(root)
    assert "\n" not in str(raised.value)
    assert "127.0.0.1:1" in str(raised.value)
