"""Trace files of every format, read as DELIVERIES: resolve inputs, plan partitions, read batches."""

from sgengine.readers.base import (
    Batch,
    Found,
    Partition,
    ReadOptions,
    Reject,
    RunFacts,
    Skipped,
    Source,
    SourcePlan,
)
from sgengine.readers.formats import FORMATS, Format, plan, read
from sgengine.readers.memory import as_table, batches_of, plan_table
from sgengine.readers.resolve import find, resolve

__all__ = [
    "FORMATS",
    "Batch",
    "Format",
    "Found",
    "Partition",
    "ReadOptions",
    "Reject",
    "RunFacts",
    "Skipped",
    "Source",
    "SourcePlan",
    "as_table",
    "batches_of",
    "find",
    "plan",
    "plan_table",
    "read",
    "resolve",
]
