"""``Store.verify``: every log entry and every live file of a store looked at, and what is damaged named.

It goes on behind damage, so one pass names all there is; what it cannot read it says so of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from sgengine.errors import DataError
from sgengine.store.damage import Damage
from sgengine.store.guard import APP, features, first_line, open_log, views_version
from sgengine.store.layout import COMMIT_POINT, LOG, SIDES, STORE_TABLES, StoreTable
from sgengine.store.place import Found, Place
from sgengine.store.seal import seal
from sgengine.store.snapshot import DataFile, listed, unit_of
from sgengine.store.verify_files import file_damage, orphans
from sgengine.store.verify_log import log_damage, read_log
from sgengine.store.verify_nights import doubled, night_damage


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was looked at, and what was wrong: nothing if ``damages`` is empty.

    ``nights``, ``runs`` and ``requests`` are live; ``rows`` were read to make them.
    """

    damages: tuple[Damage, ...]
    nights: int
    runs: int
    rows: int
    requests: int


@dataclass(kw_only=True)
class _Opened:
    """The tables that could be opened, the files that they say are live, the files there are."""

    tables: dict[str, DeltaTable] = field(default_factory=dict)
    live: dict[str, tuple[DataFile, ...]] = field(default_factory=dict)
    found: dict[str, Found] = field(default_factory=dict)

    @property
    def requests(self) -> tuple[DataFile, ...]:
        """The live files of requests."""
        return self.live.get(COMMIT_POINT.name, ())


def verify(place: Place) -> Verified:
    """Look at all of the store at ``place``; every byte of its live files is read."""
    views = views_version(place)
    opened = _Opened()
    damages = [
        damage
        for table in (COMMIT_POINT, *SIDES)
        for damage in (
            *log_damage(table.name, read_log(place, table.name)),
            *_open(place, table, opened),
        )
    ]
    opened.found = {found.path: found for name in STORE_TABLES for found in place.walk(name)}
    damages += _views_damage(opened.tables.get(COMMIT_POINT.name), views)
    damages += doubled(opened.requests)
    live = [file for files in opened.live.values() for file in files]
    damages += file_damage(place, live, opened.found)
    if COMMIT_POINT.name in opened.live:  # without it nothing is known to be live
        damages += orphans(opened.live, (file.path for file in live), opened.found)
    bad = {damage.place for damage in damages}
    nights, runs = (_rows(place, opened, name, bad) for name in ("nights", "runs"))
    if nights is not None and runs is not None:
        damages += night_damage(opened.requests, nights, runs)
    return Verified(
        damages=tuple(damages),
        nights=len({file.values[:2] for file in opened.requests}),
        runs=len(runs or ()),
        rows=sum(row["rows_in"] for row in runs or ()),
        requests=sum(file.rows for file in opened.requests),
    )


def _open(place: Place, table: StoreTable, opened: _Opened) -> Iterator[Damage]:
    """Open one table into ``opened``, requests before the others; what is wrong with it."""
    name = table.name
    try:
        log = open_log(place.uri(name), name, options=place.options)
        files = tuple(listed(log, table))
    except DataError as error:
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
        yield Damage(kind="table_unreadable", place=f"{name}/{LOG}", found=first_line(cause))
        return
    if found := features(log):
        yield Damage(kind="protocol_feature", place=name, found=found)
    if table is not COMMIT_POINT:
        units = set(map(unit_of, opened.requests))
        files = tuple(file for file in files if unit_of(file) in units)
    opened.tables[name], opened.live[name] = log, files
    requests = opened.tables.get(COMMIT_POINT.name)
    if requests is not None:
        yield from _seal_damage(requests, name, files)


def _seal_damage(requests: DeltaTable, name: str, files: Sequence[DataFile]) -> Iterator[Damage]:
    expected = requests.transaction_version(APP + name) or 0
    if seal(file.sealed for file in files) != expected:
        found = f"{len(files)} live files, and another seal than that of the last commit"
        yield Damage(kind="live_files_differ", place=name, found=found)


def _views_damage(requests: DeltaTable | None, views: int | None) -> Iterator[Damage]:
    """``views.sql`` beside the log; nothing is expected before the first commit."""
    version = 0 if requests is None else requests.version()
    if views is not None and requests is not None and views > version:
        found = f"the log ends at version {version}, views.sql was made from {views}"
        yield Damage(kind="log_end_missing", place=COMMIT_POINT.name, found=found)
    elif version and (views is None or views < version):
        told = "there is none" if views is None else f"made from version {views}"
        yield Damage(
            kind="views_stale", place="_sgengine/views.sql", found=f"{told}, now {version}"
        )


def _rows(
    place: Place, opened: _Opened, name: str, bad: set[str]
) -> list[Mapping[str, Any]] | None:
    """The live rows of a small side table; None if any of its files is damaged or it is not open."""
    files = opened.live.get(name)
    if files is None or any(file.path in bad for file in files):
        return None
    rows: list[Mapping[str, Any]] = []
    for file in files:
        values = dict(zip(STORE_TABLES[name].partitions, file.values, strict=True))
        rows += [row | values for row in _read(place, file).to_pylist()]
    return rows


def _read(place: Place, file: DataFile) -> pa.Table:
    with place.open(file.path) as source, pq.ParquetFile(source) as parquet:
        return parquet.read()
