"""SGLang's ``calculate_metrics`` of ``sglang.benchmark.serving``."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from standins import stand_in

stand_in("torch", "transformers", "datasets", "PIL", "pybase64", "IPython", "sglang.srt")

from sglang.benchmark.serving import RequestFuncOutput, calculate_metrics  # noqa: E402


class _NoTokens:
    """Stands in for the tokenizer that counts generated texts again: here they are empty."""

    def encode(self, text: str, *, add_special_tokens: bool) -> str:
        """The text itself: as many tokens as letters, which is none."""
        del add_special_tokens
        return text


def prepare(requests: list[dict[str, Any]]) -> Callable[[], dict[str, float]]:
    """Its outputs of requests, and the calculation over them."""
    start = requests[0]["arrival_ns"]
    outputs = [_output(request, start) for request in requests]
    spent = max(output.start_time + output.latency for output in outputs)

    def calculate() -> dict[str, float]:
        found, _ = calculate_metrics(None, outputs, spent, _NoTokens(), "sglang-oai-chat")
        return {
            "ttft_mean": found.mean_ttft_ms,
            "ttft_p99": found.p99_ttft_ms,
            "e2e_mean": found.mean_e2e_latency_ms,
            "tpot_mean": found.mean_tpot_ms,
            "itl_mean": found.mean_itl_ms,
            "itl_p99": found.p99_itl_ms,
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
        output_len=len(times),
    )
