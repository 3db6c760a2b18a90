"""The bases over the files of a store: views over explicit lists of files, and nothing else.

A list is a variable, not text in the view: DuckDB parses it once, and it can be short while the
catalog is created. Files of one schema id are read together, those of several joined by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sgengine.aggregate import SummarySettings, settings_row
from sgengine.schema import CLASSES, GAPS, NIGHTS, REJECTS, REQUESTS, RUNS, SETTINGS, TableSpec
from sgengine.schema.nights import COMMIT_ID, DAY, JOB
from sgengine.views.settings import settings_table

if TYPE_CHECKING:
    from sgengine.store import DataFile, Snapshot

    Groups = Mapping[str, Sequence[DataFile]]
    """Files by schema id."""

STORED = (REQUESTS, GAPS, REJECTS, RUNS, NIGHTS, CLASSES)
"""The tables of a store."""

ROOT = "sg_root"
"""The variable that says where the files are: a pattern, without a slash at its end."""

_NEWEST = "newest"
"""What the lists of NIGHTS of the newest day are called."""

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


def base_statements(snapshot: Snapshot, settings: Mapping[str, Any] | None) -> Iterator[str]:
    """Views ``measured_*`` over the first file of each list; ``sg_root`` must be set.

    ``file_statements`` gives the lists their length. A table without files has its columns still.
    ``measured_settings`` is the row ``settings``, or what the newest night was measured with.
    """
    for spec in STORED:
        groups = snapshot.groups(spec.name)
        yield from _lists(spec.name, {name: files[:1] for name, files in groups.items()})
        parts = _parts(snapshot, spec, spec.name, groups)
        yield _BASE.format(name=spec.name, parts=parts)
    newest = _newest(snapshot)
    if settings is None and newest:
        yield from _lists(_NEWEST, newest)
        parts = _parts(snapshot, NIGHTS, _NEWEST, newest)
        yield _newest_settings(parts, is_alone=len(snapshot.files[NIGHTS.name]) == 1)
    else:
        yield _given_settings(settings or settings_row(SummarySettings()))


def file_statements(snapshot: Snapshot) -> Iterator[str]:
    """The lists of files, whole."""
    for spec in STORED:
        yield from _lists(spec.name, snapshot.groups(spec.name))


def _lists(name: str, groups: Groups) -> Iterator[str]:
    """A variable with the paths of each group; one text, split, for DuckDB parses many ten times slower."""
    for schema_id, files in groups.items():
        paths = literal("\n".join(file.path for file in files))
        yield (
            f"SET VARIABLE sg_{name}_{schema_id} = "
            f"[getvariable('{ROOT}') || '/' || path FOR path IN string_split({paths}, chr(10))];"
        )


def _parts(snapshot: Snapshot, spec: TableSpec, name: str, groups: Groups) -> str:
    """Every group of files, under the declared columns: a column that no file has yet is there too."""
    reads = [
        _read(snapshot, f"sg_{name}_{schema_id}", files[0]) for schema_id, files in groups.items()
    ]
    return _BY_NAME.join([_declared(spec), *reads])


def _declared(spec: TableSpec) -> str:
    keys = (column for column in (JOB, DAY, COMMIT_ID) if column.name not in spec.names)
    columns = (
        f"CAST(NULL AS {_kind(c.type)}) AS {_quoted(c.name)}" for c in (*spec.columns, *keys)
    )
    return f"SELECT {', '.join(columns)} WHERE false"


def _read(snapshot: Snapshot, variable: str, example: DataFile) -> str:
    """The files of a list, their columns by name: a folder above the store may be called K=V as well.

    Qualified, for a parameter of a macro that comes to read the view hides a plain name (alpha).
    """
    partitions = ("job", "day", "system", "workload")[: len(example.values)]
    kinds = ", ".join(f"'{name}': {'DATE' if name == 'day' else 'VARCHAR'}" for name in partitions)
    names = (*snapshot.schemas[example.schema_id].names, *partitions)
    columns = ", ".join(f"f.{_quoted(name)}" for name in names)
    return (
        f"SELECT {columns} FROM read_parquet(getvariable('{variable}'), "
        f"hive_partitioning = true, hive_types = {{{kinds}}}) AS f"
    )


def _newest(snapshot: Snapshot) -> Groups:
    """NIGHTS of the newest day."""
    last = max((file.night.day for file in snapshot.files[NIGHTS.name]), default=None)
    groups = snapshot.groups(NIGHTS.name)
    found = {name: [f for f in files if f.night.day == last] for name, files in groups.items()}
    return {name: files for name, files in found.items() if files}


def _newest_settings(parts: str, *, is_alone: bool) -> str:
    """The settings of one night: that of a nightly job if there is one, then the last committed.

    What a night was stated to last is T of its groups alone, so it holds if there is no other night.
    """
    columns = ", ".join(f"n.{name}" for name in SETTINGS.names)
    if not is_alone:
        columns = columns.replace("n.duration_ns", "CAST(NULL AS BIGINT) AS duration_ns")
    return _SETTINGS.format(columns=columns, parts=parts)


def _given_settings(row: Mapping[str, Any]) -> str:
    (values,) = settings_table(row).to_pylist()
    columns = (
        f"CAST({_constant(values[c.name])} AS {_kind(c.type)}) AS {c.name}"
        for c in SETTINGS.columns
    )
    return f"CREATE OR REPLACE VIEW measured_settings AS SELECT {', '.join(columns)};"


def _constant(value: object) -> str:
    return "NULL" if value is None else literal(str(value))


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        return "VARCHAR"
    if pa.types.is_list(kind):
        return f"{_kind(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"STRUCT({', '.join(f'{_quoted(f.name)} {_kind(f.type)}' for f in kind)})"
    return _KINDS[kind]
