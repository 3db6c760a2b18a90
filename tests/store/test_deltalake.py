"""What deltalake does with two stale writers: why the store commits as it does, and never compacts.

Pinned to what 1.6.6 does. A test that fails after an upgrade says that a reason has gone (or come):
read docs/store.md again before changing it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

Writer = Callable[[DeltaTable, str], None]

ROWS = pa.table({"day": ["2026-01-01"] * 3, "x": [1, 2, 3]})


def made(root: Path, files: int = 2) -> Path:
    """A table of ``files`` files of three rows, partitioned by day."""
    for _ in range(files):
        write_deltalake(root, ROWS, mode="append", partition_by=["day"])
    return root


def replaced(table: DeltaTable, name: str, properties: CommitProperties | None) -> None:
    """Replace what is live by one file of three rows: the low-level path of the store."""
    live = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    path = f"day=2026-01-01/{name}.parquet"
    file = Path(table.table_uri.removeprefix("file://")) / path
    pq.write_table(ROWS.select(["x"]), file)
    now = int(time.time() * 1000)
    values = {"day": "2026-01-01"}
    add = AddAction(path, file.stat().st_size, values, now, True, '{"numRecords":3}')
    gone = [
        RemoveAction(unquote(each["path"]), True, now, each["size_bytes"], values) for each in live
    ]
    table.create_write_transaction(
        [add, *gone],
        "append",
        table.schema(),
        partition_by=["day"],
        commit_properties=properties,
    )


def compact(table: DeltaTable, _: str) -> None:
    table.optimize.compact()


def z_order(table: DeltaTable, _: str) -> None:
    table.optimize.z_order(["x"])


def strict(table: DeltaTable, name: str) -> None:
    """As the store commits: no retries inside deltalake, and a transaction of its own."""
    transaction = Transaction("sgengine/2026-01-01#seq", 1)
    replaced(table, name, CommitProperties(max_commit_retries=0, app_transactions=[transaction]))


def lenient(table: DeltaTable, name: str) -> None:
    """The same with what deltalake does unless told otherwise: it looks for conflicts and retries."""
    replaced(table, name, None)


def rewrite(table: DeltaTable, _: str) -> None:
    """The reference path: everything that the predicate names is replaced."""
    write_deltalake(table, ROWS, mode="overwrite", predicate="day = '2026-01-01'")


def raced(root: Path, first: Writer, second: Writer) -> bool:
    """Both open one version, then commit one after the other; whether the second was refused."""
    one, two = DeltaTable(root), DeltaTable(root)
    first(one, "one")
    try:
        second(two, "two")
    except CommitFailedError:
        return True
    return False


@pytest.mark.parametrize(
    ("first", "second", "rows"),
    [(compact, compact, 12), (z_order, compact, 12), (compact, lenient, 9)],
)
def test_compaction_beside_a_stale_writer_doubles_rows(
    tmp_path: Path, first: Writer, second: Writer, rows: int
) -> None:
    # Six rows; right would be a refusal, or 6 (3 where the second replaces them).
    root = made(tmp_path / "table")
    assert not raced(root, first, second)
    assert DeltaTable(root).count() == rows


@pytest.mark.parametrize(
    ("first", "second", "rows"),
    [
        (compact, strict, 6),
        (compact, rewrite, 6),
        (rewrite, compact, 3),
        (strict, strict, 3),
        (rewrite, rewrite, 3),
        (strict, rewrite, 3),
    ],
)
def test_what_the_store_and_its_oracle_do_is_refused_when_stale(
    tmp_path: Path, first: Writer, second: Writer, rows: int
) -> None:
    root = made(tmp_path / "table")
    assert raced(root, first, second)
    assert DeltaTable(root).count() == rows


def test_without_max_commit_retries_two_first_writes_of_a_night_both_succeed(
    tmp_path: Path,
) -> None:
    root = made(tmp_path / "table", files=1)
    DeltaTable(root).delete()
    (root / "day=2026-01-01").mkdir(exist_ok=True)
    assert not raced(root, lenient, lenient)
    assert DeltaTable(root).count() == 6


def test_the_history_of_a_handle_that_stands_still_is_that_of_newer_versions(
    tmp_path: Path,
) -> None:
    # Why the store reads the entry of its version itself (sgengine.store.guard.read_entry).
    root = tmp_path / "table"
    for k in range(3):
        properties = CommitProperties(custom_metadata={"k": str(k)})
        write_deltalake(root, ROWS, mode="append", commit_properties=properties)
    (newest,) = DeltaTable(root, version=0).history(1)[:1]
    assert (newest["version"], newest["k"]) != (0, "0")
