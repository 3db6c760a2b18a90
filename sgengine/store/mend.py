"""Setting aside the newest log entry where power loss left it empty or cut.

What such an entry was to commit was never acknowledged: the entry is synced before a commit returns.
So the store goes back to the version before it, and its night is to be measured again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sgengine.store.damage import Damage
from sgengine.store.layout import LOG, OWN, STORE_TABLES, VIEWS
from sgengine.store.place import Place
from sgengine.store.verify_log import Log, checkpoint_damage, entry_damage, read_log

ASIDE = f"{OWN}/damaged"
"""The folder of what was set aside: kept, and read by nobody."""

_WAIT_S = 60.0


def mend(place: Place) -> tuple[Damage, ...]:
    """Set aside damaged newest log entries and checkpoints, and ``views.sql``, which may tell of them.

    What was set aside, each with what was wrong. Older entries and data files are left as they are:
    those are brought back from a copy, or their night is measured again. Waits for writers; DataError
    if one holds the store for long.
    """
    with place.lock(_WAIT_S):
        found = [damage for table in STORE_TABLES for damage in _mend(place, table)]
        if found and place.exists(VIEWS):
            _set_aside(place, VIEWS)
    return tuple(found)


def _mend(place: Place, table: str) -> list[Damage]:
    found = list(_mendable(read_log(place, table)))
    for damage in found:
        _set_aside(place, damage.place)
    hint = f"{table}/{LOG}/_last_checkpoint"
    if found and place.exists(hint):  # deltalake opens no table that hints at what is gone
        _set_aside(place, hint)
    return found


def _mendable(log: Log) -> Iterator[Damage]:
    """What can be done without: damaged checkpoints, and the newest entry with its checkpoint.

    The entry that makes a table is no such.
    """
    found = {each.path: damage for each in log.checkpoints if (damage := checkpoint_damage(each))}
    newest = entry_damage(log.entries[-1]) if len(log.entries) > 1 else None
    if newest is not None and newest.kind == "log_entry_damaged":
        yield newest
        for each in log.checkpoints:  # it would bring the version back, without its entry
            if each.version == log.entries[-1].version:
                found[each.path] = replace(newest, place=each.path, found="of a damaged log entry")
    yield from found.values()


def _set_aside(place: Place, path: str) -> None:
    place.publish(f"{ASIDE}/{path.replace('/', '-')}", place.read(path))
    place.delete(path)
