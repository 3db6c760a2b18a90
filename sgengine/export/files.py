"""Files that appear whole or not at all: written beside their place, then renamed into it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from sgengine.analyze.sinks import place_of
from sgengine.errors import UsageError


def _write_json(table: pa.Table, path: Path) -> None:
    """One array with an object a row, strict: NULL is null."""
    text = json.dumps(
        table.to_pylist(), default=_plain, allow_nan=False, ensure_ascii=False, indent=1
    )
    path.write_text(f"{text}\n", encoding="utf-8")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _write_parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd")


def _write_csv(table: pa.Table, path: Path) -> None:
    pyarrow.csv.write_csv(table, path)


WRITERS: Mapping[str, Callable[[pa.Table, Path], None]] = {
    "parquet": _write_parquet,
    "csv": _write_csv,
    "json": _write_json,
}
"""The formats of one file a table, which goes by the table's name and the format's."""


def check_folder(folder: Path, kind: str) -> None:
    """Raise UsageError if ``folder`` is a file, or the folder that it would be made in is not there."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--to is '{folder}', a file: {kind} needs a folder for its tables")
    _check_parent(folder)


def write_folder(folder: Path, kind: str, tables: Mapping[str, pa.Table]) -> list[Path]:
    """One file a table in ``folder``, made if it is not there; others in it stay.

    All are written before the first is renamed into place.
    """
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as beside:
        for name, table in tables.items():
            _write_synced(Path(beside, f"{name}.{kind}"), table, WRITERS[kind])
        for name in tables:
            Path(beside, f"{name}.{kind}").replace(folder / f"{name}.{kind}")
    return [folder / f"{name}.{kind}" for name in tables]


def _write_synced(path: Path, table: pa.Table, write: Callable[[pa.Table, Path], None]) -> None:
    write(table, path)
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A path to write that takes the place of ``path`` at the end, and goes on any error.

    Raises UsageError if ``path`` is anything but a file, or its folder is not there.
    """
    place = place_of(path, "--to")
    with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as beside:
        written = Path(beside, place.name)
        yield written
        with written.open("rb") as file:
            os.fsync(file.fileno())
        written.replace(place)


def _check_parent(path: Path) -> None:
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--to is '{path}': the folder {path.parent} does not exist")
