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


def ipc_stream(path: Path, table: pa.Table, rows: int | None = None) -> Path:
    with pa.ipc.new_stream(path, table.schema) as writer:
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
