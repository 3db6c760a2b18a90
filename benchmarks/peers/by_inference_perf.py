"""inference-perf's ``summarize_requests``.

The package asks for Python 3.12; this part of it runs on 3.11, and is installed regardless.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from standins import stand_in

stand_in(
    "torch",
    "transformers",
    "datasets",
    "av",
    "google",
    "inference_perf.mediagen",
    "inference_perf.datagen",
    "inference_perf.client.server_metrics",
    "inference_perf.client.filestorage",
)

from inference_perf.apis import (  # noqa: E402
    InferenceInfo,
    RequestLifecycleMetric,
    StreamedResponseMetrics,
)
from inference_perf.payloads import RequestMetrics, Text  # noqa: E402
from inference_perf.reportgen.base import summarize_requests  # noqa: E402

_FIGURES = {
    "ttft_mean": ("time_to_first_token", "mean"),
    "ttft_p99": ("time_to_first_token", "p99"),
    "e2e_mean": ("request_latency", "mean"),
    "tpot_mean": ("time_per_output_token", "mean"),
    "itl_mean": ("inter_token_latency", "mean"),
    "itl_p99": ("inter_token_latency", "p99"),
}
_PERCENTILES = [0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9]


def prepare(requests: list[dict[str, Any]]) -> Callable[[], dict[str, float]]:
    """Its lifecycle metrics of requests, and its summary of them."""
    start = requests[0]["arrival_ns"]
    lifecycles = [_lifecycle(request, start) for request in requests]

    def calculate() -> dict[str, float]:
        latency = summarize_requests(lifecycles, _PERCENTILES).successes["latency"]
        return {name: 1e3 * latency[tag][key] for name, (tag, key) in _FIGURES.items()}

    return calculate


def _lifecycle(request: dict[str, Any], start: int) -> RequestLifecycleMetric:
    sent = request["arrival_ns"] - start
    times = [(sent + time) / 1e9 for time in request["times_ns"]]
    response = StreamedResponseMetrics(output_tokens=len(times), output_token_times=times)
    asked = RequestMetrics(text=Text(input_tokens=request["input_tokens"]))
    return RequestLifecycleMetric(
        stage_id=0,
        scheduled_time=sent / 1e9,
        start_time=sent / 1e9,
        end_time=times[-1],
        request_data="",
        info=InferenceInfo(request_metrics=asked, response_metrics=response),
        error=None,
    )
