"""Opens an in-memory DuckDB over the files of a store's snapshot, locked down to these files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb

from sgengine.analyze.stored_files import Wanted, check_wanted
from sgengine.errors import UsageError
from sgengine.views.open import AT_OPENING, LOCKS
from sgengine.views.script import set_root, store_statements

if TYPE_CHECKING:
    from sgengine.store import Snapshot

_PARTITION = re.compile(r"(^|/)(job|day|system|workload)=")


def open_store(
    snapshot: Snapshot,
    settings_row: Mapping[str, Any] | None = None,
    wanted: Wanted | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection with the views and macros of ``sgengine.sql`` over a snapshot, pinned to it.

    ``settings_row`` holds the columns of ``measured_settings`` (None: those of the newest night).
    ``wanted`` narrows everything to some nights, systems or workloads. The connection can read the
    files of the snapshot and no others, and can set nothing; a COPY could still overwrite one of
    them, so give it to ``run_query`` alone. Raises UsageError if no night is wanted.
    """
    if _PARTITION.search(snapshot.root):
        raise UsageError(
            f"'{snapshot.root}' names a folder like those inside a store (day=...): SQL would take it "
            "for one; rename it"
        )
    if wanted is not None:
        check_wanted(wanted, snapshot)
        snapshot = _narrowed(snapshot, wanted)
    con = duckdb.connect(":memory:", config=AT_OPENING)
    try:
        for statement in (set_root(snapshot), *store_statements(snapshot, settings_row)):
            con.execute(statement)
        con.execute("SET allowed_paths = ?", [_paths(snapshot)])
        for statement in LOCKS:
            con.execute(statement)
    except BaseException:
        con.close()
        raise
    return con


def _narrowed(snapshot: Snapshot, wanted: Wanted) -> Snapshot:
    files = {
        table: tuple(
            file
            for file in held
            if (wanted.has(file) if len(file.values) > 2 else wanted.has_night(*file.night))
        )
        for table, held in snapshot.files.items()
    }
    return replace(snapshot, files=files)


def _paths(snapshot: Snapshot) -> list[str]:
    return [uri for table in snapshot.files for uri in snapshot.uris(table)]
