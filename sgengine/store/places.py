"""Which kind of place a root names."""

from __future__ import annotations

import re
from pathlib import Path

from sgengine.errors import UsageError
from sgengine.store.layout import MARKER
from sgengine.store.place import Folder, Place

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")


def place_of(root: str) -> Place:
    """The place that ``root`` names; UsageError for one that deltalake cannot open."""
    place = Folder(root)
    if _ESCAPE.search(place.root):  # deltalake 1.6.6 decodes it, and opens another folder
        raise UsageError(
            f"'{place.root}' holds a percent sign before two digits: rename that folder"
        )
    return place


def is_store(root: str) -> bool:
    """Whether there is a store at ``root``."""
    return Path(root, MARKER).is_file()
