"""Vacuum: files that no version kept can reach are removed, and side rows that nobody can see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from deltalake import DeltaTable

from sgengine.errors import UsageError
from sgengine.store.entries import remove_actions, retried, write_entry
from sgengine.store.guard import open_table
from sgengine.store.layout import COMMIT_POINT, LOG, SIDES, StoreTable, parse_name
from sgengine.store.place import Found, Place
from sgengine.store.snapshot import DataFile, listed, load_requests
from sgengine.store.steps import step
from sgengine.store.versions import HORIZON, added_since, last_version_before

RETENTION = timedelta(days=30)
"""How long replaced files are kept: the time that readers and time travel have."""

_REASON = "vacuum"
"""What stands for a commit's id in the entries of a vacuum."""


def vacuum(place: Place, *, retention: timedelta, dry_run: bool) -> tuple[str, ...]:
    """Remove what no version of the last ``retention`` reaches; the paths, which ``dry_run`` leaves.

    Those are files replaced longer ago, files that old of writers that never committed them, and side
    files of commits of which neither is left. Younger files are left alone, as their writer may live.
    """
    if retention < timedelta(0):
        raise UsageError(f"retention is {retention}: give 0 or more")
    until = datetime.now(UTC) - retention
    found = {table.name: list(_data_files(place, table)) for table in (COMMIT_POINT, *SIDES)}
    version, kept = _kept(place, until)
    gone = {COMMIT_POINT.name: _older(found[COMMIT_POINT.name], until, kept)}
    left = {file.path for file in found[COMMIT_POINT.name]} - set(gone[COMMIT_POINT.name])
    units = {_unit(path) for path in left}
    for table in SIDES:
        mine = {file.path for file in found[table.name] if _unit(file.path) in units}
        gone[table.name] = _older(found[table.name], until, mine)
    paths = tuple(path for removed in gone.values() for path in removed)
    if paths and not dry_run:
        _set_horizon(place, version)
        for table in SIDES:
            _forget(place, table, frozenset(gone[table.name]))
        for path in paths:
            place.delete(path)
            step(f"deleted {path}")
    return paths


def _data_files(place: Place, table: StoreTable) -> Iterator[Found]:
    """The data files of a table, committed or not."""
    for found in place.walk(table.name):
        if f"/{LOG}/" not in found.path and found.path.endswith(".parquet"):
            yield found


def _kept(place: Place, until: datetime) -> tuple[int, set[str]]:
    """The first version that stays readable, and the files of requests that it or a later one has."""
    _, live = load_requests(place)
    version = last_version_before(place, until)
    _, then = load_requests(place, version)
    kept = {file.path for file in (*live, *then)}
    return version, kept | set(added_since(place, version))


def _older(found: Iterable[Found], until: datetime, kept: set[str]) -> list[str]:
    limit = until.timestamp() * 1e9
    return sorted(
        file.path for file in found if file.modified_ns <= limit and file.path not in kept
    )


def _unit(path: str) -> tuple[str, ...]:
    """Commit id, job and day of a data file, the latter as its folders spell them."""
    return (parse_name(path).commit_id, *path.split("/")[1:3])


def _set_horizon(place: Place, version: int) -> None:
    """Make the log say from which version on files are all there, before one of them goes."""

    def attempt() -> int:
        requests, _ = load_requests(place)
        horizon = max(version, requests.transaction_version(HORIZON) or 0)
        return write_entry(place, requests, COMMIT_POINT, [], _REASON, {HORIZON: horizon})

    place.sync_entry(COMMIT_POINT.name, retried(attempt, "vacuum"))
    step("horizon")


def _forget(place: Place, table: StoreTable, gone: frozenset[str]) -> None:
    """Make a side table's log name the files of ``gone`` no more."""

    def named(opened: DeltaTable) -> list[DataFile]:
        return [file for file in listed(opened, table) if file.path in gone]

    def attempt() -> int:
        opened = open_table(place.uri(table.name), table.name, options=place.options)
        files = named(opened)
        if not files:
            return opened.version()
        return write_entry(place, opened, table, remove_actions(files), _REASON, {})

    place.sync_entry(table.name, retried(attempt, f"vacuum of {table.name}"))
    step(f"forgot {table.name}")
