"""The catalog over empty bases, kept in a file: made anew it takes 130 ms, for DuckDB binds every view.

Copied from a file, views are not bound until a query names them: 10 ms. The name of the folder says all
that the catalog depends on; a file that is damaged, or cannot be written, is done without.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from uuid import uuid4

import duckdb

from sgengine.folders import kept_folder
from sgengine.views.bases import empty_statements, literal
from sgengine.views.statements import catalog_statements

_HERE = Path(__file__).parent
_KIND = "sql-"
_FILE = "catalog.duckdb"
_NAME = "_kept"


def fill(con: duckdb.DuckDBPyConnection) -> None:
    """Create all views and macros in a connection that is empty, over bases without rows."""
    path = kept_file()
    if path is None or not _is_copied(con, path):
        _create(con)


@cache
def kept_file() -> Path | None:
    """The file with the catalog, made if it is not there; None if there is no place for it."""
    statements = "\0".join((duckdb.__version__, *empty_statements(), *catalog_statements()))
    digest = hashlib.sha256(statements.encode()).hexdigest()[:16]
    folder = kept_folder(digest, _HERE / "__pycache__", _KIND)
    if folder is None:
        return None
    path = folder / _FILE
    return path if path.exists() or _is_made(path) else None


def _is_made(path: Path) -> bool:
    """Make the file beside its place and move it there, whole: another process may be at it, too."""
    made = path.with_name(f"{uuid4().hex}.duckdb")
    try:
        with duckdb.connect(str(made)) as con:
            _create(con)
        made.replace(path)
    except (OSError, duckdb.Error):
        return False
    finally:
        for left in (made, made.with_name(f"{made.name}.wal")):
            with suppress(OSError):
                left.unlink(missing_ok=True)
    return True


def _create(con: duckdb.DuckDBPyConnection) -> None:
    for statement in (*empty_statements(), *catalog_statements()):
        con.execute(statement)


def _is_copied(con: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Copy the catalog that is kept; whether it could be. What could not goes, and is made again."""
    try:
        con.execute(f"ATTACH {literal(str(path))} AS {_NAME} (READ_ONLY)")
        con.execute(f"COPY FROM DATABASE {_NAME} TO memory (SCHEMA)")
    except duckdb.Error:
        with suppress(OSError):
            path.unlink()
        return False
    finally:
        con.execute(f"DETACH DATABASE IF EXISTS {_NAME}")
    return True
