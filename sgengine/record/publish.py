"""views.sql of a store, brought up to what was committed."""

from __future__ import annotations

from sgengine.store import Store


def publish(store: Store) -> None:
    """Replace views.sql by one of the newest version."""
    from sgengine import views  # DuckDB takes 0.1 s to import, and not every run commits

    views.publish(store.snapshot())
