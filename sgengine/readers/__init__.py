"""Trace files of every format, read as DELIVERIES: resolve inputs, plan partitions, read batches."""

from sgengine.readers.base import (
    Batch,
    Found,
    Partition,
    ReadOptions,
    Reject,
    Remark,
    RunFacts,
    Skipped,
    Source,
    SourcePlan,
)
from sgengine.readers.event_tables import ROWS
from sgengine.readers.events import IDS, TEXT, WHOLE, EventBatch
from sgengine.readers.formats import FORMATS, Format, is_log, plan, read, read_events
from sgengine.readers.memory import as_table, batches_of, plan_table, slices_of
from sgengine.readers.resolve import find, resolve

__all__ = [
    "FORMATS",
    "IDS",
    "ROWS",
    "TEXT",
    "WHOLE",
    "Batch",
    "EventBatch",
    "Format",
    "Found",
    "Partition",
    "ReadOptions",
    "Reject",
    "Remark",
    "RunFacts",
    "Skipped",
    "Source",
    "SourcePlan",
    "as_table",
    "batches_of",
    "find",
    "is_log",
    "plan",
    "plan_table",
    "read",
    "read_events",
    "resolve",
    "slices_of",
]
