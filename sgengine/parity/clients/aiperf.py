"""NVIDIA AIPerf's summary: the rules by which it is made of profile_export.jsonl.

Nearly every metric of the summary is a metric of the lines, so its figures need no rule but the
population. Single values are written as averages.
"""

from __future__ import annotations

from dataclasses import replace

from sgengine.parity.profile import Closed, Figure, Profile, Rule, Settings, Tolerance
from sgengine.parity.statistics import NEAREST

_OK = "lines of the profiling phase without error"
_ALL = "profiling lines, errors too"
_PHASE = "the phase window, start_time to end_time"
_REQUESTS = "first sending to last content"
_FROM_DUE = "ours counts from the scheduled arrival where requests were due at set times"

_LATENCIES: tuple[Figure, ...] = (
    Figure(
        name="time_to_first_token",
        at=("time_to_first_token/{s}",),
        doc="first non-empty content since the sending, reasoning too",
        source="time_to_first_token",
        population=_OK,
        ours="ttft_ms",
        why=_FROM_DUE,
    ),
    Figure(
        name="ttft (2025-10)",
        at=("ttft/{s}",),
        doc="the same under its older name",
        source="ttft",
        population=_OK,
        ours="ttft_ms",
        why=_FROM_DUE,
    ),
    Figure(
        name="request_latency",
        at=("request_latency/{s}",),
        doc="last non-empty content since the sending",
        source="request_latency",
        population=_OK,
        ours="e2e_latency_ms",
        why=_FROM_DUE,
    ),
    Figure(
        name="inter_token_latency",
        at=("inter_token_latency/{s}",),
        doc="(latency - ttft) / (output tokens - tokens of the first chunk), a value a request",
        source="inter_token_latency",
        population=f"{_OK}, of 2 tokens or more",
        ours="tpot_ms",
        why="the client's ITL is our tpot; ours takes the server's count of tokens first",
    ),
)
_ICL = Figure(
    name="inter_chunk_latency",
    at=("inter_chunk_latency/{s}",),
    doc="gaps between chunks, pooled",
    source="inter_chunk_latency",
    population=_OK,
    ours="itl_ms",
    why="our itl under the rule chunk: ours equals it",
)
_RATES: tuple[Figure, ...] = (
    Figure(
        name="request_throughput",
        at=("request_throughput/{s}",),
        doc="valid requests / window",
        source="request_throughput",
        population=_OK,
        ours="request_throughput",
        why="ours divides by the window that the file states: ours equals it",
    ),
    Figure(
        name="output_token_throughput",
        at=("output_token_throughput/{s}",),
        doc="output tokens / window",
        source="output_token_throughput",
        population=_OK,
        ours="output_throughput",
        why="ours takes the server's count of tokens first, and counts those of failed requests",
    ),
    Figure(
        name="total_token_throughput",
        at=("total_token_throughput/{s}",),
        doc="(input + output tokens) / window",
        source="total_token_throughput",
        population=_OK,
        ours="total_throughput",
        why="ours counts every request that delivered a token",
    ),
    Figure(
        name="input_token_throughput",
        at=("input_token_throughput/{s}",),
        doc="input tokens / window",
        source="input_token_throughput",
        population=_OK,
        why="ours has none of input tokens alone",
        headline=False,
    ),
    Figure(
        name="goodput",
        at=("goodput/{s}",),
        doc="good requests / window; without one of the SLO's metrics a request is not good, so one "
        "of a single token fails an inter_token_latency SLO",
        source="goodput",
        population=_OK,
        ours="request_goodput",
        why="in ours a request of one token passes TPOT; latencies count from the scheduled arrival",
    ),
)
_COUNTS: tuple[Figure, ...] = (
    Figure(
        name="good_request_fraction",
        at=("good_request_fraction/{s}",),
        doc="good requests / (valid + errors)",
        source="good_request_fraction",
        population=_ALL,
        denominator="valid requests and errors",
        ours="slo_attainment",
        why="the same denominator; in ours a request of one token passes TPOT, and latencies count "
        "from the scheduled arrival",
    ),
    Figure(
        name="good_request_count",
        at=("good_request_count/{s}",),
        doc="requests within every objective of the SLO",
        source="good_request_count",
        population=_OK,
        ours="attained",
        why="in ours a request of one token passes TPOT; latencies count from the scheduled arrival",
    ),
    Figure(
        name="request_count",
        at=("request_count/{s}",),
        doc="valid requests",
        source="request_count",
        population=_OK,
        ours="status/ok",
        why="ok by the same rule",
    ),
    Figure(
        name="benchmark_duration",
        at=("benchmark_duration/{s}",),
        doc="latest start + latency, less the earliest start",
        source="benchmark_duration",
        population=_OK,
        window=_REQUESTS,
        tolerance=Tolerance(
            reason="builds differ in subtracting whole ns, or float64 of them in steps of 256 ns"
        ),
        ours="duration_s",
        why="ours is the window that the rates are divided by",
    ),
    Figure(
        name="min_request_timestamp, max_response_timestamp",
        at=("min_request_timestamp/{s}",),
        doc="earliest start, latest start + latency, ns since the epoch",
        source="min_request_timestamp",
        population=_OK,
        why="ours keeps whole ns",
        headline=False,
    ),
    Figure(
        name="min_request_timestamp, max_response_timestamp",
        at=("max_response_timestamp/{s}",),
        doc="earliest start, latest start + latency, ns since the epoch",
        source="max_response_timestamp",
        population=_OK,
        why="ours keeps whole ns",
        headline=False,
    ),
)
_OTHERS: tuple[Rule, ...] = (
    Figure(
        name="adj_*",
        at=("adj_{tag}/{s}",),
        doc="the metric with every failed request as an infinite value",
        source="adj_{tag}",
        population=_ALL,
        percentile=NEAREST,
        why="ours leaves requests without the value out, and counts them as failed",
        headline=False,
    ),
    Figure(
        name="credit_to_start_latency, effective_latency",
        at=("{tag}_latency/{s}",),
        doc="from the intended sending to the sending, and to the end of the response",
        source="schedule/{tag}",
        population=_ALL,
        why="ours counts TTFT and E2E from the intended sending, to the last token",
        headline=False,
    ),
    Figure(
        name="other metrics of the lines, counts and totals",
        at=("{tag}/{s}",),
        doc="any other metric of the lines; total_X: its sum; counts and shares of requests",
        source="{tag}",
        population=_OK,
        why="ours has no figure of it",
        headline=False,
    ),
    Figure(
        name="warmup_metrics",
        at=("warmup_metrics/{tag}/{s}",),
        doc="the metrics of the warm-up",
        source="warmup/{tag}",
        population="lines of the warm-up phase",
        why="ours leaves the warm-up out",
        headline=False,
    ),
    Closed(
        at=("effective_{tag}/{s}", "active_{tag}/{s}", "tokens_in_flight/{s}"),
        reason="curves weighted by time over the phase window, whose ends the file has to the "
        "microsecond alone",
    ),
    Closed(
        at=(
            "theoretical_prefix_cache_hit/{s}",
            "osl_mismatch_count/{s}",
            "context_overflow_count/{s}",
        ),
        reason="made of prompts and settings, which the lines have not",
    ),
    Closed(
        at=("{tag}/{s}",),
        reason="no metric of the lines, and no rule of the client's that is known",
    ),
    Closed(at=("warmup_metrics/**",), reason="no metric of the lines of the warm-up"),
    Closed(at=("telemetry_data/**",), reason="measured by the GPU's exporter"),
    Closed(at=("branch_stats/**",), reason="counts of the client's own scheduler"),
    Settings(at=("input_config/**", "metadata/**", "run_info/**")),
)
_FILES = "profile_export.jsonl, a line a request; X_aiperf.json beside X.jsonl"

WINDOWED = Profile(
    client="aiperf",
    versions="0.8 and later",
    files=_FILES,
    rules=(
        *_LATENCIES,
        replace(
            _ICL,
            tolerance=Tolerance(
                percentiles=5e-4,
                reason="exact, but for percentiles under AIPERF_METRICS_LIST_BACKEND=tdigest: 0.05 %",
            ),
        ),
        *(
            replace(
                rate,
                denominator="end_time - start_time",
                window=_PHASE,
                tolerance=Tolerance(reason="the ends of the window are stated to the microsecond"),
            )
            for rate in _RATES
        ),
        *_COUNTS,
        *_OTHERS,
    ),
)
OLDER = Profile(
    client="aiperf",
    versions="2025, before 0.8",
    files=f"{_FILES}; the oldest has its metrics under records",
    rules=(
        *_LATENCIES,
        _ICL,
        *(replace(rate, denominator="benchmark_duration", window=_REQUESTS) for rate in _RATES),
        *_COUNTS,
        *_OTHERS,
    ),
)
PROFILES = (OLDER, WINDOWED)
