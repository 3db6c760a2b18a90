"""Damaged stores: what is wrong is named, and nobody is answered from less than was committed."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, TableFeatures, write_deltalake

from sgengine.check import STORE_KINDS, check, mend
from sgengine.errors import DataError, UsageError
from sgengine.store import Store
from sgengine.store.layout import LOG, OWN
from tests.effort import faults
from tests.store import actors
from tests.store.oracle import expected, read, read_delta
from tests.store.rows import Told, day

NIGHTS = [Told(revision=5, day=day(0)), Told(revision=2, day=day(1)), Told(revision=8, day=day(2))]
LAST = NIGHTS[-1]
"""The night of the newest commit."""

SIDES = ("gaps", "rejects", "runs", "nights")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three nights, one of them measured again and again until there is a checkpoint."""
    root = tmp_path_factory.mktemp("whole") / "store"
    for revision in range(6, 14):
        actors.commit(root, Told(revision=revision))
    for told in NIGHTS:
        actors.commit(root, told)
    return root


@pytest.fixture
def store(whole: Path, folder: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(whole, folder / "store"))


def log_of(store: Path, table: str = "requests") -> list[Path]:
    return sorted((store / table / LOG).glob("*[0-9].json"))


def live(store: Path, table: str = "requests") -> Path:
    """A data file of the newest night."""
    files = Store.open(store).snapshot().files[table]
    return store / next(file.path for file in files if file.night.day == LAST.day)


def overwritten(path: Path, content: bytes) -> None:
    """Write a file that may be read-only."""
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


def kinds(store: Path) -> set[str]:
    """The errors and warnings that ``check`` finds; each tells what to do."""
    checked = check([str(store)])
    advice = {kind.name: kind.advice for kind in STORE_KINDS}
    for found in checked.findings:
        assert found.example is not None
        assert found.example.source == str(store)
        assert found.message.endswith(advice[found.name])
        assert "\n" not in found.message
    assert checked.is_clean == (not any(found.is_error for found in checked.findings))
    return {found.name for found in checked.findings if found.severity != "info"}


def answers_right_or_not_at_all(store: Path) -> bool:
    """Whether reading answers; what it answers is right, and an error is one line."""
    try:
        seen = read(store)
    except DataError as error:
        told = str(error)
    except (pa.ArrowException, OSError):
        told = "a data file that cannot be read"
    else:
        assert seen == expected(NIGHTS)
        return True
    assert "\n" not in told
    return False


def test_a_whole_store_has_no_finding_but_replaced_files(whole):
    checked = check([str(whole)])
    assert {found.name for found in checked.findings} == {"orphan_file"}
    assert (checked.requests, checked.runs) == (sum(told.requests for told in NIGHTS), 3)
    assert read(whole) == read_delta(whole) == expected(NIGHTS)
    assert list((whole / "requests" / LOG).glob("*.checkpoint.parquet"))


# ---- the newest log entry ------------------------------------------------------------------------


def cuts(content: bytes) -> Iterator[bytes]:
    """Ways in which power loss leaves a file: empty, cut at the ends of lines, within one, zeros."""
    lines = content.splitlines(keepends=True)
    yield from (b"".join(lines[:n]) for n in range(len(lines)))
    yield content[:10]
    yield content[: len(content) * 2 // 3]
    yield bytes(len(content))


def cut_stores(store: Path, table: str, numbers: Sequence[int]) -> Iterator[Path]:
    """Copies of a store of which the newest entry of ``table`` was damaged, in each of those ways.

    In the short form only in the ways of these ``numbers``.
    """
    newest = log_of(store, table)[-1]
    ways = list(cuts(newest.read_bytes()))
    for number in numbers if faults(1, 0) else range(len(ways)):
        copy = Path(shutil.copytree(store, store.with_name(f"cut{number}")))
        (copy / newest.relative_to(store)).write_bytes(ways[number])
        yield copy


def test_deltalake_opens_an_empty_newest_entry_unawares(store):
    version = len(log_of(store)) - 1
    log_of(store)[-1].write_bytes(b"")
    assert DeltaTable(store / "requests").version() == version
    with pytest.raises(DataError, match=f"log entry {version}: it is empty"):
        Store.open(store).snapshot()


def test_a_cut_newest_entry_of_requests_is_named_and_mended_and_its_night_heals(store):
    for copy in cut_stores(store, "requests", [0, -2]):
        assert not answers_right_or_not_at_all(copy)
        assert "log_entry_damaged" in kinds(copy)
        with pytest.raises(DataError):
            actors.commit(copy, LAST)  # nothing may be built on it
        mended = mend([str(copy)])
        assert [aside.request for aside in mended] == [str(log_of(store)[-1].relative_to(store))]
        assert read(copy) == expected(NIGHTS[:-1])
        actors.commit(copy, LAST)
        assert read(copy) == read_delta(copy) == expected(NIGHTS)
        assert kinds(copy) == set()
        assert (copy / OWN / "damaged").is_dir()


@pytest.mark.parametrize("table", SIDES[:: faults(2, 1)])
def test_a_cut_newest_entry_of_a_side_table_is_named_and_mended_and_its_night_heals(store, table):
    for copy in cut_stores(store, table, [SIDES.index(table) - 2]):
        assert not answers_right_or_not_at_all(copy)
        assert "log_entry_damaged" in kinds(copy)
        assert len(mend([str(copy)])) == 1
        assert not answers_right_or_not_at_all(copy), "its rows of the last night are still gone"
        assert "live_files_differ" in kinds(copy)
        actors.commit(copy, LAST)
        assert read(copy) == read_delta(copy) == expected(NIGHTS)
        assert kinds(copy) == set()


@pytest.mark.parametrize("also", [True, False][: faults(1, 2)])
def test_a_damaged_entry_goes_with_its_checkpoint(store, also):
    checkpoints = log_of(store)[0].parent
    night = Told(revision=1, day=day(9))
    while not (checkpoint := checkpoints / f"{log_of(store)[-1].stem}.checkpoint.parquet").exists():
        actors.commit(store, night)
    log_of(store)[-1].write_bytes(b"")
    if also:
        checkpoint_cut(store)
    assert not answers_right_or_not_at_all(store)
    assert len(mend([str(store)])) == 2
    assert not checkpoint.exists()
    actors.commit(store, night)
    assert read(store) == read_delta(store) == expected([*NIGHTS, night])
    assert kinds(store) == set()


def test_a_damaged_checkpoint_is_set_aside(store):
    checkpoint_cut(store)
    assert len(mend([str(store)])) == 1
    assert read(store) == read_delta(store) == expected(NIGHTS)
    assert kinds(store) == {"views_stale"}


def test_mending_a_whole_store_changes_nothing(store):
    assert mend([str(store)]) == ()
    assert read(store) == expected(NIGHTS)
    with pytest.raises(UsageError, match="--mend is for stores"):
        mend([str(store.parent)])


# ---- everything else, a kind each ----------------------------------------------------------------

Damage = Callable[[Path], None]


def empty_older_entry(store: Path) -> None:
    log_of(store)[-2].write_bytes(b"")


def older_entry_gone(store: Path) -> None:
    log_of(store)[-2].unlink()


def end_gone(store: Path) -> None:
    log_of(store)[-1].unlink()


def checkpoint_cut(store: Path) -> None:
    path = max((store / "requests" / LOG).glob("*.checkpoint.parquet"))
    path.write_bytes(path.read_bytes()[:-40])


def table_gone(store: Path) -> None:
    shutil.rmtree(store / "gaps")


def requests_gone(store: Path) -> None:
    shutil.rmtree(store / "requests" / LOG)


def compacted(store: Path) -> None:
    DeltaTable(store / "requests").optimize.z_order(["request_id"])


def appended(store: Path) -> None:
    table = DeltaTable(store / "requests")
    rows = table.to_pyarrow_table().slice(0, 1)
    write_deltalake(store / "requests", rows, mode="append")


def restored(store: Path) -> None:
    DeltaTable(store / "requests").restore(len(log_of(store)) - 3)


def deleted_rows(store: Path) -> None:
    DeltaTable(store / "gaps").delete("bucket = 0")


def deleted_partition(store: Path) -> None:
    DeltaTable(store / "requests").delete("system = 'a'")


def deletion_vectors(store: Path) -> None:
    feature = TableFeatures.DeletionVectors
    DeltaTable(store / "requests").alter.add_feature(feature, allow_protocol_versions_increase=True)


def committed_twice(store: Path) -> None:
    """A second commit's file for the last night, as a writer without compare-and-swap adds one."""
    newest = log_of(store)[-1]
    (add, *_) = [line for line in newest.read_text().splitlines() if line.startswith('{"add"')]
    action = json.loads(add)
    source = live(store)
    commit_id = source.name.split("-")[1]
    action["add"]["path"] = action["add"]["path"].replace(commit_id, "0123456789abcdef")
    shutil.copy(source, source.with_name(source.name.replace(commit_id, "0123456789abcdef")))
    entry = newest.with_name(f"{int(newest.stem) + 1:020d}.json")
    info = {"commitInfo": {"operation": "WRITE", "engineInfo": "another"}}
    entry.write_text(f"{json.dumps(info)}\n{json.dumps(action)}\n")


def file_gone(store: Path) -> None:
    live(store).unlink()


def file_cut(store: Path) -> None:
    overwritten(live(store), live(store).read_bytes()[:-9])


def file_longer(store: Path) -> None:
    overwritten(live(store, "runs"), live(store, "runs").read_bytes() + b"PAR1")


def file_zeroed(store: Path) -> None:
    overwritten(live(store, "gaps"), bytes(live(store, "gaps").stat().st_size))


def bit_flipped(store: Path) -> None:
    """One bit of a page, which decodes all the same: its checksum tells."""
    path = live(store)
    column = pq.ParquetFile(path).metadata.row_group(0).column(1)
    content = bytearray(path.read_bytes())
    content[column.dictionary_page_offset + column.total_compressed_size - 2] ^= 1
    overwritten(path, bytes(content))


def exchanged(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Other rows in a Parquet file of the same size: without statistics, and filled up."""
    table, size = change(pq.ParquetFile(path).read()), path.stat().st_size
    room = size - len(parquet(table, 0))
    for pad in range(room, 0, -1):
        content = parquet(table, pad)
        if len(content) == size:
            overwritten(path, content)
            return
    raise AssertionError("no such file can be made")


def parquet(table: pa.Table, pad: int) -> bytes:
    """A Parquet file that has ``pad`` letters of no meaning."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink, table.schema, compression="zstd", store_schema=False, write_statistics=False
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"pad": "x" * pad})
    content: bytes = sink.getvalue().to_pybytes()
    return content


def rows_gone(store: Path) -> None:
    exchanged(live(store, "gaps"), lambda table: table.slice(1))


def other_counts(store: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index("rows_in")
        return table.set_column(place, "rows_in", pa.array([10**9], pa.int64()))

    exchanged(live(store, "nights"), change)


def told_by_another(store: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        return table.set_column(0, "commit_id", pa.array(["0123456789abcdef"]))

    exchanged(live(store, "nights"), change)


def layout_cut(store: Path) -> None:
    path = store / OWN / "store.json"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:5])


def layout_gone(store: Path) -> None:
    (store / OWN / "store.json").unlink()


def views_gone(store: Path) -> None:
    (store / OWN / "views.sql").unlink()


def views_old(store: Path) -> None:
    (store / OWN / "views.sql").write_text("-- sgengine store, version 2\n")


def made_writable(store: Path) -> None:
    live(store).chmod(0o644)


DAMAGES: dict[Damage, tuple[str, ...]] = {
    empty_older_entry: ("log_entry_damaged",),
    older_entry_gone: ("log_entry_missing",),
    end_gone: ("log_end_missing",),
    checkpoint_cut: ("checkpoint_damaged",),
    table_gone: ("table_unreadable",),
    requests_gone: ("table_unreadable",),
    compacted: ("foreign_commit",),
    appended: ("foreign_commit",),
    restored: ("foreign_commit", "live_files_differ"),
    deleted_rows: ("foreign_commit",),
    deleted_partition: ("foreign_commit", "live_files_differ"),
    deletion_vectors: ("protocol_feature",),
    committed_twice: ("foreign_commit", "live_files_differ", "night_doubled"),
    file_gone: ("file_missing",),
    file_cut: ("file_size",),
    file_longer: ("file_size",),
    file_zeroed: ("file_unreadable",),
    bit_flipped: ("file_unreadable",),
    rows_gone: ("file_rows",),
    other_counts: ("night_counts",),
    told_by_another: ("night_untold",),
    layout_cut: ("layout_unreadable",),
    layout_gone: ("layout_unreadable",),
}
WARNED: dict[Damage, str] = {
    views_gone: "views_stale",
    views_old: "views_stale",
    made_writable: "file_writable",
}
UNSEEN_BY_READERS = (bit_flipped, rows_gone, other_counts, told_by_another)
"""What is within a file of the right size: ``check`` reads every byte, a reader does not."""


def test_every_kind_of_damage_is_tested():
    tested = {name for names in DAMAGES.values() for name in names} | {*WARNED.values()}
    assert tested | {"orphan_file"} == {kind.name for kind in STORE_KINDS}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_named_and_nobody_is_answered_wrongly(store, damage):
    damage(store)
    assert {*DAMAGES[damage]} <= kinds(store)
    if damage not in UNSEEN_BY_READERS:
        assert not answers_right_or_not_at_all(store)


@pytest.mark.parametrize("damage", WARNED, ids=lambda damage: damage.__name__)
def test_what_is_no_damage_is_a_warning(store, damage):
    damage(store)
    assert kinds(store) == {WARNED[damage]}
    assert answers_right_or_not_at_all(store)


@pytest.mark.parametrize("damage", [file_gone, file_zeroed, rows_gone])
def test_measuring_the_night_again_heals_a_data_file(store, damage):
    damage(store)
    actors.commit(store, LAST)
    assert read(store) == expected(NIGHTS)
    assert kinds(store) == set()


# ---- anything ------------------------------------------------------------------------------------


def spoiled(path: Path, rng: random.Random) -> None:
    """Cut, empty, zero or remove a file, or write noise into it."""
    content = path.read_bytes()
    start = rng.randrange(len(content) + 1)
    end = rng.randrange(start, len(content) + 1)
    way = rng.choice(["cut", "zeros", "noise", "gone", "empty"])
    if way == "gone":
        path.unlink()
        return
    middle = bytes(end - start) if way == "zeros" else rng.randbytes(end - start)
    made = {"cut": content[:start], "empty": b""}.get(way, content[:start] + middle + content[end:])
    overwritten(path, made)


@pytest.mark.parametrize("turn", range(faults(4, 400)))
def test_a_spoiled_file_is_named_or_makes_no_difference(store, turn):
    rng = random.Random(turn)
    files = [path for path in sorted(store.rglob("*")) if path.is_file()]
    used = {str(store / f.path) for t in Store.open(store).snapshot().files.values() for f in t}
    chosen = rng.choice([p for p in files if LOG in p.parts or str(p) in used])
    before = chosen.read_bytes()
    spoiled(chosen, rng)
    changed = not chosen.exists() or chosen.read_bytes() != before
    found = kinds(store)
    is_hint = chosen.name == "_last_checkpoint"  # what it says, the log's listing says too
    assert not changed or is_hint or found, chosen
    is_shorter = not chosen.exists() or chosen.stat().st_size < len(before)
    if LOG in chosen.parts or is_shorter:  # bytes within a data file are for check alone
        answers_right_or_not_at_all(store)
