"""Setting aside the newest log entry where power loss left it empty or cut.

What such an entry was to commit was never acknowledged: the entry is synced before a commit returns.
So the store goes back to the version before it, and its night is to be measured again.
"""

from __future__ import annotations

from collections.abc import Iterator

from sgengine.store.damage import Damage
from sgengine.store.layout import OWN, STORE_TABLES, VIEWS
from sgengine.store.place import Place
from sgengine.store.verify_log import Log, checkpoint_damage, entry_damage, read_log

ASIDE = f"{OWN}/damaged"
"""The folder of what was set aside: kept, and read by nobody."""


def mend(place: Place) -> tuple[Damage, ...]:
    """Set aside damaged newest log entries and checkpoints, and ``views.sql``, which may tell of them.

    What was set aside, each with what was wrong. Older entries and data files are left as they are:
    those are brought back from a copy, or their night is measured again.
    """
    found = [damage for table in STORE_TABLES for damage in _mendable(read_log(place, table))]
    for damage in found:
        _set_aside(place, damage.place)
    if found and place.exists(VIEWS):
        _set_aside(place, VIEWS)
    return tuple(found)


def _mendable(log: Log) -> Iterator[Damage]:
    """What can be done without: every checkpoint, and the newest entry but the one that makes the table."""
    yield from filter(None, map(checkpoint_damage, log.checkpoints))
    newest = entry_damage(log.entries[-1]) if len(log.entries) > 1 else None
    if newest is not None and newest.kind == "log_entry_damaged":
        yield newest


def _set_aside(place: Place, path: str) -> None:
    place.publish(f"{ASIDE}/{path.replace('/', '-')}", place.read(path))
    place.delete(path)
