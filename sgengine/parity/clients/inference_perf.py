"""inference-perf's rules: successes alone, zeros inside a chunk, all rows for the window."""

from __future__ import annotations

from dataclasses import replace

from sgengine.parity.profile import Closed, Figure, Profile, Rule, Settings

_TIME = "max(end) - min(start) of all rows, failed ones too"
_FROM_DUE = "the schedule is not exported: both count from the sending"


def _rate(name: str, doc: str, ours: str | None, why: str) -> Figure:
    return Figure(
        name=name,
        at=(f"successes/throughput/{name}",),
        doc=doc,
        source=name,
        denominator=_TIME,
        window="the whole run, pauses between stages too",
        ours=ours,
        why=why,
    )


_LATENCY = "successes/latency/"
_RULES: tuple[Rule, ...] = (
    Figure(
        name="request_latency",
        at=(f"{_LATENCY}request_latency/{{s}}",),
        doc="end - start, in s: the end comes after the client parsed and tokenised the answer",
        source="request_latency",
        ours="e2e_latency_ms",
        scale=1e-3,
        why="ours ends at the last token",
    ),
    Figure(
        name="time_to_first_token",
        at=(f"{_LATENCY}time_to_first_token/{{s}}",),
        doc="first output token time - start, in s",
        source="time_to_first_token",
        population="successes of 2 token times or more",
        ours="ttft_ms",
        scale=1e-3,
        why="ours has a TTFT for answers of one token too",
    ),
    Figure(
        name="time_per_output_token",
        at=(f"{_LATENCY}time_per_output_token/{{s}}",),
        doc="(last - first token time) / (output tokens - 1), in s, a value a request",
        source="time_per_output_token",
        population="successes of 2 tokens or more",
        ours="tpot_ms",
        scale=1e-3,
        why="ours divides by the server's count where it has one, the client by its tokenizer's",
    ),
    Figure(
        name="normalized_time_per_output_token",
        at=(f"{_LATENCY}normalized_time_per_output_token/{{s}}",),
        doc="request latency / output tokens, in s; 0 without tokens",
        source="normalized_time_per_output_token",
        why="ours has no such figure: it is e2e_latency / n, to the last token",
    ),
    Figure(
        name="inter_token_latency",
        at=(f"{_LATENCY}inter_token_latency/{{s}}",),
        doc="differences of output token times, pooled: 0 inside a chunk",
        source="inter_token_latency",
        population="all tokens of successes of 2 token times or more",
        ours="itl_ms",
        scale=1e-3,
        why="the client's is our rule token; ours is the rule chunk unless told: no zeros",
    ),
    _rate(
        "requests_per_sec",
        "successes / time",
        "request_throughput",
        "ours divides by the time that the run's rows span, to the last end",
    ),
    _rate(
        "output_tokens_per_sec",
        "output tokens of successes / time",
        "output_throughput",
        "ours counts the server's tokens where they are known",
    ),
    _rate(
        "total_tokens_per_sec",
        "input and output tokens of successes / time",
        "total_throughput",
        "ours counts every request that delivered a token",
    ),
    _rate(
        "input_tokens_per_sec",
        "input tokens of successes / time",
        None,
        "ours has none of input tokens alone",
    ),
    Figure(
        name="media a second",
        at=("successes/throughput/{kind}_per_sec",),
        doc="images, videos or audios of successes / time",
        source="media/{kind}",
        denominator=_TIME,
        why="ours has no such figure",
        headline=False,
    ),
    Figure(
        name="benchmark_time_seconds",
        at=("benchmark_time_seconds",),
        doc="latest end - earliest start",
        source="benchmark_time_seconds",
        population="all rows",
        ours="duration_s",
        why="ours, where no file states a duration, is to the last end too",
    ),
    Figure(
        name="count",
        at=("successes/count",),
        doc="rows without error",
        source="successes",
        ours="status/ok",
        why="ok by the same rule",
    ),
    Figure(
        name="count of failures",
        at=("failures/count",),
        doc="rows with an error",
        source="failures",
        population="failed requests",
        ours="status/failed",
        why="ours has timeouts apart",
    ),
    Figure(
        name="count of the load",
        at=("load_summary/count",),
        doc="all rows",
        source="load",
        population="all rows",
        ours="requests",
        why="the same rows",
    ),
    Figure(
        name="send_duration, achieved_rate",
        at=("load_summary/{name}",),
        doc="latest - earliest start; rows / that",
        source="load/{name}",
        population="rows of the stage",
        why="ours takes (rows - 1) / (last - first arrival) for an offered rate",
        headline=False,
    ),
    Figure(
        name="failed request_latency",
        at=("failures/request_latency/{s}",),
        doc="end - start of failed requests, in s",
        source="failed_latency",
        population="failed requests",
        why="ours has no latency of requests without tokens",
        headline=False,
    ),
    Figure(
        name="tokens and sizes",
        at=("{side}/{what}/{s}",),
        doc="prompt_tokens; output_len by the tokenizer, output_tokens by the server where it says; "
        "request_size_bytes",
        source="{side}/{what}",
        population="successes, or failed requests",
        why="ours has no such figure",
        headline=False,
    ),
    Figure(
        name="cached and uncached prompt tokens, fallbacks",
        at=("{side}/{what}/{name}",),
        doc="sums of usage.prompt_tokens_details.cached_tokens; requests without a server's count",
        source="{side}/{what}/{name}",
        population="successes, or failed requests",
        why="ours has no such figure",
        headline=False,
    ),
    Figure(
        name="counts of media",
        at=("successes/{media}/count/{s}",),
        doc="images, videos or audios a request",
        source="successes/{media}/count",
        why="ours has no such figure",
        headline=False,
    ),
    Figure(
        name="goodput_percentage",
        at=("successes/goodput_metrics/goodput_percentage",),
        doc="100 * good / successes, of the file's own good_requests; a request of one token is never "
        "good under a TTFT, TPOT or ITL objective",
        source="goodput_percentage",
        denominator="successful requests alone",
        ours="slo_attainment",
        scale=100.0,
        why="ours divides by all requests (--denominator completed), and one token passes TPOT",
    ),
    Figure(
        name="request_goodput",
        at=("successes/goodput_metrics/request_goodput",),
        doc="good / time of the successes, of the file's own good_requests",
        source="request_goodput",
        denominator="max(end) - min(start) of successes",
        ours="request_goodput",
        why="ours divides by the time of all requests",
    ),
    Figure(
        name="total_requests",
        at=("successes/goodput_metrics/total_requests",),
        doc="the denominator of goodput_percentage",
        source="successes",
        why="ours divides by all requests unless told otherwise",
        headline=False,
    ),
    Closed(
        at=("successes/goodput_metrics/**",),
        reason="the report does not say which objectives were set",
    ),
    Closed(
        at=("load_summary/schedule_delay/*",),
        reason="scheduled_time of the requests is not exported",
    ),
    Settings(at=("load_summary/requested_rate", "load_summary/concurrency")),
    Closed(
        at=("successes/token_count_mismatches",),
        reason="needs the client's tokenizer, which the file has not",
    ),
    Closed(
        at=("successes/image/**", "successes/video/**", "successes/audio/**"),
        reason="of other media than text",
    ),
    Closed(at=("failures/by_label/**",), reason="labels are the client's own grouping of messages"),
    Closed(at=("retries/**",), reason="retries are not exported a request"),
)

SUMMARY = Profile(
    client="inference-perf",
    versions="0.5",
    files="per_request_lifecycle_metrics.json; summary_lifecycle_metrics.json and "
    "stage_N_lifecycle_metrics.json beside it",
    rules=_RULES,
)
_STAGE = (
    "the rows do not say their stage: stages follow each other, so that the first load_summary/count "
    "rows by start are of the first"
)
STAGE = replace(SUMMARY, versions=f"0.5, a stage: {_STAGE}")
PROFILES = (SUMMARY,)
