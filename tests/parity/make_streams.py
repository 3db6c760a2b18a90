"""Files of clients with a time a chunk: vLLM, SGLang, AIPerf."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from tests.parity.made_files import Json, four, write
from tests.parity.plain import linear, mean, nearest, std


def vllm_run(*, newer: bool, seed: int = 1) -> Json:
    """Twelve requests: one of a single token, one failed before and one broken within the stream."""
    random = Random(seed)
    lens = [3, 1, 5, 4, 6, 2, 7, 3, 4, 5]
    ttfts = [random.uniform(0.02, 0.09) for _ in lens]
    itls = [[random.uniform(0.005, 0.02) for _ in range(n - 1)] for n in lens]
    tails = [random.uniform(0, 2e-5) for _ in lens]
    latencies = [
        t + sum(g) + (0 if newer else x) for t, g, x in zip(ttfts, itls, tails, strict=True)
    ]
    starts = [100 + 0.13 * i for i in range(len(lens))]
    duration = 2.5
    tpots = [(e - t) / (n - 1) for e, t, n in zip(latencies, ttfts, lens, strict=True) if n > 1]
    gaps = [gap for gaps in itls for gap in gaps]
    seconds: dict[int, int] = {}
    touched: dict[int, int] = {}
    for start, ttft, row, latency in zip(starts, ttfts, itls, latencies, strict=True):
        at = start + ttft
        for gap in [0.0, *row]:
            at += gap
            seconds[int(at - starts[0])] = seconds.get(int(at - starts[0]), 0) + 1
        for second in range(int(start - starts[0]), int(start + latency - starts[0]) + 1):
            touched[second] = touched.get(second, 0) + 1
    flying = max(
        sum(s <= start < s + e for s, e in zip(starts, latencies, strict=True)) for start in starts
    )
    made = {
        "date": "20260620-214558",
        "backend": "openai",
        "model_id": "m",
        "num_prompts": 12,
        "request_rate": "inf",
        "max_concurrency": 4,
        "duration": duration,
        "completed": len(lens),
        "failed": 2,
        "total_input_tokens": 7 * len(lens),
        "total_output_tokens": sum(lens),
        "request_throughput": len(lens) / duration,
        "request_goodput": 3.25,
        "output_throughput": sum(lens) / duration,
        "total_token_throughput": (7 * len(lens) + sum(lens)) / duration,
        "input_lens": [7] * 12,
        "output_lens": [*lens, 0, 0],
        "ttfts": [*ttfts, 0.0, 0.05],
        "itls": [*itls, [], [0.01]],
        "start_times": [*starts, 101.5, 101.6],
        "errors": [""] * 11 + ["Traceback: broken"],
        "generated_texts": ['a "mean_ttft_ms": 1'] * 12,
        "max_output_tokens_per_s": float(max(seconds.values())),
        "max_concurrent_requests": flying if newer else max(touched.values()),
    }
    for metric, xs in (("ttft", ttfts), ("tpot", tpots), ("itl", gaps), ("e2el", latencies)):
        made |= four(xs, metric, 1e3, lambda name: f"{name}_ms")
    return made | ({"latencies": [*latencies, 0.0, 0.0]} if newer else {})


def vllm(folder: Path) -> Path:
    return write(folder / "vllm.json", vllm_run(newer=False))


def vllm_newer(folder: Path) -> Path:
    """Two runs appended to each other."""
    runs = [vllm_run(newer=True, seed=seed) for seed in (2, 3)]
    path = folder / "newer.json"
    path.write_text("\n".join(json.dumps(run) for run in runs))
    return path


def sglang_run(seed: int) -> Json:
    """Ten requests, two failed; the native backend splits gaps; ends are 8 ms after the last token."""
    random = Random(seed)
    lens = [4, 1, 5, 6, 3, 4, 2, 5]
    ttfts = [random.uniform(0.05, 0.12) for _ in lens]
    itls = [[random.uniform(0.005, 0.02) for _ in range(n - 1)] for n in lens]
    ends = [t + sum(g) + 0.008 for t, g in zip(ttfts, itls, strict=True)]
    tpots = [(e - t) / (n - 1) if n > 1 else 0.0 for e, t, n in zip(ends, ttfts, lens, strict=True)]
    duration, slo = 1.75, {"ttft": 90.0, "tpot": 15.0}
    good = [
        t * 1e3 <= slo["ttft"] and p * 1e3 <= slo["tpot"] for t, p in zip(ttfts, tpots, strict=True)
    ]
    made: Json = {
        "backend": "sglang",
        "request_rate": float("inf"),
        "max_concurrency": None,
        "server_info": {"internal_states": [{}], "port": 30000},
        "duration": duration,
        "completed": len(lens),
        "total_input_tokens": 61,
        "total_input_text_tokens": 61,
        "total_input_vision_tokens": 0,
        "total_output_tokens": sum(lens),
        "total_output_tokens_retokenized": sum(lens) + 1,
        "request_throughput": len(lens) / duration,
        "input_throughput": 61 / duration,
        "output_throughput": sum(lens) / duration,
        "total_throughput": (61 + sum(lens)) / duration,
        "concurrency": sum(ends) / duration,
        "accept_length": None,
        "max_output_tokens_per_s": 20.0,
        "goodput_slos_ms": slo,
        "request_goodput": sum(good) / duration,
        "slo_attainment": sum(good) / 10,
        "slo_attainment_by_metric": {"ttft": sum(t * 1e3 <= slo["ttft"] for t in ttfts) / 10},
        "input_lens": [8] * 10,
        "output_lens": [*lens, 0, 0],
        "ttfts": [*ttfts, 0.0, 0.06],
        "itls": [*itls, [], [0.01, 0.02]],
        "generated_texts": ["x: Infinity, y"] * 10,
        "errors": [""] * 8 + ["Internal Server Error: {}", "broken"],
    }
    gaps = [gap for gaps in itls for gap in gaps]
    several = [p for p, n in zip(tpots, lens, strict=True) if n > 1]
    for metric, xs in (("ttft", ttfts), ("tpot", several), ("itl", gaps), ("e2e_latency", ends)):
        made |= four(xs, metric, 1e3, lambda name: f"{name}_ms")
    return made


def sglang(folder: Path) -> Path:
    path = folder / "sglang.jsonl"
    path.write_text("".join(f"{json.dumps(sglang_run(seed))}\n" for seed in (1, 2)))
    return path


AIPERF_Q = (1, 5, 10, 25, 50, 75, 90, 95, 99)


def aiperf_stats(xs: list[float], unit: str) -> Json:
    made: Json = {"unit": unit, "avg": mean(xs), "std": std(xs), "min": min(xs), "max": max(xs)}
    made |= {"count": len(xs), "sum": sum(xs)}
    return made | {f"p{q}": linear(xs, q) for q in AIPERF_Q}


def aiperf_files(folder: Path, *, windowed: bool) -> Path:
    """Nine requests: a warm-up, six good ones (one of a single token), an error, a cancelled one."""
    random = Random(5)
    lines: list[Json] = []
    counts = [4, 1, 6, 5, 3, 7]
    start = 1_800_000_000_000_000_000
    spans: list[tuple[int, int]] = []
    rows: list[dict[str, Any]] = []
    for i, n in enumerate([3, *counts, 0, 0]):
        phase = "warmup" if i == 0 else "profiling"
        begin = start + i * 100_000_256
        about = {"x_request_id": str(i), "request_start_ns": begin, "benchmark_phase": phase}
        if not n:
            error = {"code": 499 if i == 8 else 500, "type": "T", "message": "m"}
            lines.append({"metadata": about, "metrics": {}, "error": error})
            continue
        gaps = [round(random.uniform(4, 12), 6) for _ in range(n - 1)]
        ttft = round(random.uniform(50, 120), 6)
        latency = ttft + sum(gaps)
        row = {"ttft": ttft, "latency": latency, "gaps": gaps, "n": n}
        metrics: Json = {
            "time_to_first_token": {"value": ttft, "unit": "ms"},
            "request_latency": {"value": latency, "unit": "ms"},
            "output_sequence_length": {"value": n, "unit": "tokens"},
            "input_sequence_length": {"value": 11, "unit": "tokens"},
        }
        if n > 1:
            metrics["inter_chunk_latency"] = {"value": gaps, "unit": "ms"}
            metrics["inter_token_latency"] = {"value": (latency - ttft) / (n - 1), "unit": "ms"}
        lines.append({"metadata": about, "metrics": metrics, "error": None})
        if i:
            rows.append(row)
            spans.append((begin, begin + round(latency * 1e6)))
    path = folder / "profile_export.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    ttfts, tokens = [r["ttft"] for r in rows], sum(counts)
    itls = [sum(r["gaps"]) / (r["n"] - 1) for r in rows if r["n"] > 1]
    busy = (max(end for _, end in spans) - min(begin for begin, _ in spans)) / 1e9
    window = 2.000001 if windowed else busy
    good = sum(r["ttft"] <= 100 and r["n"] > 1 for r in rows)
    scalars = {
        "request_count": len(rows),
        "error_request_count": 2,
        "total_osl": tokens,
        "total_isl": 11 * len(rows),
        "benchmark_duration": busy,
        "request_throughput": len(rows) / window,
        "output_token_throughput": tokens / window,
        "goodput": good / window,
        "good_request_count": good,
        "good_request_fraction": good / (len(rows) + 2),
    }
    summary: Json = {
        **{tag: {"unit": "x", "avg": value} for tag, value in scalars.items()},
        "time_to_first_token": aiperf_stats(ttfts, "ms"),
        "request_latency": aiperf_stats([r["latency"] for r in rows], "ms"),
        "inter_token_latency": aiperf_stats(itls, "ms"),
        "inter_chunk_latency": aiperf_stats([g for r in rows for g in r["gaps"]], "ms"),
        "adj_time_to_first_token": {
            "unit": "ms",
            "count": len(rows) + 2,
            "min": min(ttfts),
            **{f"p{q}": nearest([*ttfts, 1e99, 1e99], q) for q in (1, 25, 50)},
        },
        "effective_concurrency": {"unit": "requests", "avg": 1.5, "p50": 1.0},
        "input_config": {"slos": {"time_to_first_token": 100.0, "inter_token_latency": 1000.0}},
        "start_time": "2026-11-23T04:15:53.000000",
        "end_time": "2026-11-23T04:15:55.000001",
    }
    if windowed:
        summary["aiperf_version"] = "0.13.0"
    else:
        del summary["adj_time_to_first_token"]
        summary = {"input_config": summary.pop("input_config"), "records": summary}
    write(folder / "profile_export_aiperf.json", summary)
    return path


def aiperf(folder: Path) -> Path:
    return aiperf_files(folder, windowed=True)


def aiperf_older(folder: Path) -> Path:
    return aiperf_files(folder, windowed=False)
