"""What is wrong with the log of a Delta table, entry by entry: cut, emptied, missing, of others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from sgengine.store.damage import Damage
from sgengine.store.guard import first_line
from sgengine.store.layout import LOG
from sgengine.store.log_lines import COMMIT, Action, actions_of, info_of
from sgengine.store.place import Place

_ENTRY = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint.*\.parquet")


class Entry(NamedTuple):
    """One file of a log: its path in the store, its version and its bytes."""

    path: str
    version: int
    content: bytes


class Log(NamedTuple):
    """The log of one table: its entries and its checkpoints, ascending."""

    entries: tuple[Entry, ...]
    checkpoints: tuple[Entry, ...]


def read_log(place: Place, table: str) -> Log:
    """The log of ``table``; without entries if there is none."""
    paths = sorted(found.path for found in place.walk(f"{table}/{LOG}"))

    def those(pattern: re.Pattern[str]) -> tuple[Entry, ...]:
        named = ((path, pattern.fullmatch(path.rpartition("/")[2])) for path in paths)
        return tuple(Entry(path, int(m[1]), place.read(path)) for path, m in named if m)

    return Log(entries=those(_ENTRY), checkpoints=those(_CHECKPOINT))


def log_damage(table: str, log: Log) -> Iterator[Damage]:
    """What is wrong with the log of ``table``."""
    yield from _gaps(table, [entry.version for entry in log.entries])
    yield from filter(None, map(entry_damage, log.entries))
    yield from filter(None, map(checkpoint_damage, log.checkpoints))


def checkpoint_damage(checkpoint: Entry) -> Damage | None:
    """Whether a checkpoint does not decode; None if it does."""
    try:
        pq.read_table(pa.BufferReader(checkpoint.content))
    except (pa.ArrowException, OSError) as error:
        return Damage(kind="checkpoint_damaged", place=checkpoint.path, found=first_line(error))
    return None


def entry_damage(entry: Entry) -> Damage | None:
    """What is wrong with one entry; None for nothing."""
    actions = actions_of(entry.content)
    if isinstance(actions, str):
        return Damage(kind="log_entry_damaged", place=entry.path, found=actions)
    if (by := _by_others(actions)) is not None:
        return Damage(kind="foreign_commit", place=entry.path, found=by)
    return None


def _gaps(table: str, versions: Sequence[int]) -> Iterator[Damage]:
    """Versions without an entry. A checkpoint may make up for one, but not for the versions it made."""
    for version in sorted(set(range(max(versions, default=-1) + 1)) - set(versions)):
        place = f"{table}/{LOG}/{version:020d}.json"
        yield Damage(kind="log_entry_missing", place=place, found="no such file")


def _by_others(actions: Sequence[Action]) -> str | None:
    """The operation of a commit that is not ours and changes files; None for all others."""
    info = info_of(actions) or {}
    if COMMIT in info or not any({"add", "remove"} & action.keys() for action in actions):
        return None
    return f"{info.get('operation', 'a commit')} by {info.get('engineInfo', 'another program')}"
