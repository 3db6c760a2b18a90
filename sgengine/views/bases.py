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

PARTITIONS = ("job", "day", "system", "workload")
"""The columns that folders are named by; side tables have the first two alone."""

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

KEYS_ARE_KNOWN = "CREATE OR REPLACE MACRO _is_same(one, other) AS one = other;"
"""What a store puts in place of the catalog's macro: a filter on a night reaches all that is joined."""

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


def empty_statements() -> Iterator[str]:
    """Views ``measured_*`` of the declared columns and no rows, whatever the store."""
    for spec in (*STORED, SETTINGS):
        name = spec.name.removeprefix("measured_")
        yield f"CREATE OR REPLACE VIEW measured_{name} AS {_declared(spec)};"


def base_statements(
    snapshot: Snapshot, settings: Mapping[str, Any] | None, *, in_relations: bool = False
) -> Iterator[str]:
    """Views ``measured_*`` over the lists of files, which must be there and not be empty.

    A list is a variable with paths, or (``in_relations``) a relation of that name. A table without
    files has its columns still. ``measured_settings`` is the row ``settings``, or what the newest
    night was measured with.
    """
    for spec in STORED:
        parts = _parts(snapshot, spec, spec.name, in_relations)
        yield _BASE.format(name=spec.name, parts=parts)
    if settings is None and snapshot.files[NIGHTS.name]:
        parts = _parts(snapshot, NIGHTS, _NEWEST, in_relations)
        yield _newest_settings(parts, is_alone=len(snapshot.files[NIGHTS.name]) == 1)
    else:
        yield _given_settings(settings or settings_row(SummarySettings()))


def file_lists(snapshot: Snapshot) -> dict[str, Sequence[DataFile]]:
    """The files of every list by its name."""
    return {
        _list_name(name, schema_id): files
        for name in (*(spec.name for spec in STORED), _NEWEST)
        for schema_id, files in _groups(snapshot, name).items()
    }


def list_statement(name: str, files: Sequence[DataFile]) -> str:
    """A list of paths below ``sg_root``; one text, split, for DuckDB parses many ten times slower."""
    paths = literal("\n".join(file.path for file in files))
    return (
        f"SET VARIABLE {name} = "
        f"[getvariable('{ROOT}') || '/' || path FOR path IN string_split({paths}, chr(10))];"
    )


def _list_name(name: str, schema_id: str) -> str:
    return f"sg_{name}_{schema_id}"


def _groups(snapshot: Snapshot, name: str) -> Groups:
    return _newest(snapshot) if name == _NEWEST else snapshot.groups(name)


def _parts(snapshot: Snapshot, spec: TableSpec, name: str, in_relations: bool) -> str:
    """Every group of files, under the declared columns: a column that no file has yet is there too."""
    reads = [
        _read(snapshot, _list_name(name, schema_id), files[0], in_relations)
        for schema_id, files in _groups(snapshot, name).items()
    ]
    return _BY_NAME.join([_declared(spec), *reads])


def _declared(spec: TableSpec) -> str:
    keys = (
        column
        for column in (JOB, DAY, COMMIT_ID)
        if spec is not SETTINGS and column.name not in spec.names
    )
    columns = (
        f"CAST(NULL AS {_kind(c.type)}) AS {_quoted(c.name)}" for c in (*spec.columns, *keys)
    )
    return f"SELECT {', '.join(columns)} WHERE false"


def _read(snapshot: Snapshot, name: str, example: DataFile, in_relation: bool) -> str:
    """The files of a list, their columns by name: a folder above the store may be called K=V as well.

    Qualified, for a parameter of a macro that comes to read the view hides a plain name (alpha).
    """
    partitions = PARTITIONS[: len(example.values)]
    kinds = ", ".join(f"'{part}': {'DATE' if part == 'day' else 'VARCHAR'}" for part in partitions)
    columns = (*snapshot.schemas[example.schema_id].names, *partitions)
    files = (
        f"read_parquet(getvariable('{name}'), hive_partitioning = true, hive_types = {{{kinds}}})"
    )
    listed = ", ".join(f"f.{_quoted(column)}" for column in columns)
    return f"SELECT {listed} FROM {name if in_relation else files} AS f"


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
