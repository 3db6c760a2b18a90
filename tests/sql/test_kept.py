"""The catalog that is kept: that of the statements, and no obstacle where it is damaged or cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sgengine import folders
from sgengine.views import kept

VIEWS = "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal"
MACROS = """
SELECT function_name, function_type, parameters, macro_definition
FROM duckdb_functions() WHERE NOT internal"""
COLUMNS = """
SELECT table_name, column_name, column_index, data_type, is_nullable
FROM duckdb_columns() WHERE NOT internal"""

EXCLUDED = re.compile(r"(?<=EXCLUDE \()[^)]*")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder of its own for what is kept."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    kept.kept_file.cache_clear()
    yield tmp_path
    kept.kept_file.cache_clear()


def held(fill: Any) -> list[list[tuple[Any, ...]]]:
    """All views, macros and columns of what ``fill`` creates."""
    with duckdb.connect() as con:
        fill(con)
        found = [con.execute(query).fetchall() for query in (VIEWS, MACROS, COLUMNS)]
    return [sorted((tuple(map(in_order, row)) for row in rows), key=repr) for rows in found]


def in_order(value: Any) -> Any:
    """A text with the names of each EXCLUDE in order: DuckDB holds them as a set."""
    if not isinstance(value, str):
        return value
    return EXCLUDED.sub(lambda names: ", ".join(sorted(names[0].split(", "))), value)


def test_what_is_kept_is_what_the_statements_create(place):
    expected = held(kept._create)
    assert [len(rows) > 10 for rows in expected] == [True] * 3
    assert held(kept.fill) == expected
    (folder,) = place.iterdir()
    assert [path.name for path in folder.iterdir()] == ["catalog.duckdb"]
    assert held(kept.fill) == expected


def test_a_connection_knows_no_other_database_afterwards(place):
    with duckdb.connect() as con:
        kept.fill(con)
        found = con.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal")
        assert found.fetchall() == [("memory",)]


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "zeros", "gone"])
def test_a_damaged_file_is_done_without_and_made_again(place, damage):
    expected = held(kept._create)
    path = kept.kept_file()
    whole = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(whole[: len(whole) // 2])
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("no database")
        case "zeros":
            path.write_bytes(whole[:12288] + bytes(len(whole) - 12288))
        case "gone":
            path.unlink()
    assert held(kept.fill) == expected
    assert not path.exists()
    kept.kept_file.cache_clear()
    assert held(kept.fill) == expected
    assert path.exists()


def test_without_a_place_for_it_every_connection_creates_it(place, monkeypatch):
    a_file = place / "file"
    a_file.write_text("")
    monkeypatch.setattr(folders, "_places", lambda beside: [a_file])
    assert kept.kept_file() is None
    with duckdb.connect() as con:
        kept.fill(con)
        assert con.execute("SELECT count(*) FROM requests").fetchone() == (0,)


def test_a_disk_without_room_leaves_nothing(place, monkeypatch):
    def full(con: duckdb.DuckDBPyConnection) -> None:
        raise duckdb.IOException("No space left on device")

    monkeypatch.setattr(kept, "_create", full)
    assert kept.kept_file() is None
    (folder,) = place.iterdir()
    assert list(folder.iterdir()) == []


def test_connections_at_once_copy_one_file(place):
    path = kept.kept_file()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: held(kept.fill)[0], range(16)))
    assert found == found[:1] * 16
    assert path.exists()
