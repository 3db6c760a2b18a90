"""The text that opens a store in any DuckDB: where its files are, the bases over them, the catalog.

``STORE/_sgengine/views.sql`` is this text; ``open_store`` makes the same views.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sgengine.views.bases import (
    KEYS_ARE_KNOWN,
    ROOT,
    base_statements,
    file_lists,
    list_statement,
    literal,
)
from sgengine.views.statements import catalog_statements

if TYPE_CHECKING:
    from sgengine.store import Snapshot

_HEAD = """\
-- sgengine store, version {version}
--
-- Opens the store in a shell of DuckDB: duckdb -init STORE/_sgengine/views.sql
-- What it shows is one version of the store; open it again to see later commits.
--
-- The files are looked for in the folder that the environment variable SGENGINE_STORE names, then in
-- the working directory, then where the store was when this was written.
--
-- To look at some nights alone, set any of these before a query:
--   SET VARIABLE sg_since = DATE '2026-01-05';
--   SET VARIABLE sg_until = DATE '2026-01-11';
--   SET VARIABLE sg_job = 'nightly';
"""

_ESCAPED = r"regexp_replace({}, '([*?[])', '[\1]', 'g')"
"""A path as a pattern that matches it alone: DuckDB takes the paths it reads for patterns."""

_FIND_ROOT = """\
SET VARIABLE {variable} = coalesce(
    (
        SELECT {found}
        FROM glob([
            {folder} || {probe}
            FOR folder IN [coalesce(nullif(getenv('SGENGINE_STORE'), ''), '.'), '.', {root}]
        ]) AS g
        LIMIT 1
    ),
    error('the files of the store are not found: let the environment variable SGENGINE_STORE name its folder')
);"""


def script(snapshot: Snapshot) -> str:
    """The text of views.sql for this snapshot: bases, views and macros, for any DuckDB from 1.5 on."""
    statements = (find_root(snapshot), *store_statements(snapshot))
    return "\n".join([_HEAD.format(version=snapshot.version), *statements, ""])


def publish(snapshot: Snapshot) -> None:
    """Replace the views.sql of the snapshot's store, at once, by one of this snapshot."""
    from sgengine.store import Store  # deltalake, which plain inputs do without

    Store.open(snapshot.root).publish_views(script(snapshot))


def store_statements(snapshot: Snapshot) -> Iterator[str]:
    """Statements that make the bases and the catalog over a store whose root is set.

    The catalog is created while each list holds one file, for DuckDB looks at the whole list whenever
    it binds a view that reads it.
    """
    lists = file_lists(snapshot)
    yield from (list_statement(name, files[:1]) for name, files in lists.items())
    yield from base_statements(snapshot, None)
    yield from catalog_statements()
    yield KEYS_ARE_KNOWN
    yield from (list_statement(name, files) for name, files in lists.items())


def find_root(snapshot: Snapshot) -> str:
    """The statement by which a shell finds the files, wherever the store is by then."""
    files = next((files for files in snapshot.files.values() if files), None)
    if files is None or "://" in snapshot.root:
        return set_root(snapshot)
    probe = f"/{files[0].path}"
    return _FIND_ROOT.format(
        variable=ROOT,
        found=_ESCAPED.format(f"left(g.file, len(g.file) - {len(probe)})"),
        folder=_ESCAPED.format("folder"),
        probe=literal(probe),
        root=literal(snapshot.root),
    )


def set_root(snapshot: Snapshot) -> str:
    """The statement that says where the files are: where the snapshot was taken."""
    return f"SET VARIABLE {ROOT} = {_ESCAPED.format(literal(snapshot.root))};"
