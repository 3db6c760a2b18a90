"""What a store holds at one version: the files to read, and nothing that is not committed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable

from sgengine.store.guard import (
    check_entry,
    check_seal,
    check_views,
    damaged,
    first_line,
    has_seal,
    open_table,
    views_version,
)
from sgengine.store.layout import COMMIT_POINT, NAMED, SIDES, StoreTable, parse_name
from sgengine.store.night import Night
from sgengine.store.place import Place
from sgengine.store.seal import Sealed


class DataFile(NamedTuple):
    """A data file in use: its path in the store, with slashes, and what the log says of it.

    ``values``: the partition columns of its table, in order, as texts.
    """

    path: str
    schema_id: str
    commit_id: str
    size: int
    rows: int
    values: tuple[str, ...]

    @property
    def night(self) -> Night:
        """The night it belongs to."""
        return Night(self.values[0], date.fromisoformat(self.values[1]))

    @property
    def sealed(self) -> Sealed:
        """What the seal of its table covers."""
        return Sealed(self.path[self.path.rfind("/") + 1 :], self.size, self.rows, self.values)


Unit = tuple[str, ...]
"""Commit id, job and day: what a side file must share with a live file of requests to count."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The files of every table at one version, and what is needed to read them.

    ``files``: by table. ``schemas``: the columns in the files of each schema id, partition columns
    not among them. ``columns``: all columns of requests, dimensions last. Paths lead from ``root``.
    """

    root: str
    version: int
    files: Mapping[str, tuple[DataFile, ...]]
    schemas: Mapping[str, pa.Schema]
    columns: pa.Schema

    @property
    def nights(self) -> dict[Night, str]:
        """The commit id of every night, in order of job and day."""
        return {file.night: file.commit_id for file in sorted(self.files["nights"], key=_by_night)}

    def groups(self, table: str) -> dict[str, tuple[DataFile, ...]]:
        """The files of a table by schema id: those of one id can be read together."""
        groups: dict[str, list[DataFile]] = {}
        for file in self.files[table]:
            groups.setdefault(file.schema_id, []).append(file)
        return {name: tuple(files) for name, files in groups.items()}

    def uris(self, table: str) -> list[str]:
        """Where the files of a table are."""
        return [f"{self.root}/{file.path}" for file in self.files[table]]


def _by_night(file: DataFile) -> tuple[str, ...]:
    return file.values


def load(place: Place, version: int | None = None) -> tuple[DeltaTable, Snapshot]:
    """The table of requests at ``version`` (None: now), and the snapshot; DataError if damaged.

    The side tables are opened beside it: one that misses what a commit has written since does not have
    the seal that the commit gave it, and is opened again.
    """
    with ThreadPoolExecutor(len(SIDES)) as threads:
        early = [threads.submit(_opened, place, table) for table in SIDES]
        requests, live = load_requests(place, version)
        units = {unit_of(file) for file in live}
        sides = list(
            threads.map(
                lambda table, first: _side(place, requests, table, units, first), SIDES, early
            )
        )
    files = {COMMIT_POINT.name: live} | {
        table.name: side for table, side in zip(SIDES, sides, strict=True)
    }
    return requests, Snapshot(
        root=place.root,
        version=requests.version(),
        files=files,
        schemas=_schemas(place, files.values()),
        columns=pa.schema(requests.schema().to_arrow()),
    )


def load_requests(
    place: Place, version: int | None = None
) -> tuple[DeltaTable, tuple[DataFile, ...]]:
    """The table of requests and its live files, checked."""
    name = COMMIT_POINT.name
    published = views_version(place) if version is None else None
    table = open_table(place.uri(name), name, version=version, options=place.options)
    check_views(table, published)
    check_entry(table, place.options)
    live = tuple(listed(table, COMMIT_POINT))
    check_seal(table, name, (file.sealed for file in live))
    owners: dict[tuple[str, ...], str] = {}
    for file in live:
        if owners.setdefault(file.values[:2], file.commit_id) != file.commit_id:
            raise damaged(name, f"two commits of {file.night} are live")
    return table, live


def _side(
    place: Place,
    requests: DeltaTable,
    table: StoreTable,
    units: set[Unit],
    early: Future[DeltaTable],
) -> tuple[DataFile, ...]:
    """The live files of a side table, checked."""
    files = _live(early.result(), table, units)
    if not has_seal(requests, table.name, (file.sealed for file in files)):
        files = _live(_opened(place, table), table, units)
        check_seal(requests, table.name, (file.sealed for file in files))
    return files


def _opened(place: Place, table: StoreTable) -> DeltaTable:
    return open_table(place.uri(table.name), table.name, options=place.options)


def _live(opened: DeltaTable, table: StoreTable, units: set[Unit]) -> tuple[DataFile, ...]:
    return tuple(file for file in listed(opened, table) if unit_of(file) in units)


def unit_of(file: DataFile) -> Unit:
    """The unit that a file belongs to."""
    return (file.commit_id, *file.values[:2])


def listed(opened: DeltaTable, table: StoreTable) -> Iterator[DataFile]:
    """The files that a table's log names, live or not, in order of their paths."""
    actions = pa.table(opened.get_add_actions())
    actions = actions.select(["path", "size_bytes", "num_records", "partition"]).sort_by("path")
    parts = actions["partition"].combine_chunks()
    encoded, *names = _named(actions["path"].combine_chunks())
    counts = (actions[name].to_pylist() for name in ("size_bytes", "num_records"))
    values = zip(
        *(parts.field(name).cast(pa.string()).to_pylist() for name in table.partitions), strict=True
    )
    # deltalake shows paths encoded, and encodes what it is given
    paths = (f"{table.name}/{unquote(path) if '%' in path else path}" for path in encoded)
    return map(DataFile, paths, *names, *counts, values)


def _named(paths: pa.Array) -> tuple[list[str], list[str], list[str]]:
    """Paths, schema ids and commit ids; DataError for a name that no commit of ours made."""
    names = pc.extract_regex(paths, NAMED)
    texts: list[str] = paths.to_pylist()
    if names.null_count:
        parse_name(unquote(texts[names.is_valid().to_pylist().index(False)]))
    return texts, names.field("schema_id").to_pylist(), names.field("commit_id").to_pylist()


def _schemas(place: Place, tables: Iterable[tuple[DataFile, ...]]) -> dict[str, pa.Schema]:
    """The columns of each schema id, from one file of it."""
    found: dict[str, pa.Schema] = {}
    for files in tables:
        for file in files:
            if file.schema_id not in found:
                found[file.schema_id] = _schema(place, file)
    return found


def _schema(place: Place, file: DataFile) -> pa.Schema:
    try:
        with place.open(file.path) as opened:
            return pq.read_schema(opened)
    except (OSError, pa.ArrowInvalid) as error:
        table = file.path.partition("/")[0]
        raise damaged(table, f"{file.path} cannot be read ({first_line(error)})") from error
