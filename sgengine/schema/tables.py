"""All tables of an analysis and of a store: every column with its unit and its NULL rule.

All times are whole nanoseconds in int64. Times of a request count from its arrival; only
``arrival_ns`` is a point in time, on the run's ``clock``. Undefined is NULL, never 0 and never NaN.
Columns beyond these (model, tenant, session_id, ...) are dimensions: carried through untouched.
"""

from __future__ import annotations

from sgengine.schema.classes import CLASSES
from sgengine.schema.deliveries import DELIVERIES, EVENTS
from sgengine.schema.identity import ENVELOPE, LABEL
from sgengine.schema.nights import NIGHTS
from sgengine.schema.outcomes import GAPS, REJECTS, RUNS
from sgengine.schema.requests import REQUESTS
from sgengine.schema.settings import SETTINGS

TABLES = (EVENTS, DELIVERIES, REQUESTS, GAPS, REJECTS, RUNS, NIGHTS, CLASSES)
"""All tables, in the order in which data passes through them."""

__all__ = [
    "CLASSES",
    "DELIVERIES",
    "ENVELOPE",
    "EVENTS",
    "GAPS",
    "LABEL",
    "NIGHTS",
    "REJECTS",
    "REQUESTS",
    "RUNS",
    "SETTINGS",
    "TABLES",
]
