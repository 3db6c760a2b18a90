"""The order in which a commit writes, and that each part is on the disk before the next relies on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import given, settings
from hypothesis import strategies as st

from sgengine.errors import DataError
from sgengine.schema import TABLES
from sgengine.store import STORE_TABLES, Store
from sgengine.store.entries import retried
from sgengine.store.steps import EVENT
from tests.effort import LONG
from tests.store import rows
from tests.store.actors import commit
from tests.store.oracle import expected, read
from tests.store.rows import Told, day

FIRST = Told(revision=1)


@dataclass
class Seen:
    """What happened, in order: steps by name, and ``sync PATH``."""

    root: Path
    events: list[str] = field(default_factory=list)
    is_on: bool = True

    def before(self, name: str) -> set[str]:
        """What was synced before a step, relative to the store."""
        place = self.events.index(name)
        return {event.removeprefix("sync ") for event in self.events[:place] if "sync " in event}


@pytest.fixture
def seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    """A store whose steps and calls of fsync are written down; everything is done as ever."""
    root = folder / "s"
    commit(root, FIRST)
    watched, real = Seen(root), os.fsync

    def noted(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        watched.events.append(f"sync {os.path.relpath(path, root)}")
        real(handle)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == EVENT and watched.is_on:
            watched.events.append(str(arguments[0]))

    sys.addaudithook(hook)  # there is no way to take one off again
    monkeypatch.setattr(os, "fsync", noted)
    yield watched
    watched.is_on = False


def test_data_is_on_disk_before_a_log_names_it_and_side_tables_before_the_commit(seen):
    made = commit(seen.root, FIRST)
    files = {
        file.path for table in Store.open(seen.root).snapshot().files.values() for file in table
    }
    staged = {event.removeprefix("staged ") for event in seen.events if event.startswith("staged ")}
    assert files == staged
    folders = {str(parent) for path in files for parent in Path(path).parents}
    assert files | folders <= seen.before("staged")
    steps = [event for event in seen.events if "sync " not in event and "staged " not in event]
    sides = [f"side {name}" for name in ("gaps", "rejects", "runs", "nights")]
    assert steps == ["staged", *sides, "swap", "committed", "durable", "verified", "views"]
    for name in ("gaps", "rejects", "runs", "nights"):
        log = f"{name}/_delta_log"
        entry = f"{log}/{DeltaTable(seen.root / name).version():020d}.json"
        assert {log, entry} <= seen.before("swap")
    last = f"requests/_delta_log/{made.version:020d}.json"
    assert {last, "requests/_delta_log"} <= seen.before("durable")
    assert last not in seen.before("committed")


def test_the_entry_before_ours_is_on_disk_before_ours_is_written(seen):
    """Its writer may have been killed before it was; behind ours it could not be mended any more."""
    before = f"requests/_delta_log/{DeltaTable(seen.root / 'requests').version():020d}.json"
    commit(seen.root, FIRST)
    assert before in seen.before("committed")


def test_checkpoints_are_on_disk(seen):
    for revision in range(10):
        commit(seen.root, Told(revision=revision))
    logs = {f"{name}/_delta_log" for name in STORE_TABLES if name != "classes"}
    written = {str(p.relative_to(seen.root)) for log in logs for p in (seen.root / log).iterdir()}
    synced = {event.removeprefix("sync ") for event in seen.events if "sync " in event}
    assert any(path.endswith(".checkpoint.parquet") for path in written)
    new = {path for path in written if path.endswith("parquet") or "_last_checkpoint" in path}
    assert new <= synced


def test_an_entry_that_was_made_although_deltalake_failed_is_a_commit(folder, monkeypatch):
    """As when the connection breaks, or the disk is full, after the entry and before the checkpoint."""
    root = folder / "s"
    commit(root, FIRST)
    real = DeltaTable.create_write_transaction

    def failing(self: DeltaTable, *args: object, **kwargs: object) -> None:
        real(self, *args, **kwargs)
        raise Exception("External error: connection reset")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", failing)
    made = commit(root, Told(revision=2))
    monkeypatch.undo()
    assert made.version == 2
    assert read(root) == expected([Told(revision=2)])
    assert DeltaTable(root / "requests").version() == 2


def test_errors_are_tried_once_more_and_then_told():
    calls = []

    def attempt() -> int:
        calls.append(1)
        raise OSError("disk full\nand more")

    with pytest.raises(DataError, match=r"^a table: cannot be written: disk full$"):
        retried(attempt, "a table")
    assert len(calls) == 2


# ---- against plain deltalake -----------------------------------------------------------------


COLUMNS = {spec.name: spec.names for spec in TABLES}
NIGHTS = st.tuples(st.integers(0, 12), st.integers(0, 2), st.sampled_from(["a", "b/ü %"]))


@settings(max_examples=5 * LONG)
@given(st.lists(NIGHTS, min_size=1, max_size=5))
def test_the_tables_are_those_that_an_overwrite_of_partitions_makes(tmp_path_factory, nights):
    """The oracle: each commit as ``write_deltalake(mode="overwrite", predicate=...)``."""
    base = tmp_path_factory.mktemp("two")
    for revision, number, job in nights:
        told = Told(revision=revision, day=day(number), job=job)
        commit(base / "s", told)
        overwrite(base / "oracle", told)
    for name in ("requests", "gaps", "rejects", "runs"):
        oracle = pl.read_delta(str(base / "oracle" / name))
        columns = ["job", "day", *COLUMNS[name]]
        ours = live_rows(base / "s", name).select(columns)
        assert (ours.rows() and not ours.is_empty()) or oracle.is_empty()
        theirs = oracle.select(columns)
        assert sorted(map(repr, ours.rows())) == sorted(map(repr, theirs.rows())), name


def overwrite(root: Path, told: Told) -> None:
    tables = SimpleNamespace(
        requests=pl.from_arrow(rows.requests(told)),
        gaps=pl.from_arrow(rows.gaps(told)),
        rejects=pl.from_arrow(rows.rejects(told)),
        runs=pl.from_arrow(rows.runs(told)),
    )
    for name, frame in vars(tables).items():
        frame = frame.with_columns(pl.col(pl.Categorical).cast(pl.String))
        frame = frame.with_columns(pl.lit(told.job).alias("job"), pl.lit(told.day).alias("day"))
        quoted = told.job.replace("'", "''")
        is_there = DeltaTable.is_deltatable(str(root / name))
        write_deltalake(
            root / name,
            frame.to_arrow(),
            mode="overwrite",
            partition_by=["job", "day"],
            predicate=f"job = '{quoted}' AND day = '{told.day}'" if is_there else None,
        )


def live_rows(root: Path, name: str) -> pl.DataFrame:
    """A table by its log alone, its rows kept by a semi-join as docs/store.md has it."""
    requests = pl.scan_delta(str(root / "requests"))
    if name == "requests":
        return requests.collect()
    units = requests.select("commit_id", "job", "day").unique()
    side = pl.scan_delta(str(root / name))
    return side.join(units, on=["commit_id", "job", "day"], how="semi").collect()


# ---- memory ----------------------------------------------------------------------------------


STREAM = """
import datetime, sys
from pathlib import Path
from sgengine.store import Night, Store
from tests.store import actors, rows
from tests.store.rows import Told, day

def anonymous():
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024

store = Store.create(sys.argv[1])
batch = rows.requests(Told(revision=1, rows=2_000, systems=tuple("abcdefgh")))
peak = before = None
with store.stage(store.begin([Night("nightly", day(0))]), memory_bytes=4 << 20) as staging:
    for turn in range(int(sys.argv[2])):
        staging.write(batch, day=day(0))
        before = before or anonymous()
        peak = max(peak or 0, anonymous())
    made = store.commit(staging, actors.FACTS)
    peak = max(peak, anonymous())
print(made.requests, peak - before)
"""


def test_a_night_is_staged_in_bounded_memory(folder, repo):
    """Sixteen times the rows take no more; 1e7 requests were measured once (docs/store.md)."""
    used = {}
    for turns in (10, 160):
        done = subprocess.run(
            [sys.executable, "-c", STREAM, str(folder / f"s{turns}"), str(turns)],
            cwd=repo,
            capture_output=True,
            text=True,
            check=True,
        )
        requests, used[turns] = map(int, done.stdout.split())
        assert requests == turns * 2_000
    assert used[160] < 64 << 20, used
    assert used[160] - used[10] < 24 << 20, used
