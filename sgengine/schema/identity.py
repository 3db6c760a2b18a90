"""What every table says of a request in the same words: types, labels, identity."""

from __future__ import annotations

import pyarrow as pa

from sgengine.schema.columns import Column

LABEL = pa.dictionary(pa.int32(), pa.string())
"""Type of the columns that repeat few values: run, system, workload, status, ..."""

VERTEX = pa.struct([pa.field("token", pa.int32(), False), pa.field("time_ns", pa.int64(), False)])
"""One vertex of an envelope: index of the first token of a chunk, and the chunk's time."""

ENVELOPE = pa.list_(pa.field("item", VERTEX, False))

IDENTITY = (
    Column(
        name="run",
        type=LABEL,
        doc="The run: one execution of one load against one system. With request_id the key.",
    ),
    Column(name="request_id", type=pa.string(), doc="The request, unique within its run."),
    Column(name="system", type=LABEL, doc="The serving system under measurement."),
    Column(name="workload", type=LABEL, doc="The workload that the run replays."),
    Column(
        name="clock",
        type=LABEL,
        doc="What arrival_ns counts from: unix (the epoch), monotonic (an arbitrary origin of "
        "the run), or none. Monotonic clocks of different runs are never compared.",
    ),
    Column(
        name="origin",
        type=LABEL,
        doc="Which moment the arrival is: scheduled, sent (by the client) or accepted (by the server).",
    ),
    Column(
        name="timing",
        type=LABEL,
        doc="How good the chunk times are: token, chunk, split, first_last, mean or none.",
    ),
    Column(
        name="status",
        type=LABEL,
        doc="How the request ended: ok, failed, timeout, rejected, cancelled or incomplete.",
    ),
    Column(
        name="error",
        type=pa.string(),
        doc="What the source says went wrong.",
        null="no error was recorded",
    ),
    Column(
        name="arrival_ns",
        type=pa.int64(),
        unit="ns",
        doc="When the user committed the request, on the run's clock.",
        null="the source has no arrival times",
    ),
    Column(
        name="end_ns",
        type=pa.int64(),
        unit="ns since arrival",
        doc="When the request completed, failed or was cancelled.",
        null="the source does not say",
    ),
)
"""Columns that DELIVERIES and REQUESTS begin with."""
