"""vLLM's `bench serve`: TTFT, gaps and TPOT as the client counts them, role chunk and all."""

from __future__ import annotations

from dataclasses import replace

from sgengine.parity.profile import Closed, Figure, Profile, Rule, Settings, Tolerance

_SPAN = "the client's clock around the run"
_EQUAL = "the same requests over the same seconds: ours equals it"
_TTFT = Figure(
    name="ttft",
    at=("{s}_ttft_ms",),
    doc="first SSE message with choices since the sending; of chat clients the role chunk",
    source="ttft",
    ours="ttft_ms",
    why="ours counts from the scheduled arrival where the file has queue_times, and over failed "
    "requests that delivered something too",
)
_TPOT = Figure(
    name="tpot",
    at=("{s}_tpot_ms",),
    doc="(latency - ttft) / (output_len - 1), a value a request",
    source="tpot",
    population="successful requests of 2 tokens or more",
    ours="tpot_ms",
    why="ours ends at the last token, the client where it stopped its clock",
)
_ITL = Figure(
    name="itl",
    at=("{s}_itl_ms",),
    doc="gaps between SSE messages with choices, pooled",
    source="itl",
    population="all gaps of successful requests",
    ours="itl_ms",
    why="ours too counts the gap behind a chat's role chunk under the rule chunk, and gaps of failed "
    "requests",
)
_E2EL = Figure(
    name="e2el",
    at=("{s}_e2el_ms",),
    doc="latency of the request",
    source="e2el",
    ours="e2e_latency_ms",
    why="ours ends at the last token and counts from the scheduled arrival where the file has it",
)
_LATE = Tolerance(
    reason="latencies[] is not in the file: its end is known to 0.1 ms and 1e-4 of the latency, the "
    "client having stopped at the usage chunk"
)
_COUNTS: tuple[Rule, ...] = (
    Figure(
        name="completed",
        at=("completed",),
        doc="requests without error that delivered something",
        source="completed",
        ours="status/ok",
        why="ok by the same rule",
    ),
    Figure(
        name="failed",
        at=("failed",),
        doc="the other requests",
        source="failed",
        population="all requests",
        ours="status/failed",
        why="failed by the same rule",
    ),
    Figure(
        name="total_input_tokens",
        at=("total_input_tokens",),
        doc="sum of input_lens",
        source="total_input_tokens",
        why="ours is no figure of its own, it is in the throughputs",
    ),
    Figure(
        name="total_output_tokens",
        at=("total_output_tokens",),
        doc="sum of output_lens",
        source="total_output_tokens",
        why="ours is no figure of its own, it is in the throughputs",
    ),
    Figure(
        name="request_throughput",
        at=("request_throughput",),
        doc="completed / duration",
        source="request_throughput",
        denominator="duration",
        window=_SPAN,
        ours="request_throughput",
        why=_EQUAL,
    ),
    Figure(
        name="output_throughput",
        at=("output_throughput",),
        doc="output tokens / duration",
        source="output_throughput",
        denominator="duration",
        window=_SPAN,
        ours="output_throughput",
        why="ours counts the tokens that failed requests delivered too",
    ),
    Figure(
        name="total_token_throughput",
        at=("total_token_throughput",),
        doc="(input + output tokens) / duration",
        source="total_token_throughput",
        denominator="duration",
        window=_SPAN,
        ours="total_throughput",
        why="ours counts every request that delivered a token",
    ),
    Figure(
        name="max_output_tokens_per_s",
        at=("max_output_tokens_per_s",),
        doc="most SSE messages in a second, counted in whole seconds since the first sending",
        source="max_output_tokens_per_s",
        window="buckets of 1 s",
        why="a count of chunks by a grid of seconds; ours has no such figure",
    ),
)
_CLOSED: tuple[Rule, ...] = (
    Closed(at=("request_goodput",), reason="the file does not say which SLO --goodput was given"),
    Closed(at=("duration",), reason="the client's own clock around the run, not in the requests"),
    Closed(at=("rtfx",), reason="needs the length of the audio, which the file has not"),
    Closed(
        at=("spec_decode_{any}", "spec_decode_{any}/**"),
        reason="counters of the server, not in the requests",
    ),
    Closed(
        at=("probe_{any}", "diffusion_{any}", "probe_{any}/**", "diffusion_{any}/**"),
        reason="measured beside the requests that the file lists",
    ),
    Settings(at=("num_prompts", "burstiness", "max_concurrency", "request_rate", "date")),
)
_FILES = "one JSON object a run, summary and detail together (--save-detailed)"

OLDER = Profile(
    client="vllm",
    versions="without latencies[]",
    files=_FILES,
    rules=(
        _TTFT,
        replace(_TPOT, tolerance=_LATE),
        _ITL,
        replace(_E2EL, tolerance=_LATE),
        *_COUNTS,
        Figure(
            name="max_concurrent_requests",
            at=("max_concurrent_requests",),
            doc="most requests in a second, each counted in every whole second it touches",
            source="max_concurrent_requests",
            window="buckets of 1 s",
            why="counts requests that were never in flight together; ours has no such figure",
        ),
        *_CLOSED,
    ),
)
NEWER = Profile(
    client="vllm",
    versions="with latencies[]",
    files=_FILES,
    rules=(
        _TTFT,
        _TPOT,
        _ITL,
        _E2EL,
        *_COUNTS,
        Figure(
            name="max_concurrent_requests",
            at=("max_concurrent_requests",),
            doc="most requests in flight at a time; in older builds, in a whole second",
            source="max_concurrent_requests",
            why="ours has no such figure",
        ),
        *_CLOSED,
    ),
)
PROFILES = (OLDER, NEWER)
