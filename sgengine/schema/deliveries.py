"""DELIVERIES, the canonical input, and EVENTS, the tall form that production logs have."""

from __future__ import annotations

import pyarrow as pa

from sgengine.schema.columns import Column, TableSpec
from sgengine.schema.identity import IDENTITY, LABEL

DELIVERIES = TableSpec(
    name="deliveries",
    grain="one row a request, with the times at which its output was delivered",
    key=("run", "request_id"),
    columns=(
        *IDENTITY,
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
