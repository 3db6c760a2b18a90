"""What is wrong with the log of a Delta table, entry by entry: cut, emptied, missing, of others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from sgengine.store.damage import Damage
from sgengine.store.entries import COMMIT, FILES
from sgengine.store.guard import APP, META, first_line
from sgengine.store.layout import LOG
from sgengine.store.place import Place

Action = dict[str, Any]


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
    newest = max((each.version for each in log.checkpoints), default=-1)
    yield from _gaps(table, [entry.version for entry in log.entries], newest)
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
    actions, place = _actions(entry.content), entry.path
    if isinstance(actions, str):
        return Damage(kind="log_entry_damaged", place=place, found=actions)
    if (cut := _cut(actions)) is not None:
        return Damage(kind="log_entry_damaged", place=place, found=cut)
    if (by := _by_others(actions)) is not None:
        return Damage(kind="foreign_commit", place=place, found=by)
    return None


def _gaps(table: str, versions: Sequence[int], checkpoint: int) -> Iterator[Damage]:
    """Versions that neither an entry nor a checkpoint behind them has."""
    first = versions[0] if versions else 0
    start = min(first, checkpoint + 1) if checkpoint >= 0 else 0
    for version in sorted(set(range(start, max(versions, default=-1) + 1)) - set(versions)):
        place = f"{table}/{LOG}/{version:020d}.json"
        yield Damage(kind="log_entry_missing", place=place, found="no such file")


def _actions(content: bytes) -> list[Action] | str:
    """The actions of an entry, or what is wrong with it."""
    if not content.strip(b"\0 \n"):
        return f"{len(content)} bytes, and no action" if content else "it is empty"
    actions: list[Action] = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            actions.append(msgspec.json.decode(line, type=Action))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return f"line {number} is no whole JSON object"
    return actions


def _cut(actions: Sequence[Action]) -> str | None:
    """Why actions that parse are not all that the commit wrote; None if they are."""
    infos = [action["commitInfo"] for action in actions if "commitInfo" in action]
    if not infos:
        return "it has no commitInfo"
    adds = sum("add" in action for action in actions)
    if int(infos[0].get(FILES, adds)) != adds:
        return f"{adds} files in it, {infos[0][FILES]} committed"
    seals = msgspec.json.decode(infos[0].get(META, "{}"), type=dict[str, int])
    written = {
        action["txn"]["appId"]: action["txn"]["version"] for action in actions if "txn" in action
    }
    if any(written.get(APP + name) != number for name, number in seals.items()):
        return f"it ends after {len(actions)} lines, before its seals"
    return None


def _by_others(actions: Sequence[Action]) -> str | None:
    """The operation of a commit that is not ours and changes files; None for all others."""
    info: Action = next(action["commitInfo"] for action in actions if "commitInfo" in action)
    if COMMIT in info or not any({"add", "remove"} & action.keys() for action in actions):
        return None
    return f"{info.get('operation', 'a commit')} by {info.get('engineInfo', 'another program')}"
