"""Entries of the logs: how deltalake is told to write one, and what ours carry."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import pyarrow as pa
from deltalake import DeltaTable, Schema
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import (
    AddAction,
    CommitProperties,
    PostCommitHookProperties,
    RemoveAction,
    Transaction,
)

from sgengine.errors import DataError, SgengineError
from sgengine.store.columns import plain_schema
from sgengine.store.guard import first_line, open_table
from sgengine.store.layout import STORE_TABLES, StoreTable
from sgengine.store.log_lines import ACTIONS, COMMIT
from sgengine.store.night import Night
from sgengine.store.place import Place
from sgengine.store.snapshot import DataFile, listed
from sgengine.store.steps import step
from sgengine.store.writers import Staged

_ATTEMPTS = 40
_LONGEST_WAIT_S = 2.0
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


def seq_app(night: Night) -> str:
    """The transaction that counts the commits of a night."""
    return f"sgengine/{night.job}/{night.day}#seq"


def input_app(night: Night) -> str:
    """The transaction that holds the digest of a night's inputs; -1 for none."""
    return f"sgengine/{night.job}/{night.day}#input"


def seal_app(night: Night, table: str) -> str:
    """The transaction that holds a night's share in the seal of a table."""
    return f"sgengine/{night.job}/{night.day}#seal/{table}"


def add_actions(staged: Iterable[Staged]) -> list[AddAction]:
    """Files as a log takes them in; paths unencoded, as deltalake encodes them."""
    now_ms = time.time_ns() // 10**6
    return [
        AddAction(
            path=file.path.partition("/")[2],
            size=file.size,
            partition_values=file.values,
            modification_time=now_ms,
            data_change=True,
            stats=file.stats,
        )
        for file in staged
    ]


def remove_actions(files: Iterable[DataFile]) -> list[RemoveAction]:
    """Files as a log gives them up; one path encoded otherwise would leave its file live."""
    now_ms = time.time_ns() // 10**6
    removed = []
    for file in files:
        table, _, path = file.path.partition("/")
        values: dict[str, str | None] = dict(
            zip(STORE_TABLES[table].partitions, file.values, strict=True)
        )
        removed.append(RemoveAction(path, True, now_ms, file.size, values))
    return removed


def write_entry(
    place: Place,
    opened: DeltaTable,
    table: StoreTable,
    actions: Sequence[AddAction | RemoveAction],
    commit_id: str,
    apps: Mapping[str, int],
) -> int:
    """Write the entry after the version that is open, or none: CommitFailedError if there is one.

    Nothing is checked by deltalake here: not that files exist, nor their columns, nor what is removed.
    The entry before may be of a writer that was killed before it was on disk: it must not be the one
    that a loss of power empties, once there is another behind it.
    """
    place.sync_entry(table.name, opened.version())
    opened.create_write_transaction(
        list(actions),
        "append",
        opened.schema(),
        partition_by=list(table.partitions),
        commit_properties=CommitProperties(
            custom_metadata={COMMIT: commit_id, ACTIONS: str(len(actions) + len(apps))},
            max_commit_retries=0,  # of deltalake's own; they would let two first commits both pass
            app_transactions=[Transaction(app, number) for app, number in apps.items()],
        ),
        post_commithook_properties=_HOOKS,
    )
    return opened.version() + 1


def retried(attempt: Callable[[], int | None], what: str) -> int:
    """The version that ``attempt`` returns, tried again while it loses the race or returns None.

    After any other error it is tried once more, as deltalake may fail when its entry is already made:
    ``attempt`` looks for that first. The second error is a DataError.
    """
    failed = False
    for turn in range(_ATTEMPTS):
        try:
            version = attempt()
        except CommitFailedError:
            version = None
        except SgengineError:
            raise
        except Exception as error:  # deltalake raises bare ones
            if failed:
                raise DataError(f"{what}: cannot be written: {first_line(error)}") from error
            failed, version = True, None
        if version is not None:
            return version
        time.sleep(random.uniform(0, min(_LONGEST_WAIT_S, 0.02 * 2**turn)))
    raise DataError(f"{what}: {_ATTEMPTS} attempts lost the race with other writers; run it again")


def append(place: Place, table: StoreTable, commit_id: str, staged: Sequence[Staged]) -> None:
    """Make a side table name the files of a commit, once."""
    tried = False

    def attempt() -> int | None:
        nonlocal tried
        opened = open_table(place.uri(table.name), table.name, options=place.options)
        if add_columns(place, opened, table, [file.schema for file in staged]):
            return None
        if tried and any(file.commit_id == commit_id for file in listed(opened, table)):
            return opened.version()  # the try before did it, and failed behind
        tried = True
        return write_entry(place, opened, table, add_actions(staged), commit_id, {})

    place.sync_entry(table.name, retried(attempt, f"table {table.name}"))
    step(f"side {table.name}")


def add_columns(
    place: Place, opened: DeltaTable, table: StoreTable, schemas: Iterable[pa.Schema]
) -> bool:
    """Give the table the columns of ``schemas`` that it lacks; whether there were any.

    Then it is to be opened anew. Raises DataError for a column that it has of another type.
    """
    wanted = pa.unify_schemas([plain_schema(schema) for schema in dict.fromkeys(schemas)])
    held = {field.name: field.type for field in pa.schema(opened.schema().to_arrow())}
    _refuse_types(table, held, wanted)
    lacking = [field for field in wanted if field.name not in held]
    if lacking:
        opened.alter.add_columns(list(Schema.from_arrow(pa.schema(lacking)).fields))
        place.sync_entry(table.name, opened.version())
        step(f"columns {table.name}")
    return bool(lacking)


def _refuse_types(table: StoreTable, held: Mapping[str, pa.DataType], wanted: pa.Schema) -> None:
    for field in wanted:
        kind = held.get(field.name, field.type)
        if kind != field.type and not pa.types.is_nested(kind):
            raise DataError(
                f"column {field.name} of {table.name} is {kind} in the store and {field.type} here: "
                "another job added it since; run it again"
            )
