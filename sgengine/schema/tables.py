"""EVENTS, DELIVERIES, REQUESTS, GAPS, REJECTS and RUNS: every column with its unit and its NULL rule.

All times are whole nanoseconds in int64. Times of a request count from its arrival; only
``arrival_ns`` is a point in time, on the run's ``clock``. Undefined is NULL, never 0 and never NaN.
Columns beyond these (model, tenant, session_id, ...) are dimensions: carried through untouched.
"""

from __future__ import annotations

import pyarrow as pa

from sgengine.schema.columns import Column, TableSpec

LABEL = pa.dictionary(pa.int32(), pa.string())
"""Type of the columns that repeat few values: run, system, workload, status, ..."""

VERTEX = pa.struct([pa.field("token", pa.int32(), False), pa.field("time_ns", pa.int64(), False)])
"""One vertex of an envelope: index of the first token of a chunk, and the chunk's time."""

ENVELOPE = pa.list_(pa.field("item", VERTEX, False))

_IDENTITY = (
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

DELIVERIES = TableSpec(
    name="deliveries",
    grain="one row a request, with the times at which its output was delivered",
    key=("run", "request_id"),
    columns=(
        *_IDENTITY,
        Column(
            name="chunk_times_ns",
            type=pa.list_(pa.field("item", pa.int64())),
            unit="ns since arrival",
            doc="Arrival of each chunk, non-decreasing, >= 0. The empty list: nothing was delivered.",
            null="chunk times are unknown (timing first_last, mean or none)",
        ),
        Column(
            name="chunk_tokens",
            type=pa.list_(pa.field("item", pa.int32())),
            unit="tokens",
            doc="Tokens of each chunk, as many entries as chunk_times_ns; the first >= 1, later >= 0.",
            null="sizes are unknown: one token a chunk unless output_tokens says otherwise",
        ),
        Column(
            name="input_tokens",
            type=pa.int32(),
            unit="tokens",
            doc="Prompt tokens as declared.",
            null="not declared",
        ),
        Column(
            name="output_tokens",
            type=pa.int32(),
            unit="tokens",
            doc="Output tokens as declared by the server or counted by the client.",
            null="not declared",
        ),
        Column(
            name="ttft_ns",
            type=pa.int64(),
            unit="ns since arrival",
            doc="First token, only where chunk times are unknown.",
            null="chunk times are known, or no token was seen",
        ),
        Column(
            name="last_ns",
            type=pa.int64(),
            unit="ns since arrival",
            doc="Last token, only where chunk times are unknown.",
            null="chunk times are known, or the last token's time is not",
        ),
    ),
)

EVENTS = TableSpec(
    name="events",
    grain="one row an event of a request: its arrival, a chunk of its output, or its end; rows of many "
    "requests interleaved, in any order, over any number of files",
    key=("run", "request_id", "event", "time_ns", "seq"),
    columns=(
        Column(
            name="request_id",
            type=pa.string(),
            doc="The request, unique within its run; whole numbers are read as their digits.",
        ),
        Column(
            name="run",
            type=LABEL,
            doc="The run. Where there is no such column all files of an input are one run.",
            null="the row belongs to the input's one run",
        ),
        Column(
            name="time_ns",
            type=pa.int64(),
            unit="ns",
            doc="When it happened, on the run's clock. Other units are told by the column's name "
            "(time_us, time_ms, time_s) or are those of a timestamp column (time, timestamp, ts), in "
            "JSON Lines as ISO 8601 text; one without a zone is read as UTC.",
        ),
        Column(
            name="event",
            type=LABEL,
            doc="arrival, chunk or end. A request has one arrival and at most one end.",
        ),
        Column(
            name="tokens",
            type=pa.int32(),
            unit="tokens",
            doc="Tokens of a chunk: 1 or more in the first, 0 or more in later ones.",
            null="not a chunk; in all chunks of a request: sizes are unknown",
        ),
        Column(
            name="seq",
            type=pa.int64(),
            doc="Number of a chunk within its request. Chunks of one request with the same seq, time "
            "and tokens are one chunk that was delivered to the log several times.",
            null="not numbered: equal chunks are different chunks",
        ),
        Column(
            name="status",
            type=LABEL,
            doc="On the end: ok, failed, timeout, rejected or cancelled. A request without an end is "
            "incomplete.",
            null="not an end; on an end: failed if there is an error, else ok",
        ),
        Column(
            name="error",
            type=pa.string(),
            doc="On the end: what went wrong.",
            null="not an end, or no error was recorded",
        ),
        Column(
            name="input_tokens",
            type=pa.int32(),
            unit="tokens",
            doc="On the arrival or the end: prompt tokens as declared.",
            null="not declared",
        ),
        Column(
            name="output_tokens",
            type=pa.int32(),
            unit="tokens",
            doc="On the end or the arrival: output tokens as declared.",
            null="not declared",
        ),
    ),
)

_NO_TOKEN = "no token was delivered, or its time is unknown"
_NEEDS_SIZES = "n = 0, chunk times or chunk sizes are unknown"

REQUESTS = TableSpec(
    name="requests",
    grain="one row a request, with every per-request metric",
    key=("run", "request_id"),
    columns=(
        *_IDENTITY,
        Column(
            name="n_input_tokens",
            type=pa.int32(),
            unit="tokens",
            doc="Prompt tokens.",
            null="not declared",
        ),
        Column(
            name="n_output_tokens",
            type=pa.int32(),
            unit="tokens",
            doc="n: the tokens delivered (METRICS 1).",
            null="neither chunks nor a declared count are known",
        ),
        Column(
            name="n_chunks",
            type=pa.int32(),
            unit="chunks",
            doc="K: the chunks delivered, with or without tokens.",
            null="chunk times are unknown",
        ),
        Column(
            name="token_deficit",
            type=pa.int32(),
            unit="tokens",
            doc="Declared output tokens minus the tokens that the chunks account for. Above 0 with "
            "unknown sizes: some chunks hold several tokens and per-token values are NULL or "
            "bounded. Below 0: more chunks than declared tokens, each counted as one.",
            null="no output tokens were declared, or chunk times are unknown",
        ),
        Column(
            name="last_chunk_ns",
            type=pa.int64(),
            unit="ns since arrival",
            doc="Time of the last chunk, with or without tokens.",
            null="no chunk was delivered, or its time is unknown",
        ),
        Column(
            name="ttft_ns",
            type=pa.int64(),
            unit="ns since arrival",
            doc="Time to first token, t_1.",
            null=_NO_TOKEN,
        ),
        Column(
            name="e2e_latency_ns",
            type=pa.int64(),
            unit="ns since arrival",
            doc="End-to-end latency, t_n: the time of the last token.",
            null=_NO_TOKEN,
        ),
        Column(
            name="tpot_ns",
            type=pa.float64(),
            unit="ns",
            doc="Time per output token after the first, (t_n - t_1) / (n - 1).",
            null="n < 2, or a time is unknown",
        ),
        Column(
            name="itl_max_ns",
            type=pa.int64(),
            unit="ns",
            doc="The longest gap between chunks.",
            null="fewer than two chunks, or chunk times are unknown",
        ),
        Column(
            name="eq5_pace_ns",
            type=pa.float64(),
            unit="ns a token",
            doc="The least V with every token by d_i = V i: max t_i / i, rounded up.",
            null=_NEEDS_SIZES,
        ),
        Column(
            name="envelope",
            type=ENVELOPE,
            unit="(token, ns)",
            doc="Vertices of the upper convex hull of (index of first token, time) over the chunks "
            "with tokens (METRICS 4); the empty list for n = 0.",
            null="chunk times or chunk sizes are unknown",
        ),
        Column(
            name="envelope_min",
            type=ENVELOPE,
            unit="(token, ns)",
            doc="Where envelope is NULL: the hull that gives the least user idle latency of any reader.",
            null="envelope is known, or nothing bounds it",
        ),
        Column(
            name="envelope_max",
            type=ENVELOPE,
            unit="(token, ns)",
            doc="Where envelope is NULL: the hull that gives the greatest user idle latency of any reader.",
            null="envelope is known, or nothing bounds it",
        ),
        Column(
            name="reader_first_ns",
            type=pa.int64(),
            unit="ns",
            doc="d_1 of the reader that the columns below were measured with.",
        ),
        Column(
            name="reader_pace_ns",
            type=pa.int64(),
            unit="ns a token",
            doc="V of that reader.",
        ),
        Column(
            name="user_idle_latency_ns",
            type=pa.int64(),
            unit="ns",
            doc="max(0, max_i (t_i - d_i)): how long that reader waited beyond what was accepted.",
            null="n = 0, or only bounds are known",
        ),
        Column(
            name="user_idle_latency_ns_min",
            type=pa.int64(),
            unit="ns",
            doc="Lower bound of user_idle_latency_ns, where only bounds are known.",
            null="the value is exact or undefined, or nothing bounds it",
        ),
        Column(
            name="user_idle_latency_ns_max",
            type=pa.int64(),
            unit="ns",
            doc="Upper bound of user_idle_latency_ns, where only bounds are known.",
            null="the value is exact or undefined, or nothing bounds it",
        ),
        Column(
            name="late_tokens",
            type=pa.int32(),
            unit="tokens",
            doc="Tokens delivered after their deadline.",
            null=_NEEDS_SIZES,
        ),
        Column(
            name="sustained_pace_ns",
            type=pa.float64(),
            unit="ns a token",
            doc="The least V >= 0 at which no token is late with this reader's d_1, rounded up.",
            null=_NEEDS_SIZES + ", or t_1 > d_1",
        ),
        Column(
            name="qoe",
            type=pa.float64(),
            unit="ratio",
            doc="Andes v2 quality of experience (arXiv 2404.16283) for that reader.",
            null=_NEEDS_SIZES,
        ),
        Column(
            name="fluidity",
            type=pa.float64(),
            unit="ratio",
            doc="Etalon fluidity index (arXiv 2407.07000, Algorithm 1) for that reader.",
            null=_NEEDS_SIZES + ", V = 0, or token 1 is skipped and n < 2",
        ),
    ),
)

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
            doc="sha256 of the source's bytes, in hex.",
            null="the source is not a file",
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

TABLES = (EVENTS, DELIVERIES, REQUESTS, GAPS, REJECTS, RUNS)
"""All tables, in the order in which data passes through them."""
