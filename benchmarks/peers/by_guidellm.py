"""GuideLLM's ``GenerativeMetrics.compile`` over an accumulator of completed requests.

It keeps first and last times of a request only, so its inter-token latency is a mean of each request,
weighted by its tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from standins import stand_in

stand_in("torch", "transformers", "datasets")

from guidellm.benchmark.schemas.accumulator import GenerativeBenchmarkAccumulator  # noqa: E402
from guidellm.benchmark.schemas.base import BenchmarkConfig  # noqa: E402
from guidellm.benchmark.schemas.metrics import GenerativeMetrics  # noqa: E402
from guidellm.scheduler import AsyncPoissonStrategy  # noqa: E402
from guidellm.schemas import (  # noqa: E402
    GenerativeRequestStats,
    RequestInfo,
    RequestTimings,
    UsageMetrics,
)


def prepare(requests: list[dict[str, Any]]) -> Callable[[], dict[str, float]]:
    """Its request statistics in its accumulator, and what it compiles of them."""
    start = requests[0]["arrival_ns"]
    accumulator = GenerativeBenchmarkAccumulator(config=_config())
    stats = [_stats(request, start) for request in requests]
    accumulator.completed.requests_stats.extend(stats)
    ends = [found.info.timings.request_end for found in stats]
    accumulator.timings.request_start = accumulator.timings.measure_start = 1.0
    accumulator.timings.request_end = accumulator.timings.measure_end = max(ends)

    def calculate() -> dict[str, float]:
        found = GenerativeMetrics.compile(accumulator)
        ttft = found.time_to_first_token_ms.successful
        return {
            "ttft_mean": ttft.mean,
            "ttft_max": ttft.max,
            "e2e_mean": 1e3 * found.request_latency.successful.mean,
            "itl_mean": found.inter_token_latency_ms.successful.mean,
        }

    return calculate


def _config() -> BenchmarkConfig:
    return BenchmarkConfig(
        run_id="r",
        run_index=0,
        strategy=AsyncPoissonStrategy(rate=1.0),
        constraints={},
        profile={},
        requests={},
        backend={},
        environment={},
    )


def _stats(request: dict[str, Any], start: int) -> GenerativeRequestStats:
    sent = 1.0 + (request["arrival_ns"] - start) / 1e9  # a time of 0 counts as unknown there
    times = request["times_ns"]
    first, last = sent + times[0] / 1e9, sent + times[-1] / 1e9
    timings = RequestTimings(
        targeted_start=sent,
        resolve_start=sent,
        request_start=sent,
        first_request_iteration=first,
        first_token_iteration=first,
        first_output_token_iteration=first,
        last_token_iteration=last,
        last_request_iteration=last,
        request_iterations=len(times),
        token_iterations=len(times),
        request_end=last,
        resolve_end=last,
    )
    return GenerativeRequestStats(
        request_id=request["id"],
        info=RequestInfo(request_id=request["id"], status="completed", timings=timings),
        input_metrics=UsageMetrics(text_tokens=request["input_tokens"]),
        output_metrics=UsageMetrics(text_tokens=len(times)),
    )
