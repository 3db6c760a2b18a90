"""What the tests of SQL over stores share: the tables of a store in memory, and real stores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from sgengine.schema import CLASSES, GAPS, NIGHTS, REJECTS, REQUESTS, RUNS, TableSpec
from sgengine.store import Night, NightFacts, Store
from sgengine.views import settings_table
from tests.sql.support import (
    DEFAULT_SETTINGS,
    S,
    delivery,
    measured,
    requests_table,
    run_row,
    runs_table,
    views,
)

JOB = "nightly"
FIRST = dt.date(2026, 1, 5)
DAY_NS = 86_400 * S

_KEYS = pa.schema([("job", pa.string()), ("day", pa.date32()), ("commit_id", pa.string())])

Row = Mapping[str, Any]


def day(number: int) -> dt.date:
    """The night of this number."""
    return FIRST + dt.timedelta(number)


def start_of(night: dt.date) -> int:
    """Midnight, UTC, in ns since the epoch."""
    return (night - dt.date(1970, 1, 1)).days * DAY_NS


def key_of(number: int, job: str = JOB) -> dict[str, Any]:
    """Job, day and commit of a night."""
    return {"job": job, "day": day(number), "commit_id": f"{job}-{number}"}


def night_row(number: int, *, has_bounds: bool = True, job: str = JOB, **more: Any) -> Row:
    """A row of NIGHTS."""
    since = start_of(day(number))
    bounds = (since, since + DAY_NS) if has_bounds else (None, None)
    counts = dict.fromkeys(
        ("requests", "incomplete", "rows_in", "rows_measured", "rows_rejected", "rows_outside"), 0
    )
    return (
        dict.fromkeys(NIGHTS.names)
        | DEFAULT_SETTINGS
        | counts
        | key_of(number, job)
        | {
            "seq": 1,
            "committed_at_ns": since + DAY_NS,
            "zone": "UTC" if has_bounds else None,
            "from_ns": bounds[0],
            "until_ns": bounds[1],
            "code_version": "0",
            "sources_missing": 0,
            "files": 1,
        }
        | more
    )


def class_row(number: int, name: str, position: int, **more: Any) -> Row:
    """A row of CLASSES, of a night of ``JOB``."""
    settings = {k: v for k, v in DEFAULT_SETTINGS.items() if k != "duration_ns"}
    parts = key_of(number) | {"name": name, "position": position}
    return dict.fromkeys(CLASSES.names) | settings | parts | more


def keyed(spec: TableSpec, rows: Sequence[Row], *dimensions: str) -> pa.Table:
    """Rows that have job, day and commit, as a table of the spec with these behind."""
    plain = [{name: row[name] for name in spec.names} for row in rows]
    table = (
        requests_table(plain) if spec is REQUESTS else pa.Table.from_pylist(plain, spec.schema())
    )
    for name in dimensions:
        table = table.append_column(name, pa.array([row[name] for row in rows], pa.string()))
    for field in _KEYS:
        table = table.append_column(field, pa.array([row[field.name] for row in rows], field.type))
    return table


class Held:
    """A connection over the tables of a store that are in memory, to be filled again and again."""

    def __init__(self, *dimensions: str) -> None:
        self._dimensions = dimensions
        self.con: duckdb.DuckDBPyConnection = views([])
        self.fill([], [])
        for spec in (REQUESTS, GAPS, REJECTS, RUNS):
            name = spec.name
            self.con.execute(f"CREATE OR REPLACE VIEW measured_{name} AS FROM held_{name}")

    def fill(
        self,
        requests: Sequence[Row],
        nights: Sequence[Row],
        *,
        runs: Sequence[Row] = (),
        gaps: Sequence[Row] = (),
        rejects: Sequence[Row] = (),
        classes: Sequence[Row] = (),
        chosen: Row | None = None,
    ) -> None:
        """Put these rows in place of what was there."""
        self.con.register("held_requests", keyed(REQUESTS, requests, *self._dimensions))
        self.con.register("held_gaps", keyed(GAPS, gaps))
        self.con.register("held_rejects", keyed(REJECTS, rejects))
        self.con.register("held_runs", keyed(RUNS, runs))
        self.con.register("measured_nights", pa.Table.from_pylist(nights, NIGHTS.schema()))
        self.con.register("measured_classes", pa.Table.from_pylist(classes, CLASSES.schema()))
        self.con.register(
            "measured_settings", settings_table(DEFAULT_SETTINGS | dict(chosen or {}))
        )


def runs_of(rows: Sequence[Row], stated: Mapping[str, int | None] | None = None) -> list[Row]:
    """A RUNS row for each run of each night of these requests."""
    found = []
    for key in sorted({(row["job"], row["day"], row["commit_id"]) for row in rows}):
        own = [row for row in rows if (row["job"], row["day"], row["commit_id"]) == key]
        for run in sorted({row["run"] for row in own}):
            told = {
                "n_chunks": sum(r["n_chunks"] or 0 for r in own if r["run"] == run),
                "n_output_tokens": sum(r["n_output_tokens"] or 0 for r in own if r["run"] == run),
            }
            named = dict(zip(_KEYS.names, key, strict=True))
            found.append(run_row(run, own, (stated or {}).get(run)) | told | named)
    return found


def commit(
    store: Store,
    number: int,
    rows: Sequence[Row],
    *,
    job: str = JOB,
    has_bounds: bool = True,
    gaps: pa.Table | None = None,
    classes: pa.Table | None = None,
    dimensions: Mapping[str, pa.Array] | None = None,
    settings: Row | None = None,
    runs: pa.Table | None = None,
) -> None:
    """Commit REQUESTS rows as one night of a real store, with the RUNS rows they need."""
    night, since = Night(job, day(number)), start_of(day(number))
    table = requests_table(rows)
    for name, values in (dimensions or {}).items():
        table = table.append_column(name, values)
    with store.stage(store.begin([night])) as staging:
        for batch in table.to_batches():
            staging.write(batch, night.day)
        staging.runs(contents(runs_table(rows), rows) if runs is None else runs, night.day)
        if gaps is not None:
            staging.gaps(gaps, night.day)
        if classes is not None:
            staging.classes(classes.drop_columns(["commit_id"]))
        facts = NightFacts(
            settings_row=DEFAULT_SETTINGS | dict(settings or {}),
            code_version="0",
            zone="UTC" if has_bounds else None,
            from_ns=since if has_bounds else None,
            until_ns=since + DAY_NS if has_bounds else None,
        )
        store.commit(staging, facts)


def contents(runs: pa.Table, rows: Sequence[Row]) -> pa.Table:
    """RUNS with the tokens and chunks of these requests."""
    for name in ("n_chunks", "n_output_tokens"):
        totals = [
            sum(row[name] or 0 for row in rows if row["run"] == run)
            for run in runs["run"].to_pylist()
        ]
        place = runs.column_names.index(name)
        runs = runs.set_column(place, runs.schema.field(name), pa.array(totals, pa.int64()))
    return runs


def small_night(number: int, times_ms: Sequence[int] = (100, 300, 700), **more: Any) -> list[Row]:
    """One measured request that arrives a second into the night."""
    given = {
        "arrival_ns": start_of(day(number)) + S,
        "chunk_times_ns": [t * 10**6 for t in times_ms],
    }
    return measured([delivery(**given | more)])


def small_store(root: Path, nights: int = 3) -> Store:
    """A store of nights of one request, ``times`` later by 100 ms each night."""
    store = Store.create(root)
    for number in range(nights):
        commit(store, number, small_night(number, (100 + 100 * number, 300 + 100 * number)))
    return store
