"""vLLM's ``calculate_metrics`` of ``vllm bench serve``."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from standins import stand_in

stand_in(
    "torch",
    "transformers",
    "vllm.benchmarks.datasets",
    "vllm.benchmarks.lib.utils",
    "vllm.env_override",
    "vllm.tokenizers",
    "vllm.utils",
)

from vllm.benchmarks.serve import RequestFuncOutput, calculate_metrics  # noqa: E402


def prepare(requests: list[dict[str, Any]]) -> Callable[[], dict[str, float]]:
    """Its outputs of requests, and the calculation over them."""
    start = requests[0]["arrival_ns"]
    outputs = [_output(request, start) for request in requests]
    spent = max(output.start_time + output.latency for output in outputs)

    def calculate() -> dict[str, float]:
        found, _ = calculate_metrics([], outputs, spent, None, [99.0], {})
        return {
            "ttft_mean": found.mean_ttft_ms,
            "ttft_p99": found.percentiles_ttft_ms[0][1],
            "e2e_mean": found.mean_e2el_ms,
            "tpot_mean": found.mean_tpot_ms,
            "itl_mean": found.mean_itl_ms,
            "itl_p99": found.percentiles_itl_ms[0][1],
        }

    return calculate


def _output(request: dict[str, Any], start: int) -> RequestFuncOutput:
    times = request["times_ns"]
    return RequestFuncOutput(
        success=True,
        start_time=(request["arrival_ns"] - start) / 1e9,
        latency=times[-1] / 1e9,
        ttft=times[0] / 1e9,
        itl=[(after - before) / 1e9 for before, after in pairwise(times)],
        prompt_len=request["input_tokens"],
        output_tokens=len(times),
    )
