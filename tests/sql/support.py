"""Builds measured tables from DELIVERIES rows with the reference twin, and opens views over them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import settings

from sgengine.schema import DELIVERIES, GAPS, REJECTS, REQUESTS, RUNS
from sgengine.views import open_views, run_query, settings_table
from tests.reference import measure_row

MS = 10**6
S = 10**9
DEFAULT_READER = (200 * MS, 200 * MS)

DEFAULT_SETTINGS: dict[str, Any] = {
    "reader_first_ns": DEFAULT_READER[0],
    "reader_pace_ns": DEFAULT_READER[1],
    "alpha": 2.5,
    "penalty": "linear",
    "unfinished_idle_s": 0.0,
    "denominator": "all",
}

FEWER = settings(max_examples=max(10, settings.default.max_examples // 4))
"""A query takes DuckDB some 20 to 80 ms to plan, so a quarter of the profile's examples must do."""

Rows = Sequence[Mapping[str, Any]]


def delivery(**values: Any) -> dict[str, Any]:
    """A DELIVERIES row: ok, at arrival 0 of a unix clock, unless ``values`` say otherwise."""
    plain = {
        "run": "r",
        "request_id": "0",
        "system": "s",
        "workload": "w",
        "clock": "unix",
        "origin": "sent",
        "timing": "token",
        "status": "ok",
        "arrival_ns": 0,
    }
    return dict.fromkeys(DELIVERIES.names) | plain | values


def measured(rows: Rows, reader: tuple[int, int] = DEFAULT_READER) -> list[dict[str, Any]]:
    """REQUESTS rows by the reference twin."""
    return [measure_row(row, *reader) for row in rows]


def requests_table(rows: Rows) -> pa.Table:
    """REQUESTS rows as a table of the declared schema."""
    return pa.Table.from_pylist([_with_structs(row) for row in rows], schema=REQUESTS.schema())


def _with_structs(row: Mapping[str, Any]) -> dict[str, Any]:
    hulls = {
        name: [{"token": token, "time_ns": time} for token, time in row[name]]
        for name in ("envelope", "envelope_min", "envelope_max")
        if row[name] is not None
    }
    return {**row, **hulls}


def runs_table(rows: Rows, stated: Mapping[str, int | None] | None = None) -> pa.Table:
    """One RUNS row for each run of these REQUESTS rows."""
    names = sorted({row["run"] for row in rows})
    runs = [run_row(name, rows, (stated or {}).get(name)) for name in names]
    return pa.Table.from_pylist(runs, schema=RUNS.schema())


def run_row(run: str, rows: Rows, stated: int | None, source: str = "file") -> dict[str, Any]:
    """The RUNS row of one run, from those of ``rows`` that are its own."""
    own = [row for row in rows if row["run"] == run]
    known = [row for row in own if row["arrival_ns"] is not None]
    ends = [r["arrival_ns"] + max(r["last_chunk_ns"] or 0, r["end_ns"] or 0) for r in known]
    counts = {"n_chunks": 0, "n_output_tokens": 0, "rows_rejected": 0}
    return (
        dict.fromkeys(RUNS.names)
        | counts
        | {
            "source": source,
            "run": run,
            "system": own[0]["system"] if own else "s",
            "workload": "w",
            "format": "test",
            "clock": "unix",
            "origin": "sent",
            "stated_duration_ns": stated,
            "first_arrival_ns": min((row["arrival_ns"] for row in known), default=None),
            "last_end_ns": max(ends, default=None),
            "rows_in": len(own),
            "rows_measured": len(own),
        }
    )


def views(
    rows: Rows,
    runs: pa.Table | None = None,
    chosen: Mapping[str, Any] | None = None,
    dimensions: Mapping[str, pa.Array] | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection over REQUESTS rows."""
    requests = requests_table(rows)
    for name, values in (dimensions or {}).items():
        requests = requests.append_column(name, values)
    tables = (requests, GAPS.empty(), REJECTS.empty(), runs_table(rows) if runs is None else runs)
    return open_views(*tables, DEFAULT_SETTINGS | dict(chosen or {}))


def refill(
    con: duckdb.DuckDBPyConnection, rows: Rows, runs: pa.Table, chosen: Mapping[str, Any]
) -> None:
    """Put other measured tables under an open connection: cheaper than opening one an example."""
    con.register("given_requests", requests_table(rows))
    con.register("given_runs", runs)
    con.register("measured_settings", settings_table(DEFAULT_SETTINGS | dict(chosen)))


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """The rows of a query."""
    return run_query(con, sql).to_pylist()


def one(con: duckdb.DuckDBPyConnection, expression: str) -> Any:
    """The value of one expression."""
    return run_query(con, f"SELECT {expression} AS value").column("value")[0].as_py()


def same(actual: Any, expected: Any, scale: float = 0.0) -> bool:
    """Equal, or doubles within 1e-9 of the greater of both and ``scale``; NULL only equals NULL."""
    if isinstance(actual, float) and isinstance(expected, int | float):
        return math.isclose(actual, expected, rel_tol=1e-9, abs_tol=1e-9 * scale)
    return bool(actual == expected)


def differences(
    actual: Mapping[str, Any], expected: Mapping[str, Any], scale: float = 0.0
) -> dict[str, tuple[Any, Any]]:
    """Columns whose values differ, as (actual, expected); a missing column differs."""
    return {
        name: (actual.get(name, "no such column"), value)
        for name, value in expected.items()
        if name not in actual or not same(actual[name], value, scale)
    }


def by_key(rows: Iterable[Mapping[str, Any]], *names: str) -> dict[Any, Mapping[str, Any]]:
    """Rows by the values of some columns, which must tell them apart."""
    found = {}
    for row in rows:
        key = tuple(row[name] for name in names)
        assert key not in found, f"two rows for {key}"
        found[key] = row
    return found
