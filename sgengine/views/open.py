"""Opens an in-memory DuckDB over measured tables, with every view and macro, locked down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa

from sgengine.errors import UsageError
from sgengine.schema import GAPS, REJECTS, REQUESTS, RUNS, TableSpec
from sgengine.sql import load_catalog
from sgengine.views import kept
from sgengine.views.settings import settings_table
from sgengine.views.statements import view_statement

DIMENSION_SUFFIX = "_dim"
"""Put behind a dimension whose name a column of the view ``requests`` has."""

AT_OPENING: dict[str, str | bool | int | float | list[str]] = {
    # A query sees the measured tables and nothing of the Python process around it.
    "python_enable_replacements": False,
    "python_scan_all_frames": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

LOCKS = (
    "SET TimeZone = 'UTC'",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
"""In this order: the last one forbids any SET after it."""


_IN_NO_STORE = """
CREATE OR REPLACE VIEW measured_{name} AS
SELECT
    g.*,
    CAST(NULL AS VARCHAR) AS job,
    CAST(NULL AS DATE) AS day,
    CAST(NULL AS VARCHAR) AS commit_id
FROM given_{name} AS g
"""
"""A base over a table that is in no store, and so of no job, day and commit."""


def open_views(
    requests: pa.Table,
    gaps: pa.Table,
    rejects: pa.Table,
    runs: pa.Table,
    settings_row: Mapping[str, Any],
) -> duckdb.DuckDBPyConnection:
    """A connection with the views and macros of ``sgengine.sql`` over these tables.

    The tables are of the declared schemas, ``requests`` with any dimension columns behind; they are
    scanned in place, not copied. ``settings_row`` holds the columns of ``measured_settings``. The
    connection reads no file, loads no extension, and refuses every SET; its time zone is UTC.
    Raises UsageError for a table that lacks a column or a setting that is none.
    """
    given = zip((REQUESTS, GAPS, REJECTS, RUNS), (requests, gaps, rejects, runs), strict=True)
    tables = {spec.name: _checked(spec, table) for spec, table in given}
    tables[REQUESTS.name] = _with_free_names(tables[REQUESTS.name])
    con = duckdb.connect(":memory:", config=AT_OPENING)
    try:
        _fill(con, tables, settings_table(settings_row))
    except BaseException:
        con.close()
        raise
    return con


def _fill(
    con: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table], settings: pa.Table
) -> None:
    kept.fill(con)
    for name, table in tables.items():
        con.register(f"given_{name}", table)
        con.execute(_IN_NO_STORE.format(name=name))
    con.register("given_settings", settings)
    con.execute("CREATE OR REPLACE VIEW measured_settings AS FROM given_settings")
    for statement in (view_statement("requests"), *LOCKS):  # it has the dimensions
        con.execute(statement)


def _checked(spec: TableSpec, table: pa.Table) -> pa.Table:
    missing = [name for name in spec.names if name not in table.column_names]
    if missing:
        raise UsageError(f"table {spec.name} lacks {', '.join(missing)}: give the measured table")
    return table


def _with_free_names(requests: pa.Table) -> pa.Table:
    """``requests`` with dimensions renamed whose name is taken; SQL knows no upper and lower case."""
    taken = {column.name.lower() for column in _columns_of_requests()}
    names = []
    for name in requests.column_names:
        if name not in REQUESTS.names:
            while name.lower() in taken:
                name += DIMENSION_SUFFIX
            taken.add(name.lower())
        names.append(name)
    return requests.rename_columns(names)


def _columns_of_requests() -> tuple[Any, ...]:
    return next(item.columns for item in load_catalog() if item.name == "requests")
