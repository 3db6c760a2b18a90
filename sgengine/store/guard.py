"""What every opening of a store makes sure of, so that a damaged one raises and never answers.

deltalake opens a log whose newest entry is empty, or was cut at the end of a line, as if its commit
had said nothing or less (1.6.6; ``tests/store/test_damage.py``). An entry therefore tells how many
actions it has, and a commit which files it leaves live.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.fs import DeltaStorageHandler

from sgengine.errors import DataError
from sgengine.store.layout import VIEWS
from sgengine.store.log_lines import actions_of
from sgengine.store.place import Place
from sgengine.store.seal import Sealed, seal

APP = "sgengine/seal/"
"""The transaction of a table's seal in the log of requests is this and the table's name."""

_READER = 1
"""The Delta reader version of our tables: no later feature changes what a list of files means."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_VERSION = re.compile(rb"-- sgengine store, version (\d+)\b")


def open_table(
    uri: str, name: str, *, version: int | None = None, options: Mapping[str, str]
) -> DeltaTable:
    """The table at ``uri``, called ``name`` in messages; DataError if it must not be read."""
    table = open_log(uri, name, version=version, options=options)
    if found := features(table):
        raise damaged(name, f"another program switched on {found}")
    return table


def open_log(
    uri: str, name: str, *, version: int | None = None, options: Mapping[str, str]
) -> DeltaTable:
    """The table at ``uri``, whatever its features are; DataError if its log cannot be read."""
    try:
        return DeltaTable(uri, version=version, storage_options=dict(options) or None)
    except (DeltaError, OSError, ValueError) as error:
        raise damaged(name, f"its log cannot be read ({first_line(error)})") from error


def features(table: DeltaTable) -> str | None:
    """What a table has that changes the meaning of a list of files (deletion vectors); None: nothing."""
    protocol = table.protocol()
    if protocol.min_reader_version <= _READER and not protocol.reader_features:
        return None
    return ", ".join(protocol.reader_features or ()) or f"reader {protocol.min_reader_version}"


def views_version(place: Place) -> int | None:
    """The version that ``views.sql`` was made from; None if there is none. To be read before the log."""
    try:
        found = _VERSION.match(place.read(VIEWS)[:100])
    except FileNotFoundError:
        return None
    return int(found[1]) if found else None


def check_views(requests: DeltaTable, version: int | None) -> None:
    """DataError if ``views.sql`` was made from a later version than the log now ends with."""
    if version is not None and version > requests.version():
        found = (
            f"its log ends at version {requests.version()}, and views.sql was made from {version}"
        )
        raise damaged("requests", found)


def check_entry(requests: DeltaTable, options: Mapping[str, str]) -> None:
    """DataError unless the log entry of the version that is open has all that its commit wrote."""
    content = read_entry(requests, options)
    actions = [] if content is None else actions_of(content)
    if isinstance(actions, str):
        raise damaged("requests", f"log entry {requests.version()}: {actions}")


def check_seal(requests: DeltaTable, name: str, files: Iterable[Sealed]) -> None:
    """DataError unless the live ``files`` of table ``name`` are those that the last commit left."""
    if not has_seal(requests, name, files):
        raise damaged(name, "its live files are not those of the last commit")


def has_seal(requests: DeltaTable, name: str, files: Iterable[Sealed]) -> bool:
    """Whether the live ``files`` of table ``name`` are those that the last commit left."""
    return seal(files) == (requests.transaction_version(APP + name) or 0)


def read_entry(table: DeltaTable, options: Mapping[str, str]) -> bytes | None:
    """The log entry of the version that is open; None if only a checkpoint has it, which vouches for it.

    Not ``history(1)``, which gives a newer entry under this version's number when the table has moved
    on or ``version`` was given (deltalake 1.6.6).
    """
    handler = DeltaStorageHandler(table.table_uri, dict(options) or None)
    try:
        content: bytes = handler.open_input_file(f"_delta_log/{table.version():020d}.json").read()
    except FileNotFoundError:
        return None
    return content


def damaged(name: str, found: str) -> DataError:
    """The one line of a store that must not be read."""
    return DataError(
        f"table {name} of the store is damaged: {found}; sgengine check names the file"
    )


def first_line(error: Exception) -> str:
    """The first line of what a library says, with the causes that it draws arrows to, without its stack."""
    lines = [line.strip() for line in _COLOURS.sub("", str(error)).splitlines()]
    causes = [line for line in lines[1:] if line.startswith("↳")]
    return " ".join([*lines[:1], *causes]) or type(error).__name__
