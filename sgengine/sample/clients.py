"""The same requests as two benchmark clients would have logged them.

Both are written from the published shape of the formats, with the fields that a reader of traces
needs. They show that formats are told apart by content; no such client has run here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from sgengine.sample.jobs import Job
from sgengine.sample.workloads import MS, SECOND, Workload

_SEND_LAG_NS = MS // 4
"""From the moment a request is due to the moment the client has sent it."""

_PERF_COUNTER_NS = 5_000 * SECOND
"""Where the client's own clock stood at the start of the run."""

_AIPERF_ERRORS = {
    "cancelled": (499, "RequestCancellationError"),
    "failed": (None, "ClientPayloadError"),
    "rejected": (429, "HTTPError"),
    "timeout": (None, "TimeoutError"),
}


def _gaps_ns(job: Job) -> list[int]:
    return [after - before for (before, _), (after, _) in pairwise(job.chunks)]


def _duration_ns(jobs: Iterable[Job]) -> int:
    return max(job.call.arrival_ns + (job.end_ns or 0) for job in jobs)


def vllm_document(workload: Workload, jobs: Sequence[Job]) -> str:
    """Write one detailed result of vLLM's serving benchmark: parallel arrays, seconds as floats."""
    ok = [job for job in jobs if job.status == "ok"]
    duration_ns = _duration_ns(jobs)
    ended = datetime.fromtimestamp((workload.start_ns + duration_ns) // SECOND, UTC)
    document = {
        "date": f"{ended:%Y%m%d-%H%M%S}",
        "endpoint_type": "openai",
        "backend": "openai",
        "label": None,
        "model_id": workload.model,
        "tokenizer_id": workload.model,
        "num_prompts": len(jobs),
        "request_rate": workload.arrivals_per_1000_s / 1_000,
        "burstiness": 1.0,
        "max_concurrency": None,
        "duration": duration_ns / SECOND,
        **_vllm_totals(ok, duration_ns),
        "failed": len(jobs) - len(ok),
        **_vllm_details(jobs),
    }
    return json.dumps(document) + "\n"


def _vllm_totals(ok: Sequence[Job], duration_ns: int) -> dict[str, object]:
    read = sum(job.call.prompt_tokens for job in ok)
    made = sum(job.made for job in ok)
    return {
        "completed": len(ok),
        "total_input_tokens": read,
        "total_output_tokens": made,
        "request_throughput": len(ok) * SECOND / duration_ns,
        "request_goodput": None,
        "output_throughput": made * SECOND / duration_ns,
        "total_token_throughput": (read + made) * SECOND / duration_ns,
    }


def _vllm_details(jobs: Sequence[Job]) -> dict[str, object]:
    starts_ns = [_PERF_COUNTER_NS + job.call.arrival_ns for job in jobs]
    return {
        "input_lens": [job.call.prompt_tokens for job in jobs],
        "output_lens": [job.made if job.status == "ok" else 0 for job in jobs],
        "ttfts": [job.chunks[0][0] / SECOND if job.chunks else 0.0 for job in jobs],
        "itls": [[gap / SECOND for gap in _gaps_ns(job)] for job in jobs],
        "start_times": [start_ns / SECOND for start_ns in starts_ns],
        "generated_texts": ["" for _ in jobs],
        "errors": [job.error or "" for job in jobs],
    }


def aiperf_lines(workload: Workload, jobs: Sequence[Job]) -> str:
    """Write AIPerf's record export: a line a request in order of completion, the first a warm-up."""
    warmup, *measured = jobs
    measured.sort(key=lambda job: job.call.arrival_ns + (job.end_ns or 0))
    records = [_aiperf_record(workload, warmup, "warmup")]
    records += [_aiperf_record(workload, job, "profiling") for job in measured]
    return "".join(json.dumps(record) + "\n" for record in records)


def _aiperf_record(workload: Workload, job: Job, phase: str) -> dict[str, object]:
    due_ns = workload.start_ns + job.call.arrival_ns
    metadata = {
        "session_num": int(job.call.request_id.rpartition("-")[2]),
        "x_request_id": job.call.uuid,
        "turn_index": 0,
        "credit_issued_ns": due_ns,
        "request_start_ns": due_ns + _SEND_LAG_NS,
        "request_end_ns": due_ns + (job.end_ns or 0),
        "benchmark_phase": phase,
        "was_cancelled": job.status == "cancelled",
    }
    if job.status != "ok":
        return {"metadata": metadata, "metrics": {}, "error": _aiperf_error(job)}
    return {"metadata": metadata, "metrics": _aiperf_metrics(job), "error": None}


def _aiperf_error(job: Job) -> dict[str, object]:
    code, kind = _AIPERF_ERRORS[job.status]
    return {"code": code, "type": kind, "message": job.error}


def _aiperf_metrics(job: Job) -> dict[str, object]:
    gaps = _gaps_ns(job)
    metrics: dict[str, object] = {
        "time_to_first_token": _ms(job.chunks[0][0] - _SEND_LAG_NS),
        "request_latency": _ms(job.chunks[-1][0] - _SEND_LAG_NS),
        "input_sequence_length": {"value": job.call.prompt_tokens, "unit": "tokens"},
        "output_sequence_length": {"value": job.made, "unit": "tokens"},
        "usage_completion_tokens": {"value": job.made, "unit": "tokens"},
    }
    if gaps:
        metrics["inter_chunk_latency"] = {"value": [gap / MS for gap in gaps], "unit": "ms"}
    return metrics


def _ms(value_ns: int) -> dict[str, object]:
    return {"value": value_ns / MS, "unit": "ms"}
