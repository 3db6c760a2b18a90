"""What a notebook calls: read, measure, summarize, connect, and the values they give."""

from sgengine.api.calls import connect, measure, read, summarize
from sgengine.api.objectives import Objectives, resolve, summary_settings
from sgengine.api.settings_row import settings_row
from sgengine.api.values import LATENCIES, Measured, Summary, Trace

__all__ = [
    "LATENCIES",
    "Measured",
    "Objectives",
    "Summary",
    "Trace",
    "connect",
    "measure",
    "read",
    "resolve",
    "settings_row",
    "summarize",
    "summary_settings",
]
