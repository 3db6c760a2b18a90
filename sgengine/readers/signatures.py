"""By which keys a JSON file is known: one table, the most particular first.

Keys are those of the first object that can be read alone (a line, a whole small file); of a document
or array over many lines, those of the listed keys whose quoted bytes occur anywhere in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sgengine.readers import deliveries


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A format's mark: all of ``keys`` are there and none of ``absent``, and those of ``inside`` occur.

    Keys ``inside`` occur anywhere in the file, at whatever depth. ``format`` is None for files that are known but no trace; ``hint`` then says what to do.
    """

    keys: frozenset[str]
    format: str | None = None
    absent: frozenset[str] = frozenset()
    inside: frozenset[str] = frozenset()
    hint: str = ""


def _keys(*names: str) -> frozenset[str]:
    return frozenset(names)


_SGLANG = ("server_info", "sharegpt_output_len", "total_output_tokens_retokenized")
"""Keys that only SGLang's bench_serving writes, one version or another."""

SIGNATURES = (
    Signature(
        keys=_keys("metadata", "metrics"), absent=_keys("responses", "benchmarks"), format="aiperf"
    ),
    Signature(keys=_keys("metadata", "responses"), absent=_keys("benchmarks"), format="aiperf-raw"),
    Signature(keys=_keys("benchmarks"), inside=_keys("requests", "successful"), format="guidellm"),
    Signature(
        keys=_keys("benchmarks"),
        inside=_keys("guidellm_version"),
        hint="is GuideLLM's output without the requests; save benchmarks.json with them",
    ),
    Signature(keys=_keys("experiments"), inside=_keys("response_timestamps"), format="genai-perf"),
    Signature(
        keys=_keys("load_summary", "successes", "failures"),
        hint="is inference-perf's summary; give per_request_lifecycle_metrics.json, which "
        "report.request_lifecycle.per_request writes",
    ),
    Signature(
        keys=_keys("start_time", "end_time", "request", "response", "info"),
        absent=_keys("input_config"),
        format="inference-perf",
    ),
    Signature(
        keys=_keys("input_config", "records"),
        hint="is AIPerf's summary; give profile_export.jsonl beside it, which it completes",
    ),
    Signature(
        keys=_keys("input_config", "start_time"),
        hint="is AIPerf's summary; give profile_export.jsonl beside it, which it completes",
    ),
    Signature(
        keys=_keys("input_config", "request_throughput"),
        hint="is the summary of GenAI-Perf or AIPerf; give the profile_export beside it, which it "
        "completes",
    ),
    *(Signature(keys=_keys("ttfts", "itls", name), format="sglang") for name in _SGLANG),
    Signature(
        keys=_keys("ttfts", "itls", "concurrency"),
        absent=_keys("date", "num_prompts", "model_id", "start_times"),
        format="sglang",
    ),
    *(
        Signature(
            keys=_keys(name),
            hint="is SGLang's summary without the requests' times; run bench_serving again with "
            "--output-details",
        )
        for name in _SGLANG
    ),
    Signature(keys=_keys("individual_request_metrics", "aggregated_metrics"), format="genai-bench"),
    Signature(keys=_keys("num_prompt_tokens", "num_output_tokens", "ttft", "tbt"), format="etalon"),
    Signature(
        keys=_keys("ttft_s", "end_to_end_latency_s", "number_output_tokens"), format="llmperf"
    ),
    Signature(
        keys=_keys("results_ttft_s_mean"),
        hint="is LLMPerf's summary; give the _individual_responses.json beside it, which it "
        "completes",
    ),
    Signature(
        keys=_keys("requests"),
        inside=_keys("token_timestamps", "terminal_state"),
        format="nanovllm",
    ),
    Signature(keys=_keys("resourceSpans"), format="otlp"),
    *(
        Signature(
            keys=_keys(name),
            hint="is OTLP without spans; metrics and logs have no times of single requests: give "
            "the traces",
        )
        for name in ("resourceMetrics", "resourceLogs")
    ),
    Signature(keys=_keys("startTime", "usageDetails"), format="langfuse"),
    Signature(keys=_keys("startTime", "traceId", "parentObservationId"), format="langfuse"),
    Signature(
        keys=_keys("startTime", "endTime", "prompt_tokens", "completion_tokens"), format="litellm"
    ),
    Signature(keys=_keys("startTime", "completionStartTime", "type"), format="langfuse"),
    Signature(keys=_keys("data"), inside=_keys("startTime", "usageDetails"), format="langfuse"),
    Signature(
        keys=_keys("data"),
        inside=_keys("startTime", "endTime", "prompt_tokens", "completion_tokens"),
        format="litellm",
    ),
    Signature(keys=_keys("timestamp", "input_length", "output_length"), format="mooncake"),
    Signature(keys=_keys("ttfts", "itls", "output_lens"), format="vllm"),
    *(Signature(keys=_keys(name), format="deliveries-jsonl") for name in deliveries.NEEDED),
    Signature(
        keys=_keys("num_prompts", "request_throughput"),
        hint="is a vLLM summary without the requests' times; run `vllm bench serve` again with "
        "--save-result --save-detailed",
    ),
)

ONLY_WITH = {"metadata": "x_request_id", "metrics": "x_request_id"}
"""Keys that count in a scan only where another occurs too: other clients have them somewhere inside."""


def all_keys() -> tuple[str, ...]:
    """Every key that a scan of a document looks for."""
    found: set[str] = set(ONLY_WITH.values())
    for signature in SIGNATURES:
        found |= signature.keys | signature.absent
    return tuple(sorted(found))


def recognise(keys: frozenset[str], occurs: Callable[[str], bool]) -> Signature | None:
    """The first signature that ``keys`` bear, or None; ``occurs`` tells of keys anywhere inside."""
    for signature in SIGNATURES:
        borne = signature.keys <= keys and not signature.absent & keys
        if borne and all(map(occurs, signature.inside)):
            return signature
    return None
