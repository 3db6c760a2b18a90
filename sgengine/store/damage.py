"""What a damaged store is told by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Damage:
    """One thing that is wrong with a store, or not as it should be.

    ``kind``: a name of ``sgengine.check.store_kinds``. ``place``: a file, table or night, relative to
    the store's root. ``found``: what is there, and what was to be expected.
    """

    kind: str
    place: str
    found: str
