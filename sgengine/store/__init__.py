"""The results store: Delta tables that a night is committed to, once, whatever happens."""

from sgengine.store.damage import Damage
from sgengine.store.layout import EMPTY, NONE, STORE_TABLES
from sgengine.store.night import Commit, Committed, Night, NightConflict, NightFacts, Ticket
from sgengine.store.places import is_store
from sgengine.store.snapshot import DataFile, Snapshot
from sgengine.store.staging import Staging
from sgengine.store.store import Store
from sgengine.store.verify import Verified

__all__ = [
    "EMPTY",
    "NONE",
    "STORE_TABLES",
    "Commit",
    "Committed",
    "Damage",
    "DataFile",
    "Night",
    "NightConflict",
    "NightFacts",
    "Snapshot",
    "Staging",
    "Store",
    "Ticket",
    "Verified",
    "is_store",
]
