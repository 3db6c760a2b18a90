"""REQUESTS rows as another reader would have measured them, from their envelopes (METRICS 4)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.compute.columns import Values
from sgengine.compute.envelopes import idle_at
from sgengine.compute.ragged import Bools, int64s
from sgengine.objectives import Reader

Int64s = npt.NDArray[np.int64]

FROM_ENVELOPE = {
    "user_idle_latency_ns": "envelope",
    "user_idle_latency_ns_min": "envelope_min",
    "user_idle_latency_ns_max": "envelope_max",
}
"""Columns of the measured reader that an envelope gives exactly for every other, and which one."""

MEASURED_ONLY = ("late_tokens", "sustained_pace_ns", "qoe", "fluidity")
"""Columns that hold for the measured reader and are NULL for another."""


def measured_with(requests: pa.RecordBatch, reader: Reader) -> Bools:
    """(R,) bool: the rows whose reader's columns are those of ``reader``."""
    first, pace = (int64s(requests.column(f"reader_{name}_ns")) for name in ("first", "pace"))
    same: Bools = (first == reader.first_ns) & (pace == reader.pace_ns)
    return same


def for_reader(requests: pa.RecordBatch, reader: Reader) -> pa.RecordBatch:
    """``requests`` with the columns of the measured reader as they are for ``reader``.

    Idle latency and its bounds are exact; ``MEASURED_ONLY`` columns are NULL in the rows that were
    measured with another reader. The envelopes may be left out where there are none of these.
    """
    same = measured_with(requests, reader)
    if same.all():
        return requests
    found: dict[str, Values] = {}
    for name, envelope in FROM_ENVELOPE.items():
        idle = np.where(
            same, int64s(requests.column(name)), idle_at(requests.column(envelope), reader)
        )
        found[name] = Values(data=idle, defined=idle >= 0)
    always = np.ones(requests.num_rows, dtype=np.bool_)
    for name, value in (("first", reader.first_ns), ("pace", reader.pace_ns)):
        found[f"reader_{name}_ns"] = Values(data=np.full(requests.num_rows, value), defined=always)
    mine = pa.array(same)
    arrays = []
    for field, column in zip(requests.schema, requests.columns, strict=True):
        if field.name in found:
            column = found[field.name].arrow(field.type)
        elif field.name in MEASURED_ONLY:
            column = pc.if_else(mine, column, pa.scalar(None, field.type))
        arrays.append(column)
    return pa.RecordBatch.from_arrays(arrays, schema=requests.schema)
