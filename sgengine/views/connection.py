"""A connection to a store that can do nothing but read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from sgengine.analyze.stored_files import Wanted
from sgengine.store import Snapshot, Store
from sgengine.views.query import run_query
from sgengine.views.store import open_store, prepare
from sgengine.views.values import python_values


class Rows:
    """What a query gave."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._table.column_names)

    def to_arrow_table(self) -> pa.Table:
        """The rows as an Arrow table."""
        return self._table

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows as Python values; dates and times beyond Python's as text."""
        return list(zip(*map(python_values, self._table.columns), strict=True))

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row as Python values; None if there is none."""
        return next(iter(Rows(self._table.slice(0, 1)).fetchall()), None)


class StoreConnection:
    """SQL over a store at one version: the views and macros of docs/sql.md, and no way to change it.

    Every query sees the version that was newest when the connection was made, or the one that ``at``
    names, until ``refresh``. ``wanted`` narrows it; ``settings`` gives the row of
    ``measured_settings`` for a snapshot (None: those of its newest night). A statement that does not
    parse as SELECT, EXPLAIN or PIVOT is refused; so is any access to files elsewhere, settings and
    extensions. A context manager.
    """

    def __init__(
        self,
        store: Store,
        *,
        at: int | datetime | None = None,
        wanted: Wanted | None = None,
        settings: Callable[[Snapshot], Mapping[str, Any] | None] = lambda snapshot: None,
    ) -> None:
        self._store, self._at, self._wanted, self._settings = store, at, wanted, settings
        self._open()

    def _open(self) -> None:
        with ThreadPoolExecutor(1) as thread:  # while the log is read
            prepared = thread.submit(prepare)
            snapshot = self._store.snapshot(self._at)
            row = self._settings(snapshot)
        self._con = open_store(snapshot, row, self._wanted, prepared.result())
        self.snapshot: Snapshot = snapshot

    @property
    def version(self) -> int:
        """The version of the store that queries see."""
        return self.snapshot.version

    def sql(self, query: str) -> Rows:
        """The rows of one statement that only reads.

        Raises UsageError, in one line, for another statement, for files and settings, and for every
        error of SQL; DataError if a file of the snapshot is gone.
        """
        return Rows(run_query(self._con, query, has_many_files=True))

    execute = sql

    def refresh(self) -> Self:
        """See the newest version from now on; one that was opened with ``at`` stays where it is."""
        held = self._con
        self._open()
        held.close()
        return self

    def close(self) -> None:
        """Free what the connection holds."""
        self._con.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
