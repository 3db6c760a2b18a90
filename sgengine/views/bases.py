"""The bases over the files of a store: views over explicit lists of files, and nothing else.

A list is a variable, not text in the view: DuckDB parses it once, and it can be short while the
catalog is created. Files of one schema id are read together, those of several joined by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from sgengine.schema import (
    CLASSES,
    GAPS,
    NIGHTS,
    REJECTS,
    REQUESTS,
    RUNS,
    SETTINGS,
    Column,
    TableSpec,
)
from sgengine.schema.nights import COMMIT_ID, DAY, JOB

if TYPE_CHECKING:
    from sgengine.store import DataFile, Snapshot

STORED = (REQUESTS, GAPS, REJECTS, RUNS, NIGHTS, CLASSES)
"""The tables of a store."""

ROOT = "sg_root"
"""The variable that says where the files are: a pattern that ends without a slash."""

JOB_ONLY, SINCE, UNTIL = "sg_job", "sg_since", "sg_until"
"""Variables that narrow every base to a job, from a first to a last day; NULL or unset: all."""

_NEWEST = "sg_newest"
"""The variable with the files of NIGHTS of the newest day."""

_BASE = """\
CREATE OR REPLACE VIEW measured_{name} AS
SELECT r.*
FROM (
    {parts}
) AS r
WHERE r.day >= coalesce(CAST(getvariable('sg_since') AS DATE), DATE '0001-01-01')
    AND r.day <= coalesce(CAST(getvariable('sg_until') AS DATE), DATE '9999-12-31')
    AND (getvariable('sg_job') IS NULL OR r.job = getvariable('sg_job'));"""

_SETTINGS = """\
CREATE OR REPLACE VIEW measured_settings AS
SELECT {columns}
FROM (
    {parts}
) AS n
ORDER BY n.zone IS NULL, n.committed_at_ns DESC, n.job
LIMIT 1;"""

_BY_NAME = "\n    UNION ALL BY NAME\n    "

_KINDS = {
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.date32(): "DATE",
}
"""DuckDB's names of the types of declared columns; labels are texts."""


def literal(text: str) -> str:
    """A text as SQL."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def base_statements(snapshot: Snapshot) -> Iterator[str]:
    """Views ``measured_*`` over the first file of each list; ``sg_root`` must be set.

    ``file_statements`` gives the lists their length. A table without files has its columns still.
    """
    yield from _lists(snapshot, first=True)
    for spec in STORED:
        yield _BASE.format(name=spec.name, parts=_BY_NAME.join(_parts(snapshot, spec)))
    newest = _newest(snapshot)
    yield _list(_NEWEST, newest)
    parts = (_empty(NIGHTS), *([_read(_NEWEST, snapshot, newest[0])] if newest else []))
    # T that a night was stated to have is that night's: _run_windows knows it.
    columns = [f"n.{name}" for name in SETTINGS.names if name != "duration_ns"]
    yield _SETTINGS.format(
        columns=", ".join([*columns, "CAST(NULL AS BIGINT) AS duration_ns"]),
        parts=_BY_NAME.join(parts),
    )


def file_statements(snapshot: Snapshot) -> Iterator[str]:
    """The lists of files, whole."""
    return _lists(snapshot, first=False)


def _lists(snapshot: Snapshot, *, first: bool) -> Iterator[str]:
    for spec in STORED:
        for schema_id, files in snapshot.groups(spec.name).items():
            yield _list(_variable(spec, schema_id), files[:1] if first else files)


def _variable(spec: TableSpec, schema_id: str) -> str:
    return f"sg_{spec.name}_{schema_id}"


def _list(variable: str, files: Sequence[DataFile]) -> str:
    """One text, split: DuckDB takes ten times as long to parse as many texts."""
    paths = literal("\n".join(file.path for file in files))
    return (
        f"SET VARIABLE {variable} = "
        f"[getvariable('{ROOT}') || '/' || path FOR path IN string_split({paths}, chr(10))];"
    )


def _parts(snapshot: Snapshot, spec: TableSpec) -> Iterator[str]:
    yield _empty(spec)
    for schema_id, files in snapshot.groups(spec.name).items():
        yield _read(_variable(spec, schema_id), snapshot, files[0])


def _empty(spec: TableSpec) -> str:
    """No rows of the declared columns: it fixes their types and order, also of those no file has."""
    keys = (column for column in (JOB, DAY, COMMIT_ID) if column.name not in spec.names)
    columns = (f'CAST(NULL AS {_kind(column)}) AS "{column.name}"' for column in (*spec.columns, *keys))
    return f"SELECT {', '.join(columns)} WHERE false"


def _read(variable: str, snapshot: Snapshot, example: DataFile) -> str:
    """The files of a list; their columns by name, for a folder above the store may be named K=V too."""
    partitions = ("job", "day", "system", "workload")[: len(example.values)]
    kinds = ", ".join(f"'{name}': {'DATE' if name == 'day' else 'VARCHAR'}" for name in partitions)
    names = (*snapshot.schemas[example.schema_id].names, *partitions)
    columns = ", ".join(f"f.{_quoted(name)}" for name in names)
    return (
        f"SELECT {columns} FROM read_parquet(getvariable('{variable}'), "
        f"hive_partitioning = true, hive_types = {{{kinds}}}) AS f"
    )


def _newest(snapshot: Snapshot) -> tuple[DataFile, ...]:
    """NIGHTS of the newest day."""
    nights = snapshot.files[NIGHTS.name]
    newest = max((file.night.day for file in nights), default=None)
    return tuple(file for file in nights if file.night.day == newest)


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _kind(column: Column) -> str:
    return _kind_of(column.type)


def _kind_of(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        return "VARCHAR"
    if pa.types.is_list(kind):
        return f"{_kind_of(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{_quoted(f.name)} {_kind_of(f.type)}' for f in kind)})"
    return _KINDS[kind]
