"""GAPS, REJECTS and RUNS: what a measurement leaves beside its requests."""

from __future__ import annotations

import pyarrow as pa

from sgengine.schema.columns import Column, TableSpec
from sgengine.schema.identity import LABEL

GAPS = TableSpec(
    name="gaps",
    grain="one row a run, system, workload, hour and histogram bucket of inter-token gaps",
    key=("run", "system", "workload", "hour_ns", "itl_rule", "bucket"),
    columns=(
        Column(name="run", type=LABEL, doc="The run."),
        Column(name="system", type=LABEL, doc="The serving system."),
        Column(name="workload", type=LABEL, doc="The workload."),
        Column(
            name="hour_ns",
            type=pa.int64(),
            unit="ns since the epoch",
            doc="Start of the hour of arrival.",
            null="the clock is not unix, or the arrival is unknown",
        ),
        Column(name="itl_rule", type=LABEL, doc="The chunk rule: chunk, spread, token or divide."),
        Column(
            name="bucket",
            type=pa.int32(),
            doc="Log-linear bucket of the gap: exact below 256 ns, then 128 buckets an octave "
            "(kernels/histogram). Any value of it is within 1/256 relative of its midpoint.",
        ),
        Column(name="count", type=pa.int64(), unit="samples", doc="Samples in the bucket."),
    ),
)

REJECTS = TableSpec(
    name="rejects",
    grain="one row a reason and place at which input rows were not measured",
    key=("source", "place", "reason"),
    columns=(
        Column(name="source", type=pa.string(), doc="The input as it was given or found."),
        Column(name="run", type=pa.string(), doc="The run the rows belong to.", null="not known"),
        Column(name="place", type=pa.string(), doc="Where: a line, a row, a request."),
        Column(
            name="reason",
            type=pa.string(),
            doc="The rule that the rows break, by its name in sgengine.schema.rules.",
        ),
        Column(name="count", type=pa.int64(), unit="rows", doc="Rows rejected at this place."),
        Column(name="detail", type=pa.string(), doc="What was found and what is allowed."),
    ),
)

RUNS = TableSpec(
    name="runs",
    grain="one row a source and run",
    key=("source", "run"),
    columns=(
        Column(name="source", type=pa.string(), doc="The input as it was given or found."),
        Column(name="run", type=pa.string(), doc="The run."),
        Column(name="system", type=pa.string(), doc="The serving system, the first of the run."),
        Column(name="workload", type=pa.string(), doc="The workload, the first of the run."),
        Column(name="format", type=pa.string(), doc="The format the source was read as."),
        Column(
            name="client_version",
            type=pa.string(),
            doc="The client that wrote the source, and its version.",
            null="the source does not say",
        ),
        Column(
            name="content_hash",
            type=pa.string(),
            doc="sha256 of the source's bytes, in hex; of several event files, of their hashes.",
            null="the source is not a file, or nobody asked",
        ),
        Column(name="clock", type=pa.string(), doc="unix, monotonic or none."),
        Column(name="origin", type=pa.string(), doc="scheduled, sent or accepted."),
        Column(
            name="request_rate",
            type=pa.float64(),
            unit="requests/s",
            doc="The offered rate as the source states it.",
            null="closed loop, or not stated",
        ),
        Column(
            name="stated_duration_ns",
            type=pa.int64(),
            unit="ns",
            doc="The run's duration by the client's own clock.",
            null="the source does not state one",
        ),
        Column(
            name="first_arrival_ns",
            type=pa.int64(),
            unit="ns",
            doc="Earliest arrival of the measured rows.",
            null="no arrival is known",
        ),
        Column(
            name="last_end_ns",
            type=pa.int64(),
            unit="ns",
            doc="max(arrival + max(last chunk, end)) of the measured rows.",
            null="no arrival is known",
        ),
        Column(
            name="window_start_ns",
            type=pa.int64(),
            unit="ns",
            doc="Start of the chosen window within the run, on its clock.",
            null="no window was chosen",
        ),
        Column(
            name="window_end_ns",
            type=pa.int64(),
            unit="ns",
            doc="End of that window; T is the time between the two.",
            null="no window was chosen",
        ),
        Column(name="n_chunks", type=pa.int64(), unit="chunks", doc="Chunks measured."),
        Column(
            name="n_output_tokens", type=pa.int64(), unit="tokens", doc="Output tokens measured."
        ),
        Column(
            name="rows_in",
            type=pa.int64(),
            unit="rows",
            doc="Rows found: requests, or in event logs events.",
        ),
        Column(
            name="rows_measured",
            type=pa.int64(),
            unit="rows",
            doc="Rows measured; events of measured requests.",
        ),
        Column(
            name="rows_rejected",
            type=pa.int64(),
            unit="rows",
            doc="Rows rejected or left out, each counted in REJECTS.",
        ),
        Column(
            name="notes",
            type=pa.string(),
            doc="What the reader decided about this source, a sentence each.",
            null="nothing to say",
        ),
    ),
)
