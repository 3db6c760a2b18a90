"""Tables written as one DuckDB file that older versions of DuckDB open as well."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

_STORAGE = "v1.0.0"
"""What 2.0 writes of itself is refused by 1.5; this is read by all from 1.0 on."""


def write_database(path: Path, tables: Mapping[str, pa.Table], docs: Mapping[str, str]) -> None:
    """Write a database file that holds ``tables`` and nothing else; ``docs``: comments by table.

    ``path`` must not exist. The file is closed, with nothing left in a log beside it. Raises OSError
    if it cannot be written, as when the disk is full.
    """
    try:
        _write(path, tables, docs)
    except duckdb.IOException as error:
        raise OSError(str(error)) from error


def _write(path: Path, tables: Mapping[str, pa.Table], docs: Mapping[str, str]) -> None:
    with duckdb.connect(":memory:") as con:
        con.execute(f"ATTACH '{_quoted(str(path))}' AS portable (STORAGE_VERSION '{_STORAGE}')")
        for name, table in tables.items():
            con.register("given", table)
            con.execute(f'CREATE TABLE portable."{name}" AS FROM given')
            con.unregister("given")
            if name in docs:
                con.execute(f"COMMENT ON TABLE portable.\"{name}\" IS '{_quoted(docs[name])}'")
        con.execute("CHECKPOINT portable")
        con.execute("DETACH portable")


def _quoted(text: str) -> str:
    return text.replace("'", "''")
