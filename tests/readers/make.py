"""Small trace files of every format, and reading one back whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from sgengine import readers
from sgengine.schema import DELIVERIES


class ReadBack(NamedTuple):
    """Everything the readers made of one input."""

    rows: list[dict[str, Any]]
    rejects: list[readers.Reject]
    plans: list[readers.SourcePlan]
    batches: list[readers.Batch]

    @property
    def facts(self):
        return [fact for plan in self.plans for fact in plan.facts]

    @property
    def places(self):
        return [int(place) for batch in self.batches for place in batch.places]

    def column(self, name):
        return [row[name] for row in self.rows]


def read_back(*inputs, **options) -> ReadBack:
    """Resolve, plan and read, checking what holds for every batch."""
    options = readers.ReadOptions(**options)
    plans = [readers.plan(s, options) for s in readers.resolve([str(i) for i in inputs], options)]
    partitions = [partition for plan in plans for partition in plan.partitions]
    batches = [batch for partition in partitions for batch in readers.read(partition)]
    for batch in batches:
        check_batch(batch)
    rows = [row for batch in batches for row in batch.deliveries.to_pylist()]
    rejects = [reject for batch in batches for reject in batch.rejects]
    return ReadBack(rows, rejects, plans, batches)


def check_batch(batch):
    batch.deliveries.validate(full=True)
    width = len(DELIVERIES.names)
    assert batch.deliveries.schema.names[:width] == list(DELIVERIES.names)
    declared = [field.type for field in DELIVERIES.schema()]
    assert [field.type for field in batch.deliveries.schema][:width] == declared
    assert len(batch.places) == batch.deliveries.num_rows
    assert batch.places.dtype == "int64"


def deliveries_table(**columns) -> pa.Table:
    """Three requests with chunk times and the given columns."""
    times = pa.array([[5, 7, 9], [], [4]], pa.list_(pa.int64()))
    return pa.table({"chunk_times_ns": times} | columns)


def parquet(path: Path, table: pa.Table, **options) -> Path:
    pq.write_table(table, path, **options)
    return path


def ipc_file(path: Path, table: pa.Table, rows: int | None = None, **options) -> Path:
    with pa.ipc.new_file(path, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=rows)
    return path


def ipc_stream(path: Path, table: pa.Table, rows: int | None = None, **options) -> Path:
    settings = pa.ipc.IpcWriteOptions(**options)
    with pa.ipc.new_stream(path, table.schema, options=settings) as writer:
        writer.write_table(table, max_chunksize=rows)
    return path


def json_lines(path: Path, *rows: Any) -> Path:
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def vllm_result(**changes) -> dict[str, Any]:
    """Two chat requests that went well: 3 tokens in role chunk + 3, and 2 in role chunk + 2."""
    result = {
        "date": "20260620-214558",
        "backend": "openai-chat",
        "label": None,
        "model_id": "m/7B",
        "num_prompts": 2,
        "request_rate": "inf",
        "max_concurrency": 2,
        "duration": 0.25,
        "completed": 2,
        "request_throughput": 8.0,
        "input_lens": [7, 8],
        "output_lens": [3, 2],
        "ttfts": [0.05, 0.06],
        "itls": [[0.000004, 0.01, 0.011], [0.000005, 0.012]],
        "start_times": [100.0, 100.1],
        "errors": ["", ""],
        "generated_texts": ['a "itls" b\nc', "d"],
        "mean_ttft_ms": 55.0,
    }
    merged = result | changes
    return {key: value for key, value in merged.items() if value is not ...}


def vllm(path: Path, *results: dict[str, Any], indent: int | None = None) -> Path:
    path.write_text("\n".join(json.dumps(result, indent=indent) for result in results))
    return path


def aiperf_line(name="a", *, ttft=50.0, gaps=(5.0, 5.0), output=3, error=None, **metadata):
    """One profiling line: sent 1000 ns after its credit, chunks at ttft and after each gap (ms)."""
    about = {
        "x_request_id": name,
        "conversation_id": f"s-{name}",
        "turn_index": 0,
        "credit_issued_ns": 1_800_000_000_000_000_001,
        "request_start_ns": 1_800_000_000_000_001_001,
        "request_end_ns": 1_800_000_000_070_001_001,
        "worker_id": "w",
        "benchmark_phase": "profiling",
        "was_cancelled": False,
    } | metadata
    metrics = {"input_sequence_length": {"value": 7, "unit": "tokens"}}
    if ttft is not None:
        metrics["time_to_first_token"] = {"value": ttft, "unit": "ms"}
    if gaps:
        metrics["inter_chunk_latency"] = {"value": list(gaps), "unit": "ms"}
    if output is not None:
        metrics["output_sequence_length"] = {"value": output, "unit": "tokens"}
    about = {key: value for key, value in about.items() if value is not ...}
    return {"metadata": about, "metrics": {} if error else metrics, "error": error}


def aiperf_summary(path: Path, **changes) -> Path:
    """The companion of an export; beside ``X.jsonl`` it is ``X_aiperf.json``."""
    summary = {
        "aiperf_version": "0.13.0",
        "request_throughput": {"unit": "requests/sec", "avg": 2 / 4.0000005},
        "request_count": {"unit": "requests", "avg": 2.0},
        "benchmark_duration": {"unit": "sec", "avg": 3.5},
        "input_config": {
            "models": {"items": [{"name": "m/7B"}]},
            "phases": [{"kind": "profiling", "type": "poisson", "rate": 6.0}],
        },
        "start_time": "2026-11-23T04:15:53.000000",
        "end_time": "2026-11-23T04:15:57.000000",
    } | changes
    path.write_text(json.dumps({k: v for k, v in summary.items() if v is not ...}))
    return path


def dumped(path: Path, *values: Any, indent: int | None = None) -> Path:
    """Values as Python's json module writes them, Infinity and NaN included, one after the other."""
    path.write_text("".join(f"{json.dumps(value, indent=indent)}\n" for value in values))
    return path


def sglang_result(**changes) -> dict[str, Any]:
    """Two requests of the native backend: 4 tokens in chunks of 1, 1 and 2, and 3 in one of 2 and 1."""
    result = {
        "tag": None,
        "backend": "sglang",
        "dataset_name": "random",
        "request_rate": float("inf"),
        "max_concurrency": 2,
        "sharegpt_output_len": None,
        "server_info": {"internal_states": [{"model_path": "m/7B", "load": float("nan")}]},
        "duration": 0.25,
        "completed": 2,
        "concurrency": 0.09,
        "input_lens": [7, 8],
        "output_lens": [4, 3],
        "ttfts": [0.05, 0.06],
        "itls": [[0.01, 0.005, 0.005], [0.012]],
        "generated_texts": ['a": Infinity, "itls" b\nc', "d"],
        "errors": ["", ""],
    }
    merged = result | changes
    return {key: value for key, value in merged.items() if value is not ...}


def etalon_result(**changes) -> dict[str, Any]:
    """Three requests: chunks of 1, 2 and 1 tokens; one chunk of 2; one that failed."""
    result = {
        "num_prompt_tokens": [7, 8, 9],
        "num_output_tokens": [4, 2, 0],
        "num_total_tokens": [11, 10, 9],
        "tpot": [0.007, 0.0, float("nan")],
        "ttft": [0.05, 0.06, 0.0],
        "tbt": [[0.01, 0.0, 0.011], [0.0], []],
        "end_to_end_latency": [0.071, 0.06, 0.0],
        "deadline_miss_rate": [0.0, 0.0, 0.0],
    }
    merged = result | changes
    return {key: value for key, value in merged.items() if value is not ...}


def llmperf_row(**changes) -> dict[str, Any]:
    """A request of 3 tokens."""
    row = {
        "error_code": None,
        "error_msg": "",
        "inter_token_latency_s": 0.02,
        "ttft_s": 0.05,
        "end_to_end_latency_s": 0.06,
        "request_output_throughput_token_per_s": 50.0,
        "number_total_tokens": 10,
        "number_output_tokens": 3,
        "number_input_tokens": 7,
    }
    merged = row | changes
    return {key: value for key, value in merged.items() if value is not ...}


def llmperf_failure(**changes) -> dict[str, Any]:
    """A request that the server refused, as the client writes it."""
    nothing = {"inter_token_latency_s": 0, "ttft_s": 0, "end_to_end_latency_s": 0}
    failed = {"error_code": 503, "error_msg": "busy\n", "number_output_tokens": 1}
    return llmperf_row(**(nothing | failed | changes))


def genai_bench_row(**changes) -> dict[str, Any]:
    """A request of 3 tokens."""
    row = {
        "ttft": 0.05,
        "tpot": 0.005,
        "e2e_latency": 0.06,
        "output_latency": 0.01,
        "num_input_tokens": 7,
        "num_output_tokens": 3,
        "num_reasoning_tokens": 1,
        "error_code": None,
        "error_message": None,
    }
    merged = row | changes
    return {key: value for key, value in merged.items() if value is not ...}


def genai_bench_result(*rows: Any, **changes) -> dict[str, Any]:
    """One scenario, by default of one request."""
    aggregated = {
        "scenario": "D(7,3)",
        "num_concurrency": 4,
        "run_duration": 1.5,
        "num_completed_requests": 1,
        "stats": {"ttft": {"mean": 0.05}, "tpot": {"mean": float("nan")}},
    }
    result = {
        "aggregated_metrics": aggregated,
        "individual_request_metrics": list(rows or (genai_bench_row(),)),
        "_time_unit": "s",
    } | changes
    return {key: value for key, value in result.items() if value is not ...}


def nanovllm_row(**changes) -> dict[str, Any]:
    """A request of 3 tokens that arrives a second after the start."""
    row = {
        "request_id": "r-0",
        "request_class": "interactive",
        "arrival_at": 1.0,
        "admitted_at": 1.000001,
        "first_scheduled_at": 1.02,
        "token_timestamps": [1.05, 1.06, 1.071],
        "terminal_state": "Finished",
        "terminal_at": 1.0715,
        "terminal_reason": None,
        "ttft_ms": 50.0,
        "itl_ms": [10.0, 11.0],
    }
    merged = row | changes
    return {key: value for key, value in merged.items() if value is not ...}


def nanovllm_result(*rows: Any, **changes) -> dict[str, Any]:
    """One run, by default of one request."""
    result = {
        "schema_version": 1,
        "router": "round_robin",
        "summary": {"measurement": {"start": 0.0, "end": 20.0, "duration": 20.0}},
        "requests": list(rows or (nanovllm_row(),)),
        "step_events": [{"events": [{"token_timestamps": None}]}],
        "characterization": {"offered_rps": 2.4},
    } | changes
    return {key: value for key, value in result.items() if value is not ...}


def otlp_span(number=1, *, start=1_800_000_000_000_000_001, end=900, chunks=(), **changes):
    """A client's chat span that ends ``end`` ns after its start, with events at these ns since it."""
    span = {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": "",
        "name": "openai.chat",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + end),
        "attributes": otlp_attributes(
            **{
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": "m/7B",
                "gen_ai.response.id": f"c{number}",
                "gen_ai.input.messages": 'long "text" {',
            }
        ),
        "events": [
            {"timeUnixNano": str(start + at), "name": "gen_ai.content.completion.chunk"}
            for at in chunks
        ],
        "status": {"code": 1},
    } | changes
    return {key: value for key, value in span.items() if value is not ...}


def vllm_span(
    number=1, *, start=1_800_000_000_000_000_101, ttft=1e-7, e2e=7e-7, tokens=3, **changes
):
    """vLLM's span of the request of ``otlp_span(number)``, its child."""
    about = {
        "gen_ai.latency.time_to_first_token": ttft,
        "gen_ai.latency.e2e": e2e,
        "gen_ai.usage.prompt_tokens": 7,
        "gen_ai.usage.completion_tokens": tokens,
        "gen_ai.request.id": f"c{number}",
    }
    given = {"name": "llm_request", "spanId": f"a{number:015x}", "parentSpanId": f"{number:016x}"}
    known = {key: value for key, value in about.items() if value is not None}
    given["attributes"] = otlp_attributes(**known)
    return otlp_span(number, start=start, end=800, **(given | changes))


def otlp_attributes(**values):
    kinds = {bool: "boolValue", float: "doubleValue", str: "stringValue"}
    return [
        {"key": key, "value": {kinds[type(v)]: v} if type(v) in kinds else {"intValue": str(v)}}
        for key, v in values.items()
    ]


def otlp_line(*spans, service="app"):
    """What the collector's file exporter writes of these spans."""
    resource = {"attributes": otlp_attributes(**{"service.name": service})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


def litellm_row(name="a", **changes):
    """A streamed call: first token after 100 ms, ended after 900 ms."""
    row = {
        "request_id": name,
        "call_type": "acompletion",
        "startTime": "2026-06-23T06:05:02.200Z",
        "completionStartTime": "2026-06-23T06:05:02.300Z",
        "endTime": "2026-06-23T06:05:03.100Z",
        "prompt_tokens": 17,
        "completion_tokens": 40,
        "status": "success",
        "model": "m/7B",
        "team_id": "t1",
        "session_id": "s1",
        "messages": [{"role": "user", "content": 'a "startTime": {'}],
    } | changes
    return {key: value for key, value in row.items() if value is not ...}


def langfuse_row(name="a", **changes):
    """A streamed generation: first token after 100 ms, ended after 900 ms."""
    row = {
        "id": name,
        "traceId": f"t-{name}",
        "type": "GENERATION",
        "name": "chat",
        "startTime": "2026-06-22T20:44:35.502Z",
        "completionStartTime": "2026-06-22T20:44:35.602Z",
        "endTime": "2026-06-22T20:44:36.402Z",
        "model": "m/7B",
        "level": "DEFAULT",
        "statusMessage": None,
        "usageDetails": {"input": 17, "output": 40, "total": 57},
        "input": 'a "startTime": {',
    } | changes
    return {key: value for key, value in row.items() if value is not ...}


def sse_event(*, content=None, usage=None, **delta):
    """The data of one event of OpenAI's chat: a delta, or the choices left out for usage alone."""
    event: dict[str, Any] = {"object": "chat.completion.chunk", "model": "m/7B"}
    if content is not None:
        delta["content"] = content
    event["choices"] = [{"index": 0, "delta": delta}] if delta else []
    if usage is not None:
        event["usage"] = {"prompt_tokens": 7, "completion_tokens": usage}
    return json.dumps(event)


def aiperf_raw_line(name="a", *events, error=None, **metadata):
    """One line of the raw export: events are (ms after the send, data), by default a usual reply."""
    usual = (
        (50, sse_event(role="assistant", content="")),
        (50, sse_event(content="a")),
        (55, sse_event(content='"b"')),
        (55, sse_event(content="c")),
        (60, sse_event(usage=4)),
        (60, "[DONE]"),
    )
    start = 3_000_000_000_000_007
    responses = [
        {"perf_ns": start + at * 10**6, "packets": [{"name": "data", "value": data}]}
        for at, data in events or usual
    ]
    line = {
        "metadata": aiperf_line(name, **metadata)["metadata"],
        "start_perf_ns": start,
        "payload": {"messages": [{"content": 'a "metrics": {'}]},
        "request_headers": {"X-Request-ID": name},
        "status": 200,
        "responses": responses,
    }
    return line | ({} if error is None else {"error": error})


def genai_perf_request(*responses, sent=1_800_000_000_000_000_001, **changes):
    """One request; responses are (ns after the send, text), by default a usual reply."""
    usual = (
        (50, f"data: {sse_event(role='assistant', content='')}\n\n"),
        (60, f"data: {sse_event(content='a')}\n\n"),
        (70, f"data: {sse_event(content='b')}\n\n"),
        (80, f"data: {sse_event(usage=2)}\n\n"),
        (90, "data: [DONE]\n\n"),
    )
    found = responses or usual
    request = {
        "timestamp": sent,
        "request_inputs": {"payload": '{"messages": "response_timestamps"}'},
        "response_timestamps": [sent + at for at, _ in found],
        "response_outputs": [{"response": text} for _, text in found],
    }
    return {key: value for key, value in (request | changes).items() if value is not ...}


def genai_perf_profile(*requests, mode="request_rate", value=2.0, windows=()):
    """A profile of one experiment."""
    experiment = {
        "experiment": {"mode": mode, "value": value},
        "requests": list(requests or (genai_perf_request(),)),
        "window_boundaries": list(windows),
    }
    return {
        "experiments": [experiment],
        "version": "2.60",
        "service_kind": "openai",
        "endpoint": "v1/chat/completions",
    }


def guidellm_row(name="a", *, timings=None, error=None, **changes):
    """A request due at 10, sent at 10.01, with its first token at 10.1 and its fifth at 10.3."""
    times = {
        "targeted_start": 1795407610.0,
        "request_start": 1795407610.01,
        "first_token_iteration": 1795407610.1,
        "first_output_token_iteration": 1795407610.2,
        "last_token_iteration": 1795407610.3,
        "token_iterations": 4,
        "request_end": 1795407610.31,
        "resolve_end": 1795407610.32,
    } | (timings or {})
    row = {
        "type_": "generative_request_stats",
        "request_id": name,
        "request_args": "{'stream': True, 'body': {'benchmarks': None}}",
        "output": 'a "requests": {',
        "info": {
            "status": "completed",
            "timings": {key: value for key, value in times.items() if value is not ...},
            "conversation_id": f"s-{name}",
            "turn_index": 1,
            "error": error,
        },
        "prompt_tokens": 7,
        "output_tokens": 5,
    } | changes
    return {key: value for key, value in row.items() if value is not ...}


def guidellm_error(name="e", error="HTTPStatusError('500')", **timings):
    """A request that failed before anything came."""
    never = ("first_token_iteration", "first_output_token_iteration", "last_token_iteration")
    times = dict.fromkeys((*never, "request_end")) | {"token_iterations": 0} | timings
    return guidellm_row(name, timings=times, error=error, output=None, output_tokens=None)


def guidellm_benchmark(*rows, incomplete=(), errored=(), strategy=None, **changes):
    """One benchmark of the versions since 0.5, whose measure window holds the usual rows."""
    listed = list(rows or (guidellm_row(),))
    benchmark = {
        "type_": "generative_benchmark",
        "config": {
            "strategy": strategy or {"type_": "poisson", "rate": 6.0, "max_concurrency": 512},
            "backend": {"model": "m/7B"},
        },
        "scheduler_metrics": {"requests_made": {"total": len(listed)}},
        "metrics": {"requests_per_second": {"successful": {"mean": 1.0}}},
        "requests": {
            "successful": listed,
            "errored": list(errored),
            "incomplete": list(incomplete),
            "total": None,
        },
        "start_time": 1795407610.0,
        "end_time": 1795407612.1929426,
        "duration": 2.1929426193237305,
    } | changes
    return {key: value for key, value in benchmark.items() if value is not ...}


def guidellm_report(*benchmarks):
    """A whole file of 0.8."""
    data = [{"kind": "synthetic_text", "prompt_tokens": 7, "prompt_tokens_min": None}]
    return {
        "metadata": {"version": 2, "guidellm_version": "0.8.1"},
        "config": {"spec": {"data": data, "backend": {"model": "other"}}},
        "benchmarks": list(benchmarks or (guidellm_benchmark(),)),
        "conclusions": [],
    }


def guidellm_old_report(*rows):
    """A whole file of 0.3, by default with one request of three tokens."""
    usual = {
        "type_": "generative_text_response",
        "request_id": "a",
        "scheduler_info": {
            "targeted_start_time": 1779715892.5,
            "request_start": 1779715892.6,
            "request_end": 1779715893.6,
        },
        "prompt": "p",
        "output": "o",
        "prompt_tokens": 7,
        "output_tokens": 3,
        "start_time": 1779715892.6,
        "end_time": 1779715893.6,
        "first_token_time": 1779715892.85,
        "last_token_time": 1779715893.5,
    }
    benchmark = {
        "type_": "generative_benchmark",
        "args": {"strategy": {"type_": "throughput", "max_concurrency": None}},
        "run_stats": {"requests_made": {"total": 1}},
        "worker": {"backend_model": "m/7B"},
        "request_loader": {"data": "prompt_tokens=7,output_tokens=3"},
        "start_time": 1779715892.5,
        "end_time": 1779715893.6,
        "requests": {"successful": list(rows or (usual,)), "errored": [], "incomplete": None},
        "duration": 1.1,
    }
    return {"benchmarks": [benchmark]}


def inference_perf_row(chunks=(100.05, 100.1), tokens=(100.05, 100.1, 100.1), **changes):
    """A request of two chunks, of one and of two tokens."""
    response = {
        "output_tokens": 3,
        "server_usage": {"prompt_tokens": 7, "completion_tokens": 3},
        "response_chunks": [sse_event(content="a") for _ in chunks],
        "chunk_times": list(chunks),
        "output_token_times": list(tokens),
    }
    return {
        "start_time": 100.0,
        "end_time": 100.2,
        "request": json.dumps({"model": "m/7B", "prompt": 'a "info": "model": "x"'}),
        "response": "data: ...",
        "info": {
            "request_metrics": {"text": {"input_tokens": 8}},
            "response_metrics": response | changes.pop("response_metrics", {}),
            "lora_adapter": None,
            "labels": {},
            "input_tokens": 8,
        }
        | changes.pop("info", {}),
        "error": None,
    } | changes


def inference_perf_failure(kind="HTTP Error 500", response="", **changes):
    """A request without any metrics of its response."""
    info = {"request_metrics": {"text": {"input_tokens": 0}}, "response_metrics": None}
    error = {"error_type": kind, "error_msg": "boom\nbang"}
    return inference_perf_row(info=info | {"labels": {}}, response=response, error=error, **changes)
