"""Opens an in-memory DuckDB over measured tables, with every view and macro, locked down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa

from sgengine.errors import UsageError
from sgengine.schema import GAPS, REJECTS, REQUESTS, RUNS, TableSpec
from sgengine.sql import load_catalog
from sgengine.views.settings import settings_table

DIMENSION_SUFFIX = "_dim"
"""Put behind a dimension whose name a column of the view ``requests`` has."""

_AT_OPENING: dict[str, str | bool | int | float | list[str]] = {
    # A query sees the measured tables and nothing of the Python process around it.
    "python_enable_replacements": False,
    "python_scan_all_frames": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

_LOCKS = (
    "SET TimeZone = 'UTC'",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
"""In this order: the last one forbids any SET after it."""


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
    tables = {f"measured_{spec.name}": _checked(spec, table) for spec, table in given}
    tables["measured_requests"] = _with_free_names(tables["measured_requests"])
    tables["measured_settings"] = settings_table(settings_row)
    con = duckdb.connect(":memory:", config=_AT_OPENING)
    try:
        _fill(con, tables)
    except BaseException:
        con.close()
        raise
    return con


def _fill(con: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table]) -> None:
    for name, table in tables.items():
        con.register(name, table)
    for item in load_catalog():
        con.execute(item.sql)
    for statement in _LOCKS:
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
