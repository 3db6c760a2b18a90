"""What a store holds, read in three ways; and what it should hold.

``read`` and ``read_duckdb`` take the files of the store's own snapshot; ``read_delta`` knows nothing of
that: it keeps of the side tables what belongs to a commit, job and day that requests has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl
import pyarrow.parquet as pq

from sgengine.store import STORE_TABLES, Snapshot, Store
from tests.store.rows import Told

Key = tuple[str, date]


class Seen(NamedTuple):
    """What is read of one night: request ids, and the revisions of its rows in each table."""

    ids: Mapping[str, int]
    gaps: Mapping[int, int]
    rejects: Mapping[int, int]
    runs: Mapping[int, int]
    nights: int


def expected(nights: Iterable[Told]) -> dict[Key, Seen]:
    """What a store of these nights holds, and nothing else."""
    return {
        (told.job, told.day): Seen(
            ids=dict.fromkeys(told.ids, 1),
            gaps=_some(told.revision, told.requests // 2),
            rejects=_some(told.revision, told.revision % 3),
            runs={told.revision: 1},
            nights=1,
        )
        for told in nights
    }


def _some(revision: int, rows: int) -> dict[int, int]:
    return {revision: rows} if rows else {}


class _Row(NamedTuple):
    job: str
    day: date
    value: str | int


def read(root: Path, at: int | None = None) -> dict[Key, Seen]:
    """The live rows of every night: the files of the store's own snapshot, by pyarrow."""
    snapshot = Store.open(root).snapshot(at)
    return _seen({table: _rows(snapshot, table) for table in VALUES})


VALUES = {
    "requests": "request_id",
    "gaps": "count",
    "rejects": "detail",
    "runs": "n_output_tokens",
    "nights": "requests",
}
"""The column that says the revision in each table; of NIGHTS, how many requests it has."""


def _rows(snapshot: Snapshot, table: str) -> list[_Row]:
    rows = []
    for file in snapshot.files[table]:
        with pq.ParquetFile(f"{snapshot.root}/{file.path}") as parquet:
            values = parquet.read([VALUES[table]]).column(0).to_pylist()
        rows += [_Row(file.night.job, file.night.day, value) for value in values]
    return rows


def read_duckdb(root: Path, at: int | None = None) -> dict[Key, Seen]:
    """The same by DuckDB, which takes job and day from the files' names."""
    snapshot = Store.open(root).snapshot(at)
    with duckdb.connect(config={"threads": 1}) as connection:
        return _seen({table: _queried(connection, snapshot, table) for table in VALUES})


def _queried(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, table: str) -> list[_Row]:
    names = STORE_TABLES[table].partitions
    types = ", ".join(f"{name}: {'DATE' if name == 'day' else 'VARCHAR'}" for name in names)
    query = (
        f"SELECT job, day, {VALUES[table]} FROM read_parquet($files, hive_partitioning = true, "
        f"hive_types = {{{types}}})"
    )
    groups = [[f"{snapshot.root}/{f.path}" for f in g] for g in snapshot.groups(table).values()]
    found = [connection.execute(query, {"files": files}).fetchall() for files in groups]
    return [_Row(*row) for rows in found for row in rows]


def read_delta(root: Path) -> dict[Key, Seen]:
    """The same by Polars over the Delta tables, as any reader of them would have it.

    A night without requests is not among them: it has no row to join with.
    """
    requests = pl.scan_delta(str(root / "requests"))
    units = requests.select("commit_id", "job", "day").unique()
    rows = {}
    for table, value in VALUES.items():
        frame = requests if table == "requests" else pl.scan_delta(str(root / table))
        if table != "requests":
            frame = frame.join(units, on=["commit_id", "job", "day"], how="semi")
        rows[table] = [_Row(*row) for row in frame.select("job", "day", value).collect().rows()]
    return _seen(rows)


def _seen(rows: Mapping[str, list[_Row]]) -> dict[Key, Seen]:
    counts: dict[Key, dict[str, Counter[str | int]]] = {}
    for table, found in rows.items():
        for row in found:
            of = counts.setdefault((row.job, row.day), {name: Counter() for name in VALUES})
            of[table][int(row.value) if table == "rejects" else row.value] += 1
    seen = {}
    for key, of in counts.items():
        told = sum(value * times for value, times in of["nights"].items())
        assert told == of["requests"].total(), f"{key}: NIGHTS tells {told} requests"
        seen[key] = Seen(
            dict(of["requests"]),
            dict(of["gaps"]),
            dict(of["rejects"]),
            dict(of["runs"]),
            of["nights"].total(),
        )
    return seen
