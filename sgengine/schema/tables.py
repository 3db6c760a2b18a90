"""EVENTS, DELIVERIES, REQUESTS, GAPS, REJECTS and RUNS: every column with its unit and its NULL rule.

All times are whole nanoseconds in int64. Times of a request count from its arrival; only
``arrival_ns`` is a point in time, on the run's ``clock``. Undefined is NULL, never 0 and never NaN.
Columns beyond these (model, tenant, session_id, ...) are dimensions: carried through untouched.
"""

from __future__ import annotations

from sgengine.schema.deliveries import DELIVERIES, EVENTS
from sgengine.schema.identity import ENVELOPE, LABEL
from sgengine.schema.outcomes import GAPS, REJECTS, RUNS
from sgengine.schema.requests import REQUESTS

TABLES = (EVENTS, DELIVERIES, REQUESTS, GAPS, REJECTS, RUNS)
"""All tables, in the order in which data passes through them."""

__all__ = [
    "DELIVERIES",
    "ENVELOPE",
    "EVENTS",
    "GAPS",
    "LABEL",
    "REJECTS",
    "REQUESTS",
    "RUNS",
    "TABLES",
]
