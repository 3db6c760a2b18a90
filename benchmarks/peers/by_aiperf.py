"""AIPerf's record metrics of every response, and their accumulator's summary."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from standins import stand_in

stand_in("torch", "transformers", "datasets")

from aiperf.common.models.record_models import (  # noqa: E402
    MetricRecordMetadata,
    ParsedResponse,
    ParsedResponseRecord,
    RequestRecord,
    TextResponseData,
    TokenCounts,
)
from aiperf.config import BenchmarkConfig  # noqa: E402
from aiperf.config.resolution.plan import BenchmarkRun  # noqa: E402
from aiperf.metrics.accumulator import MetricsAccumulator  # noqa: E402
from aiperf.post_processors.metric_record_processor import MetricRecordProcessor  # noqa: E402

_FIGURES = {
    "ttft_mean": ("time_to_first_token", "avg"),
    "ttft_p99": ("time_to_first_token", "p99"),
    "e2e_mean": ("request_latency", "avg"),
    "tpot_mean": ("inter_token_latency", "avg"),
    "itl_mean": ("inter_chunk_latency", "avg"),
    "itl_p99": ("inter_chunk_latency", "p99"),
}


def prepare(requests: list[dict[str, Any]]) -> Callable[[], dict[str, float]]:
    """Its parsed records of requests, and both stages of its calculation over them."""
    run = _run()
    records = [_record(number, request) for number, request in enumerate(requests)]

    async def results() -> dict[str, Any]:
        parser, accumulator = MetricRecordProcessor(run=run), MetricsAccumulator(run=run)
        for record, metadata in records:
            data = await parser.process_record(record, metadata)
            await accumulator.process_record(data)
        return (await accumulator.summarize()).results

    def calculate() -> dict[str, float]:
        found = asyncio.run(results())
        return {name: getattr(found[tag], key) for name, (tag, key) in _FIGURES.items()}

    return calculate


def _run() -> BenchmarkRun:
    config = {
        "models": ["m"],
        "endpoint": {"urls": ["http://localhost:1"], "type": "chat", "streaming": True},
        "datasets": [
            {"type": "synthetic", "name": "d", "entries": 1, "prompts": {"isl": 1, "osl": 1}}
        ],
        "phases": [{"name": "profiling", "type": "concurrency", "concurrency": 1, "requests": 1}],
    }
    return BenchmarkRun(
        benchmark_id="b",
        cfg=BenchmarkConfig.model_validate(config),
        trial=0,
        artifact_dir=Path("artifacts"),
    )


def _record(
    number: int, request: dict[str, Any]
) -> tuple[ParsedResponseRecord, MetricRecordMetadata]:
    arrival, times = request["arrival_ns"], request["times_ns"]
    sent = RequestRecord(
        timestamp_ns=arrival, start_perf_ns=arrival, end_perf_ns=arrival + times[-1]
    )
    word = TextResponseData(text="w")
    record = ParsedResponseRecord(
        request=sent,
        responses=[ParsedResponse(perf_ns=arrival + time, data=word) for time in times],
        token_counts=TokenCounts(input=request["input_tokens"], output=len(times)),
    )
    metadata = MetricRecordMetadata(
        session_num=number,
        x_request_id=request["id"],
        request_start_ns=arrival,
        request_end_ns=arrival + times[-1],
        worker_id="w",
        record_processor_id="p",
        benchmark_phase="profiling",
    )
    return record, metadata
