"""Clients' files to DELIVERIES, beside libraries that only parse the same bytes.

The engine finds and plans the file, reads every number of it, checks it and makes Arrow columns; the
parsers make values of their own and are done.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.json

from benchmarks.case import Budget, Case
from benchmarks.sizes import Size
from benchmarks.threads import WORKERS, over
from benchmarks.workloads import START_NS, Workload
from sgengine import readers

_BLOCK = 64 << 20


class _VllmRun(msgspec.Struct, gc=False):
    """What of a vLLM result tells of requests; the texts are passed over."""

    input_lens: list[int]
    output_lens: list[int]
    ttfts: list[float]
    itls: list[list[float]]
    start_times: list[float]
    errors: list[str]


class _Values(msgspec.Struct, gc=False):
    value: list[float]


class _Value(msgspec.Struct, gc=False):
    value: float


class _AiperfMetrics(msgspec.Struct, gc=False):
    time_to_first_token: _Value
    inter_chunk_latency: _Values | None = None


class _AiperfLine(msgspec.Struct, gc=False):
    metadata: dict[str, Any]
    metrics: _AiperfMetrics


class _DeliveriesLine(msgspec.Struct, gc=False):
    request_id: str
    arrival_ns: int
    chunk_times_ns: list[int]
    input_tokens: int
    output_tokens: int


def cases(size: Size, folder: Path) -> Iterator[Case]:
    """vLLM, AIPerf, JSON Lines."""
    trace = Workload(name="lines", requests=size.lines, per_second=10.0).table()
    makers = {"vLLM": _vllm, "AIPerf": _aiperf, "JSON Lines": _json_lines}
    for kind, make in makers.items():
        path = folder / f"ingest-{kind.replace(' ', '-')}.json"
        path.write_text(make(trace), "utf-8")
        found = pa.Table.from_batches(ingested(path))
        _check_equal(kind, found, trace)
        tokens = len(found["chunk_times_ns"].combine_chunks().flatten())
        timed = partial(Case, amount=tokens, nbytes=path.stat().st_size)
        parsers = {name: f"{kind}: only parsed by {name}" for name in _PARSERS[kind]}
        ours = f"{kind} file -> DELIVERIES, {WORKERS} threads"
        yield timed(
            name=ours,
            action=partial(ingested, path),
            budgets=(
                Budget(
                    text="1.3 x the fastest parser",
                    ratio="times_least",
                    limit=1.3,
                    of=tuple(parsers.values()),
                ),
            ),
        )
        for name, parse in _PARSERS[kind].items():
            yield timed(name=parsers[name], action=partial(parse, path), against=ours)


def ingested(path: Path) -> list[pa.RecordBatch]:
    """All batches of DELIVERIES of one file: found, planned, read."""
    options = readers.ReadOptions()
    (source,) = readers.resolve([str(path)], options)
    partitions = readers.plan(source, options).partitions
    parts = over(lambda partition: list(readers.read(partition)), partitions)
    return [batch.deliveries for part in parts for batch in part]


def _check_equal(kind: str, found: pa.Table, trace: pa.Table) -> None:
    times, expected = (
        table["chunk_times_ns"].combine_chunks().flatten().to_numpy() for table in (found, trace)
    )
    # seconds and milliseconds as doubles: to a nanosecond a gap
    assert np.abs(times - expected).max() <= 1000, f"{kind} comes back otherwise"


def _vllm(trace: pa.Table) -> str:
    times = trace["chunk_times_ns"].to_pylist()
    arrivals = trace["arrival_ns"].to_pylist()
    return json.dumps(
        {
            "date": "20260620-214558",
            "backend": "vllm",
            "model_id": "m/7B",
            "num_prompts": len(times),
            "request_rate": 10.0,
            "duration": 1000.0,
            "completed": len(times),
            "input_lens": trace["input_tokens"].to_pylist(),
            "output_lens": [len(row) for row in times],
            "ttfts": [row[0] / 1e9 for row in times],
            "itls": [[gap / 1e9 for gap in np.diff(row).tolist()] for row in times],
            "start_times": [(arrival - START_NS) / 1e9 for arrival in arrivals],
            "generated_texts": ["word " * len(row) for row in times],
            "errors": [""] * len(times),
        }
    )


def _aiperf(trace: pa.Table) -> str:
    rows = trace.select(["request_id", "arrival_ns", "chunk_times_ns", "input_tokens"]).to_pylist()
    return "".join(f"{json.dumps(_aiperf_line(row))}\n" for row in rows)


def _aiperf_line(row: dict[str, Any]) -> dict[str, Any]:
    arrival, times = row["arrival_ns"], row["chunk_times_ns"]
    gaps = [gap / 1e6 for gap in np.diff(times).tolist()]
    values = {
        "input_sequence_length": (row["input_tokens"], "tokens"),
        "time_to_first_token": (times[0] / 1e6, "ms"),
        "inter_chunk_latency": (gaps, "ms"),
        "request_latency": (times[-1] / 1e6, "ms"),
        "output_sequence_length": (len(times), "tokens"),
    }
    if not gaps:
        del values["inter_chunk_latency"]
    return {
        "metadata": {
            "session_num": 0,
            "x_request_id": row["request_id"],
            "credit_issued_ns": arrival,
            "request_start_ns": arrival,
            "request_end_ns": arrival + times[-1],
            "worker_id": "worker_0",
            "benchmark_phase": "profiling",
            "was_cancelled": False,
        },
        "metrics": {name: {"value": value, "unit": unit} for name, (value, unit) in values.items()},
        "error": None,
    }


def _json_lines(trace: pa.Table) -> str:
    names = ["request_id", "arrival_ns", "chunk_times_ns", "input_tokens", "output_tokens"]
    return "".join(f"{json.dumps(row)}\n" for row in trace.select(names).to_pylist())


def _document(path: Path, kind: Any) -> None:
    msgspec.json.decode(path.read_bytes(), type=kind)


def _lines(path: Path, kind: Any) -> None:
    msgspec.json.Decoder(kind).decode_lines(path.read_bytes())


def _by_arrow(path: Path) -> None:
    options = pyarrow.json.ReadOptions(block_size=_BLOCK)
    pyarrow.json.read_json(path, read_options=options)


_BY_TABLES: dict[str, Callable[[Path], Any]] = {
    "pyarrow.json": _by_arrow,
    "Polars": pl.read_ndjson,
}
_PARSERS: dict[str, dict[str, Callable[[Path], Any]]] = {
    "vLLM": {
        "msgspec": partial(_document, kind=Any),
        "msgspec, typed": partial(_document, kind=_VllmRun),
        "Polars": pl.read_json,
    },
    "AIPerf": {
        "msgspec": partial(_lines, kind=Any),
        "msgspec, typed": partial(_lines, kind=_AiperfLine),
        **_BY_TABLES,
    },
    "JSON Lines": {
        "msgspec": partial(_lines, kind=Any),
        "msgspec, typed": partial(_lines, kind=_DeliveriesLine),
        **_BY_TABLES,
    },
}
