"""What a notebook calls: read, measure, summarize, connect, query, and the values they give."""

from sgengine.api.calls import connect, measure, read, summarize
from sgengine.api.curves import curve
from sgengine.api.objectives import Objectives, resolve, summary_settings
from sgengine.api.query import Answer, query
from sgengine.api.settings_row import settings_row
from sgengine.api.values import LATENCIES, Measured, Summary, Trace, flat_group

__all__ = [
    "LATENCIES",
    "Answer",
    "Measured",
    "Objectives",
    "Summary",
    "Trace",
    "connect",
    "curve",
    "flat_group",
    "measure",
    "query",
    "read",
    "resolve",
    "settings_row",
    "summarize",
    "summary_settings",
]
