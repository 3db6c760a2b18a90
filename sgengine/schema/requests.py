"""REQUESTS: every metric of every request."""

from __future__ import annotations

import pyarrow as pa

from sgengine.schema.columns import Column, TableSpec
from sgengine.schema.identity import ENVELOPE, IDENTITY

_NO_TOKEN = "no token was delivered, or its time is unknown"
_NEEDS_SIZES = "n = 0, chunk times or chunk sizes are unknown"

REQUESTS = TableSpec(
    name="requests",
    grain="one row a request, with every per-request metric",
    key=("run", "request_id"),
    columns=(
        *IDENTITY,
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
