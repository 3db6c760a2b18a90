"""What is wrong with data files: gone, of another size, not to be decoded, of other rows, writable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from sgengine.store.damage import Damage
from sgengine.store.guard import first_line
from sgengine.store.place import Found, Place
from sgengine.store.snapshot import DataFile

_ROWS = 65_536


def file_damage(
    place: Place, live: Iterable[DataFile], found: Mapping[str, Found]
) -> Iterator[Damage]:
    """What is wrong with the ``live`` files, of those ``found`` in the store by path. Reads them all."""
    for file in live:
        here = found.get(file.path)
        if here is None:
            yield Damage(kind="file_missing", place=file.path, found="no such file")
        elif here.size != file.size:
            told = f"{here.size} bytes, {file.size} committed"
            yield Damage(kind="file_size", place=file.path, found=told)
        else:
            yield from _content(place, file)
            if not here.read_only:
                yield Damage(kind="file_writable", place=file.path, found="mode with write bits")


def _content(place: Place, file: DataFile) -> Iterator[Damage]:
    try:
        rows = _decoded(place, file.path)
    except (pa.ArrowException, OSError) as error:
        yield Damage(kind="file_unreadable", place=file.path, found=first_line(error))
        return
    if rows != file.rows:
        told = f"{rows} rows, {file.rows} committed"
        yield Damage(kind="file_rows", place=file.path, found=told)


def _decoded(place: Place, path: str) -> int:
    """The rows of a file, each of them decoded and each page held against its checksum."""
    with (
        place.open(path) as source,
        pq.ParquetFile(source, page_checksum_verification=True) as file,
    ):
        return sum(batch.num_rows for batch in file.iter_batches(batch_size=_ROWS))


def orphans(tables: Iterable[str], live: Iterable[str], found: Iterable[str]) -> Iterator[Damage]:
    """Data files below the folders of ``tables`` that are not ``live``."""
    folders, kept = tuple(f"{table}/" for table in tables), set(live)
    for path in found:
        data = path.startswith(folders) and path.endswith(".parquet") and "/_delta_log/" not in path
        if data and path not in kept:
            yield Damage(kind="orphan_file", place=path, found="no live commit has it")
