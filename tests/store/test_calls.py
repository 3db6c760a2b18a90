"""What the calls of a store do, refuse, and leave alone."""

from __future__ import annotations

import shutil
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sgengine.errors import DataError, UsageError
from sgengine.schema import CLASSES, GAPS, NIGHTS
from sgengine.store import NONE, STORE_TABLES, Night, NightConflict, Store, is_store
from tests.store import rows
from tests.store.actors import FACTS, commit
from tests.store.oracle import expected, read, read_delta, read_duckdb
from tests.store.rows import Told, day

FIRST, SECOND = Told(revision=1), Told(revision=2, day=day(1))


def data_files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.glob("*/job=*/**/*.parquet")}


def night_row(store: Store, night: Night) -> dict[str, object]:
    """The row of NIGHTS of a night."""
    (file,) = (file for file in store.snapshot().files["nights"] if file.night == night)
    (row,) = pq.ParquetFile(f"{store.root}/{file.path}").read().to_pylist()
    return row


# ---- making and opening ----------------------------------------------------------------------


def test_a_new_store_is_empty_and_opens(folder):
    root = folder / "deep" / "store"
    assert not is_store(root)
    snapshot = Store.create(root).snapshot()
    assert is_store(root)
    assert snapshot.files == dict.fromkeys(STORE_TABLES, ())
    assert snapshot.version == 0


def test_making_a_store_again_changes_nothing(folder):
    commit(folder / "store", FIRST)
    assert Store.create(folder / "store").snapshot().version == 1
    assert read(folder / "store") == expected([FIRST])


def test_what_is_no_store_is_not_opened(folder):
    for path in (folder, folder / "nothing"):
        with pytest.raises(UsageError, match="is no store"):
            Store.open(path)
    assert not is_store(folder)


def test_no_store_is_made_among_other_files(folder):
    (folder / "trace.parquet").write_text("")
    with pytest.raises(UsageError, match=r"holds trace\.parquet and is no store"):
        Store.create(folder)
    assert [path.name for path in folder.iterdir()] == ["trace.parquet"]


def test_a_store_of_a_later_layout_is_not_read(folder):
    Store.create(folder / "store")
    (folder / "store" / "_sgengine" / "store.json").write_text('{"layout": 99}')
    with pytest.raises(DataError, match="layout 99, and this sgengine knows 1"):
        Store.open(folder / "store")


def test_a_folder_that_cannot_be_written_is_one_line(folder):
    (folder / "file").write_text("")
    with pytest.raises(DataError, match="no store can be made at"):
        Store.create(folder / "file" / "store")


@pytest.mark.parametrize("name", ["a b", "ü", "50%", "a#b?", "[x]*", 'it\'s "it"', "c+d&e=f"])
def test_folders_with_odd_names(folder, name):
    commit(folder / name, FIRST)
    commit(folder / name, SECOND)
    assert read(folder / name) == expected([FIRST, SECOND])
    assert Store.open(folder / name).verify().damages == ()


def test_a_folder_whose_name_deltalake_would_decode_is_refused(folder):
    with pytest.raises(UsageError, match="rename that folder"):
        Store.create(folder / "a%20b")


def test_a_store_may_be_moved(folder):
    commit(folder / "store", FIRST)
    shutil.move(folder / "store", folder / "other")
    assert read(folder / "other") == expected([FIRST])
    commit(folder / "other", SECOND)
    assert read_delta(folder / "other") == expected([FIRST, SECOND])


# ---- committing ------------------------------------------------------------------------------


def test_three_readers_see_what_was_committed(folder):
    commit(folder / "s", FIRST, SECOND)
    for reader in (read, read_duckdb, read_delta):
        assert reader(folder / "s") == expected([FIRST, SECOND]), reader.__name__


def test_a_re_run_replaces_its_night_alone(folder):
    other = Told(revision=3, job="another")
    for told in (FIRST, SECOND, other, again := replace(FIRST, revision=4)):
        commit(folder / "s", told)
    for reader in (read, read_duckdb, read_delta):
        assert reader(folder / "s") == expected([again, SECOND, other]), reader.__name__


def test_days_of_one_commit_are_replaced_one_by_one(folder):
    """The other day of a commit stays, with its side rows; those of the replaced day do not."""
    commit(folder / "s", FIRST, SECOND)
    commit(folder / "s", again := replace(SECOND, revision=7))
    for reader in (read, read_duckdb, read_delta):
        assert reader(folder / "s") == expected([FIRST, again]), reader.__name__


def test_rows_go_to_their_days_of_arrival(folder):
    store = Store.create(folder / "s")
    both = pa.Table.from_batches([rows.requests(SECOND), rows.requests(FIRST)]).combine_chunks()
    with store.stage(store.begin_job("nightly")) as staging:
        staging.write(both.to_batches()[0])
        assert staging.days == (day(0), day(1))
        store.commit(staging, FACTS)
    seen = read(folder / "s")
    assert {key: set(night.ids) for key, night in seen.items()} == {
        ("nightly", told.day): set(told.ids) for told in (FIRST, SECOND)
    }


def test_gaps_go_to_the_days_of_their_hours(folder):
    store = Store.create(folder / "s")
    hours = [int(datetime(2026, 1, n, 5, tzinfo=UTC).timestamp()) * 10**9 for n in (1, 2)]
    row = {"run": "r", "system": "a", "workload": "w", "itl_rule": "chunk", "bucket": 1, "count": 1}
    table = pa.Table.from_pylist([row | {"hour_ns": hour} for hour in hours], schema=GAPS.schema())
    with store.stage(store.begin([Night("nightly", day(0)), Night("nightly", day(1))])) as staging:
        staging.gaps(table)
        store.commit(staging, FACTS)
    assert [file.night.day for file in store.snapshot().files["gaps"]] == [day(0), day(1)]


def test_a_night_without_requests_commits_and_is_replaced(folder):
    none = replace(FIRST, rows=0)
    made = commit(folder / "s", none)
    assert made.requests == 0
    assert read(folder / "s") == expected([none]) | read(folder / "s")  # its run and rejects
    store = Store.open(folder / "s")
    (file,) = store.snapshot().files["requests"]
    assert (file.rows, file.values[2:]) == (0, (NONE, NONE))
    assert night_row(store, Night("nightly", day(0)))["requests"] == 0
    commit(folder / "s", FIRST)
    assert read_delta(folder / "s") == expected([FIRST])


def test_what_nights_says_is_counted(folder):
    store = Store.create(folder / "s")
    batch = rows.requests(FIRST)
    status = pa.array(["incomplete"] + ["ok"] * (batch.num_rows - 1)).cast(
        batch.schema.field("status").type
    )
    batch = batch.set_column(batch.schema.get_field_index("status"), "status", status)
    night = Night("nightly", day(0))
    facts = replace(FACTS, input_digest=5, zone="UTC", from_ns=1, until_ns=2, rows_outside=3)
    for _ in range(2):
        with store.stage(store.begin([night])) as staging:
            staging.write(batch, day=night.day)
            staging.runs(rows.runs(FIRST), day=night.day)
            made = store.commit(staging, facts)
    row = night_row(store, night)
    assert row.keys() == {*NIGHTS.names} - {"job", "day"}
    told = {
        "commit_id": made.commit_id,
        "seq": 2,
        "requests": FIRST.requests,
        "incomplete": 1,
        "rows_in": rows.runs(FIRST)["rows_in"][0].as_py(),
        "rows_outside": 3,
        "files": 2,
        "input_digest": 5,
        "zone": "UTC",
        "reader_pace_ns": 10**6,
        "alpha": None,
    }
    assert {name: row[name] for name in told} == told


def test_begin_tells_what_is_committed(folder):
    store = Store.create(folder / "s")
    night = Night("nightly", day(0))
    seen = []
    for digest in (None, 2**63 - 1, None):
        ticket = store.begin([night])
        seen.append((ticket.committed[night.day].seq, ticket.committed[night.day].input_digest))
        with store.stage(ticket) as staging:
            store.commit(staging, replace(FACTS, input_digest=digest))
    assert seen == [(0, None), (1, None), (2, 2**63 - 1)]
    assert store.begin([night]).committed[night.day].input_digest is None


def test_classes_are_those_of_every_day(folder):
    store = Store.create(folder / "s")
    row = dict.fromkeys(CLASSES.names) | {"name": "chat", "position": 0, "tenant": "a"}
    row |= {"commit_id": "", "job": "nightly", "day": day(0)}
    with store.stage(store.begin([Night("nightly", day(n)) for n in (0, 1)])) as staging:
        staging.classes(pa.Table.from_pylist([row]).drop_columns(["commit_id"]))
        made = store.commit(staging, FACTS)
    files = store.snapshot().files["classes"]
    assert [file.night.day for file in files] == [day(0), day(1)]
    found = [pq.ParquetFile(f"{store.root}/{file.path}").read().to_pylist()[0] for file in files]
    assert [(r["commit_id"], r["name"], r["tenant"]) for r in found] == [
        (made.commit_id, "chat", "a")
    ] * 2


def test_a_whole_job_is_replaced_and_no_other(folder):
    other = Told(revision=3, job="another")
    commit(folder / "s", FIRST, SECOND)
    commit(folder / "s", other)
    store = Store.open(folder / "s")
    late = Told(revision=5, day=day(9))
    with store.stage(store.begin_job("nightly")) as staging:
        staging.write(rows.requests(late))
        store.commit(staging, FACTS)
    assert read(folder / "s").keys() == {("nightly", day(9)), ("another", day(0))}
    assert store.begin([Night("nightly", day(0))]).committed[day(0)].seq == 2
    assert {damage.kind for damage in store.verify().damages} <= {"orphan_file", "views_stale"}


def test_a_named_job_collects_days(folder):
    commit(folder / "s", FIRST, SECOND)
    store = Store.open(folder / "s")
    with store.stage(store.begin_job("nightly", whole=False)) as staging:
        staging.write(rows.requests(again := replace(SECOND, revision=5)))
        store.commit(staging, FACTS)
    seen = {key: set(night.ids) for key, night in read(folder / "s").items()}
    assert seen == {("nightly", told.day): set(told.ids) for told in (FIRST, again)}


# ---- refusing --------------------------------------------------------------------------------


def test_a_night_that_was_committed_since_is_not_replaced(folder):
    store = Store.create(folder / "s")
    ticket = store.begin([Night("nightly", day(0))])
    commit(folder / "s", FIRST)
    before = data_files(folder / "s")
    with store.stage(ticket) as staging:
        staging.write(rows.requests(replace(FIRST, revision=2)), day=day(0))
        with pytest.raises(NightConflict, match="by another run"):
            store.commit(staging, FACTS)
    assert read(folder / "s") == expected([FIRST])
    assert data_files(folder / "s") == before


def test_days_that_rows_told_conflict_too(folder):
    store = Store.create(folder / "s")
    ticket = store.begin_job("nightly")
    commit(folder / "s", FIRST)
    for told in (replace(FIRST, revision=2), SECOND):  # a whole job is the other day as well
        with store.stage(ticket) as staging:
            staging.write(rows.requests(told))
            with pytest.raises(NightConflict):
                store.commit(staging, FACTS)
    assert read(folder / "s") == expected([FIRST])


def test_an_error_while_staging_leaves_no_file(folder):
    store = Store.create(folder / "s")
    with (  # noqa: PT012 - what is tested is what is left
        pytest.raises(ZeroDivisionError),
        store.stage(store.begin([Night("nightly", day(0))]), memory_bytes=1) as staging,
    ):
        staging.write(rows.requests(FIRST), day=day(0))
        assert data_files(folder / "s")
        raise ZeroDivisionError
    assert not data_files(folder / "s")
    assert store.snapshot().version == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arrival_ns": None}, "requests have no day"),
        ({"clock": "monotonic"}, "requests have no day"),
    ],
)
def test_rows_without_a_day_need_one(folder, change, message):
    store = Store.create(folder / "s")
    batch = rows.requests(FIRST)
    changed = pa.RecordBatch.from_pylist(
        [row | change for row in batch.to_pylist()], schema=batch.schema
    )
    with store.stage(store.begin_job("nightly")) as staging:
        with pytest.raises(DataError, match=f"{message}.*--day"):
            staging.write(changed)
        staging.write(changed, day=day(3))
        store.commit(staging, FACTS)
    assert read(folder / "s").keys() == {("nightly", day(3))}


def test_rows_of_other_days_are_refused(folder):
    store = Store.create(folder / "s")
    with (
        store.stage(store.begin([Night("nightly", day(0))])) as staging,
        pytest.raises(DataError, match="rows of 2026-01-02 came to a commit of 2026-01-01"),
    ):
        staging.write(rows.requests(SECOND))


def test_a_commit_of_nothing_is_refused(folder):
    store = Store.create(folder / "s")
    with (
        store.stage(store.begin_job("nightly")) as staging,
        pytest.raises(DataError, match="no request with a day"),
    ):
        store.commit(staging, FACTS)


@pytest.mark.parametrize("job", ["", "x" * 200, "__HIVE_DEFAULT_PARTITION__"])
def test_names_that_no_folder_can_have(folder, job):
    store = Store.create(folder / "s")
    with pytest.raises(UsageError, match="give a name"):
        store.begin([Night(job, day(0))])
    with pytest.raises(UsageError, match="give a name"):
        store.begin_job(job)


def test_a_commit_is_of_one_job(folder):
    store = Store.create(folder / "s")
    with pytest.raises(UsageError, match="one job"):
        store.begin([Night("a", day(0)), Night("b", day(0))])
    with pytest.raises(UsageError, match="one job"):
        store.begin([])


# ---- files -----------------------------------------------------------------------------------


def test_files_are_read_only_and_batches_without_rows_make_none(folder):
    store = Store.create(folder / "s")
    with store.stage(store.begin([Night("nightly", day(0))])) as staging:
        staging.write(rows.requests(FIRST), day=day(0))
        staging.write(rows.requests(replace(FIRST, rows=0)), day=day(0))
        store.commit(staging, FACTS)
    assert len(store.snapshot().files["requests"]) == 2  # systems a and b
    for path in data_files(folder / "s"):
        mode = (folder / "s" / path).stat().st_mode
        assert stat.S_IMODE(mode) == 0o444, path


def test_views_are_replaced_at_once(folder):
    store = Store.create(folder / "s")
    for text in ("-- sgengine store, version 0\n", "-- sgengine store, version 0\nSELECT 1;\n"):
        store.publish_views(text)
        assert (folder / "s" / "_sgengine" / "views.sql").read_text() == text
    assert {path.name for path in (folder / "s" / "_sgengine").iterdir()} == {
        "store.json",
        "views.sql",
    }
