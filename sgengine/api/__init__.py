"""What a notebook calls: read, measure, summarize, connect, query, and the values they give."""

from sgengine.aggregate import LATENCIES, flat_group, settings_row
from sgengine.aggregate.spelling import Objectives, resolve, summary_settings
from sgengine.api.calls import measure, read
from sgengine.api.connect import connect
from sgengine.api.curves import curve
from sgengine.api.query import Answer, query, query_store
from sgengine.api.summarize import summarize
from sgengine.api.values import Measured, Summary, Trace

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
    "query_store",
    "read",
    "resolve",
    "settings_row",
    "summarize",
    "summary_settings",
]
