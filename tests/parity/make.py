"""Small result files of every client, with summaries computed from the rows by plain formulas.

Each function writes the files of one run into a folder and gives the path of the detail.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.parity.plain import inverted, linear, mean, nearest, std, weighted_mean

Json = dict[str, Any]
S = 10**9


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def four(xs: list[float], metric: str, unit: float, word: Callable[[str], str]) -> Json:
    """mean, median, std and p99 under the names that ``word`` makes of them."""
    made = {"mean": mean(xs), "median": linear(xs, 50), "std": std(xs), "p99": linear(xs, 99)}
    return {word(f"{name}_{metric}"): value * unit for name, value in made.items()}


# ---- vLLM ---------------------------------------------------------------------------------------


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


# ---- SGLang -------------------------------------------------------------------------------------


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


# ---- AIPerf -------------------------------------------------------------------------------------

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


# ---- GuideLLM -----------------------------------------------------------------------------------

GUIDELLM_Q = {"p001": 0.1, "p01": 1, "p05": 5, "p25": 25, "p50": 50, "p90": 90, "p99": 99}


def guidellm_stats(pairs: list[tuple[float, float]], *, plain: bool = False) -> Json:
    if not any(weight for _, weight in pairs):
        zeros = dict.fromkeys(("mean", "median", "std_dev", "min", "max", "total_sum"), 0.0)
        return zeros | {"count": 0, "percentiles": dict.fromkeys(GUIDELLM_Q, 0.0)}
    middle = weighted_mean(pairs)
    variance = weighted_mean([((x - middle) ** 2, w) for x, w in pairs])
    count = len(pairs) if plain else round(sum(w for _, w in pairs))
    kept = [x for x, w in pairs if w]
    return {
        "mean": middle,
        "median": inverted(pairs, 50),
        "variance": variance,
        "std_dev": variance**0.5,
        "min": min(kept),
        "max": max(kept),
        "count": count,
        "total_sum": sum(kept) if plain else middle * count,
        "percentiles": {name: inverted(pairs, q) for name, q in GUIDELLM_Q.items()},
    }


def guidellm_row(i: int, random: Random, tokens: int) -> Json:
    start = 1_800_000_000 + 0.25 * i
    first = start + random.uniform(0.05, 0.2)
    last = first + random.uniform(0.1, 0.5)
    times = {
        "request_start": start,
        "first_token_iteration": first,
        "first_output_token_iteration": first,
        "last_token_iteration": last,
        "request_iterations": tokens + 2,
        "token_iterations": tokens,
        "request_end": last + 0.01,
        "resolve_end": last + 0.02,
    }
    return {
        "request_id": str(i),
        "info": {"status": "completed", "timings": times},
        "input_metrics": {"text_tokens": 9, "total_tokens": 9},
        "output_metrics": {"text_tokens": tokens, "total_tokens": tokens},
    }


def guidellm_rows(count: int) -> list[Json]:
    random = Random(7)
    return [guidellm_row(i, random, tokens) for i, tokens in enumerate([5, 1, 8, 3, 6, 4][:count])]


def guidellm_benchmark(*, is_08: bool) -> Json:
    """Six successes, of which the last is sent after the window; an error; an unfinished one."""
    rows = guidellm_rows(6)
    window = (1_800_000_000.0, 1_800_000_001.2)
    broken = {
        "info": {
            "status": "errored",
            "timings": {"resolve_start": 1.8e9, "resolve_end": 1.8e9 + 1},
        },
        "input_metrics": {"total_tokens": 9},
        "output_metrics": {},
    }
    cut = json.loads(json.dumps(rows[0]))
    cut["info"]["timings"] |= {"request_end": None, "resolve_end": 1.8e9 + 1.1}
    kept = [r for r in rows if r["info"]["timings"]["request_start"] <= window[1]]
    times = [(r["info"]["timings"], r["output_metrics"]["total_tokens"]) for r in kept]
    ended = [t["request_end"] for t, _ in times if t["request_end"] <= window[1]]
    late = [(t, n) for t, n in times if not is_08 or t["first_token_iteration"] <= window[1]]
    events = []
    for t, n in times:
        first, last = t["first_token_iteration"], t["last_token_iteration"]
        if n == 1:
            events.append((last, 1.0))
            continue
        steps = [first + k * (last - first) / (n - 1) for k in range(n)]
        events += [(step, 1.0) for step in steps]
    inside = [e for e in events if not is_08 or window[0] <= e[0] <= window[1]]
    span = window[1] - window[0] if is_08 else events_span(events)
    ttft = [(1e3 * (t["first_token_iteration"] - t["request_start"]), 1.0) for t, _ in times]
    itl = [(1e3 * seconds_of(t) / (n - 1) if n > 1 else 0.0, n - 1.0) for t, n in late]
    tpot = [
        (1e3 * (t["last_token_iteration"] - t["request_start"]) / n, float(n)) for t, n in times
    ]
    latency = [(t["request_end"] - t["request_start"], 1.0) for t, _ in times]
    slo = {"ttft_ms": 150.0, "tpot_ms": 500.0, "e2el_ms": None}
    verdicts = [
        a[0] <= 150 and seconds_of(t) / (n - 1) <= 0.5
        for a, (t, n) in zip(ttft, times, strict=True)
        if n > 1
    ]
    metrics: Json = {
        "request_totals": {"successful": len(kept), "errored": 1, "incomplete": 1},
        "request_latency": {
            "successful": guidellm_stats(latency),
            "errored": guidellm_stats([(0.0, 1.0)]),
        },
        "time_to_first_token_ms": {"successful": guidellm_stats(ttft)},
        "inter_token_latency_ms": {"successful": guidellm_stats(itl)},
        "time_per_output_token_ms": {"successful": guidellm_stats(tpot)},
        "output_token_count": {"successful": guidellm_stats([(float(n), 1.0) for _, n in times])},
        "requests_per_second": {"successful": {"mean": len(ended) / (window[1] - window[0])}},
        "output_tokens_per_second": {"successful": {"mean": sum(w for _, w in inside) / span}},
        "image": {"tokens": {"input": None}},
    }
    if is_08:
        metrics |= {
            "slo_attainment": sum(verdicts) / (len(verdicts) + 1),
            "slo_determined_requests": len(verdicts) + 1,
        }
    return {
        "config": {"slo": slo if is_08 else None, "strategy": {"type_": "poisson", "rate": 4.0}},
        "scheduler_metrics": {
            "measure_start_time": window[0],
            "measure_end_time": window[1],
            "requests_made": {"successful": 6, "errored": 1, "incomplete": 1, "total": 8},
            "queued_time_avg": 1.5,
        },
        "metrics": metrics,
        "requests": {"successful": rows, "errored": [broken], "incomplete": [cut]},
        "start_time": window[0],
        "end_time": window[1],
        "duration": window[1] - window[0],
    }


def seconds_of(times: Json) -> float:
    return float(times["last_token_iteration"] - times["first_token_iteration"])


def events_span(events: list[tuple[float, float]]) -> float:
    return max(t for t, _ in events) - min(t for t, _ in events)


def guidellm(folder: Path) -> Path:
    benchmarks = [guidellm_benchmark(is_08=True)]
    metadata = {"version": 2, "guidellm_version": "0.8.1"}
    return write(folder / "benchmarks.json", {"metadata": metadata, "benchmarks": benchmarks})


def guidellm_06(folder: Path) -> Path:
    benchmarks = [guidellm_benchmark(is_08=False)] * 2
    metadata = {"version": 1, "guidellm_version": "0.6.0"}
    return write(folder / "results.json", {"metadata": metadata, "benchmarks": benchmarks})


def guidellm_03(folder: Path) -> Path:
    """Flat rows, no window, counts and sums without weights."""
    rows = [
        {
            "type_": "generative_text_response",
            "prompt_tokens": 9,
            "output_tokens": r["output_metrics"]["total_tokens"],
            "start_time": t["request_start"],
            "end_time": t["request_end"],
            "first_token_time": t["first_token_iteration"],
            "last_token_time": t["last_token_iteration"],
        }
        for r in guidellm_rows(5)
        for t in [r["info"]["timings"]]
    ]
    spans = [r["last_token_time"] - r["first_token_time"] for r in rows]
    lens = [r["output_tokens"] for r in rows]
    ttft = [(1e3 * (r["first_token_time"] - r["start_time"]), 1.0) for r in rows]
    itl = [(1e3 * s / (n - 1), n - 1.0) for s, n in zip(spans, lens, strict=True) if n > 1]
    tpot = [(1e3 * s / n, float(n)) for s, n in zip(spans, lens, strict=True)]
    window = max(r["end_time"] for r in rows) - min(r["start_time"] for r in rows)
    metrics = {
        "time_to_first_token_ms": {"successful": guidellm_stats(ttft, plain=True)},
        "inter_token_latency_ms": {"successful": guidellm_stats(itl, plain=True)},
        "time_per_output_token_ms": {"successful": guidellm_stats(tpot, plain=True)},
        "requests_per_second": {"successful": {"mean": len(rows) / window}},
    }
    made = {"metrics": metrics, "requests": {"successful": rows, "errored": [], "incomplete": []}}
    return write(folder / "old.json", {"benchmarks": [made | {"duration": window}]})


# ---- inference-perf -----------------------------------------------------------------------------

INFERENCE_Q = (0.1, 1, 25, 50, 90, 99, 99.9)


def inference_stats(xs: list[float]) -> Json:
    made = {"mean": mean(xs), "min": min(xs), "max": max(xs)}
    return made | {"median" if q == 50 else f"p{q:g}": linear(xs, q) for q in INFERENCE_Q}


def inference_report(rows: list[Json]) -> Json:
    good = [r for r in rows if r["error"] is None]
    bad = [r for r in rows if r["error"] is not None]
    times = [r["info"]["response_metrics"]["output_token_times"] for r in good]
    counts = [r["info"]["response_metrics"]["output_tokens"] for r in good]
    latency = [r["end_time"] - r["start_time"] for r in good]
    total = max(r["end_time"] for r in rows) - min(r["start_time"] for r in rows)
    several = [(r, ott, n) for r, ott, n in zip(good, times, counts, strict=True) if len(ott) > 1]
    prompts = 9.0 * len(good)
    within = max(r["end_time"] for r in good) - min(r["start_time"] for r in good)
    return {
        "benchmark_time_seconds": total,
        "load_summary": {"count": len(rows), "schedule_delay": {"mean": 0.001}},
        "successes": {
            "count": len(good),
            "latency": {
                "request_latency": inference_stats(latency),
                "normalized_time_per_output_token": inference_stats(
                    [e / n for e, n in zip(latency, counts, strict=True)]
                ),
                "time_to_first_token": inference_stats(
                    [ott[0] - r["start_time"] for r, ott, _ in several]
                ),
                "time_per_output_token": inference_stats(
                    [(ott[-1] - ott[0]) / (n - 1) for _, ott, n in several]
                ),
                "inter_token_latency": inference_stats(
                    [b - a for _, ott, _ in several for a, b in itertools.pairwise(ott)]
                ),
            },
            "throughput": {
                "input_tokens_per_sec": prompts / total,
                "output_tokens_per_sec": sum(counts) / total,
                "total_tokens_per_sec": (prompts + sum(counts)) / total,
                "requests_per_sec": len(good) / total,
                "images_per_sec": 0.0,
            },
            "prompt_tokens": {
                "total": prompts,
                "cached": 0.0,
                **inference_stats([9.0] * len(good)),
            },
            "request_size_bytes": inference_stats([float(len(r["request"])) for r in good]),
            "token_count_mismatches": 0,
            "goodput_metrics": {
                "good_requests": 2,
                "total_requests": len(good),
                "goodput_percentage": 200 / len(good),
                "request_goodput": 2 / within,
            },
        },
        "failures": {
            "count": len(bad),
            "request_latency": inference_stats([r["end_time"] - r["start_time"] for r in bad]),
            "by_label": {"500": {"count": len(bad)}},
        },
    }


def inference_perf(folder: Path) -> Path:
    """Two stages of five requests: chunks of several tokens, one answer of one token, failures."""
    random = Random(3)
    rows: list[Json] = []
    for i in range(10):
        start = 50 + 0.4 * i
        at, times = start, []
        for size in [1] if i == 2 else [1, 3, 1, 2]:
            at += random.uniform(0.01, 0.09)
            times += [at] * size
        failed = i in (3, 8)
        answer = {
            "output_tokens": len(times),
            "output_token_times": times,
            "server_usage": {"prompt_tokens": 9, "completion_tokens": len(times)},
            "response_chunks": ["data"],
        }
        rows.append(
            {
                "start_time": start,
                "end_time": at + random.uniform(0.001, 0.01),
                "request": "{}" + "x" * i,
                "response": "data: ...",
                "info": {
                    "request_metrics": {"text": {"input_tokens": 0 if failed else 9}},
                    "response_metrics": None if failed else answer,
                },
                "error": {"error_type": "HTTP Error 500", "error_msg": "m"} if failed else None,
            }
        )
    write(folder / "summary_lifecycle_metrics.json", inference_report(rows))
    write(folder / "stage_0_lifecycle_metrics.json", inference_report(rows[:5]))
    write(folder / "stage_1_lifecycle_metrics.json", inference_report(rows[5:]))
    return write(folder / "per_request_lifecycle_metrics.json", rows)


# ---- LLMPerf, genai-bench -----------------------------------------------------------------------


def llmperf(folder: Path) -> Path:
    """Six rows, two of them errors, and a stray text as the client leaves it."""
    random = Random(4)
    good = [
        {
            "error_code": None,
            "error_msg": "",
            "inter_token_latency_s": random.uniform(0.01, 0.05),
            "ttft_s": random.uniform(0.1, 0.5),
            "end_to_end_latency_s": random.uniform(1, 2),
            "request_output_throughput_token_per_s": random.uniform(10, 30),
            "number_total_tokens": 30 + i,
            "number_output_tokens": 20 + i,
            "number_input_tokens": 10,
        }
        for i in range(4)
    ]
    bad = [
        {"error_code": code, "error_msg": "m", "ttft_s": 0, "number_output_tokens": 1}
        for code in (-1, 500)
    ]
    wall = 12.5
    summary: Json = {"version": "2023-08-31", "num_concurrent_requests": 4, "timestamp": 1718209612}
    for name in list(good[0])[2:]:
        if name == "number_total_tokens":
            continue
        xs = [float(row[name]) for row in good]  # type: ignore[arg-type]
        quantiles = {f"results_{name}_quantiles_p{q}": linear(xs, q) for q in (25, 50, 99)}
        least, most = (f(xs) for f in (min, max))
        summary |= quantiles | {
            f"results_{name}_mean": mean(xs),
            f"results_{name}_min": str(int(least)) if name.startswith("number") else least,
            f"results_{name}_max": str(int(most)) if name.startswith("number") else most,
            f"results_{name}_stddev": std(xs, 1),
        }
    summary |= {
        "results_num_requests_started": 6,
        "results_error_rate": 2 / 6,
        "results_number_errors": 2,
        "results_error_code_frequency": "{-1: 1}",
        "results_mean_output_throughput_token_per_s": sum(range(20, 24)) / wall,
        "results_num_completed_requests": 4,
        "results_num_completed_requests_per_min": 4 / wall * 60,
    }
    write(folder / "m_10_20_summary.json", summary)
    return write(folder / "m_10_20_individual_responses.json", [*good, "ttft_s", *bad])


def genai_bench(folder: Path) -> Path:
    """Five requests in ms, one of them an error, one without tpot."""
    random = Random(6)
    rows: list[Json] = []
    for i in range(5):
        ttft, output = random.uniform(100, 300), random.uniform(200, 900)
        rows.append(
            {
                "ttft": ttft,
                "tpot": None if i == 2 else output / 19,
                "e2e_latency": ttft + output,
                "output_latency": output,
                "num_input_tokens": 7,
                "num_output_tokens": 20,
                "total_tokens": 27,
                "error_code": 429 if i == 4 else None,
                "error_message": "m" if i == 4 else None,
            }
        )
    good = rows[:4]
    stats = {}
    for name in ("ttft", "tpot", "e2e_latency", "num_output_tokens"):
        xs = [float(row[name]) for row in good if row[name] is not None]
        stats[name] = {"mean": mean(xs), "stddev": std(xs), "min": min(xs), "max": max(xs)}
        stats[name] |= {"sum": sum(xs), "p50": linear(xs, 50), "p99": linear(xs, 99)}
    aggregated = {
        "num_concurrency": 2,
        "run_duration": 8.0,
        "mean_output_throughput_tokens_per_s": 80 / 8.0,
        "mean_input_throughput_tokens_per_s": 28 / 8.0,
        "mean_total_tokens_throughput_tokens_per_s": 108 / 8.0,
        "mean_total_chars_per_hour": 1e6,
        "requests_per_second": 4 / 8.0,
        "error_rate": 0,
        "num_error_requests": 1,
        "num_completed_requests": 4,
        "num_requests": 5,
        "stats": stats | {"network_dns_time": {"mean": None}},
    }
    content = {
        "aggregated_metrics": aggregated,
        "individual_request_metrics": rows,
        "_time_unit": "ms",
    }
    return write(folder / "D100.json", content)


# ---- nano-vLLM, Etalon, GenAI-Perf --------------------------------------------------------------


def nanovllm(folder: Path) -> Path:
    """Four interactive requests, of which one is late and one stalls, and two long ones."""
    random = Random(8)
    rows: list[Json] = []
    for i in range(6):
        arrival = 0.5 * i
        at = arrival + (5.5 if i == 1 else random.uniform(0.1, 0.9))
        times = [at]
        for k in range(5):
            at += 1.4 if i == 2 and k == 3 else random.uniform(0.01, 0.1)
            times.append(at)
        rows.append(
            {
                "request_id": f"r{i}",
                "request_class": "long" if i > 3 else "interactive",
                "arrival_at": arrival,
                "token_timestamps": times,
                "terminal_state": "Finished",
            }
        )
    quick = rows[:4]
    ttft = [(r["token_timestamps"][0] - r["arrival_at"]) * 1e3 for r in quick]
    gaps = [
        [(b - a) * 1e3 for a, b in itertools.pairwise(t)]
        for t in (r["token_timestamps"] for r in quick)
    ]
    good = sum(t <= 5000 and linear(g, 99) <= 1000 for t, g in zip(ttft, gaps, strict=True))
    pooled = [gap for part in gaps for gap in part]
    summary = {
        "measurement": {"start": 0.0, "end": 4.0, "duration": 4.0, "eligible_requests": 6},
        "terminal_counts": {"Finished": 6, "Rejected": 0, "submitted": 6, "reconciled": True},
        "interactive": {
            "submitted": 4,
            "ttft_ms": {"count": 4, "p50": linear(ttft, 50), "p99": linear(ttft, 99)},
            "itl_ms": {"count": 20, "p50": linear(pooled, 50), "max": max(pooled)},
            "slo_successes": good,
            "slo_goodput_rps": good / 4.0,
        },
        "long": {
            "submitted": 2,
            "finished": 2,
            "request_goodput_rps": 0.5,
            "token_goodput_tps": 3.0,
        },
        "output_throughput_tps": 36 / 4.0,
    }
    assert good == 2
    metrics = {"ttft_p50_ms": linear(ttft, 50), "offered_rps": 2.4, "queue": {"mean": 0.2}}
    content = {
        "schema_version": 1,
        "summary": summary,
        "characterization": {"seed": 3, "metrics": metrics},
        "requests": rows,
    }
    return write(folder / "load1.json", content)


def etalon(folder: Path) -> Path:
    """Five rows, one of them errored, which counts with zeros; deadlines of 0.1 s and 0.05 s."""
    gaps = [[0.04, 0.0, 0.06], [0.03, 0.2], [], [0.01, 0.01, 0.01, 0.01], [0.04]]
    ttft = [0.08, 0.3, 0.0, 0.05, 0.12]
    columns: dict[str, list[Any]] = {
        "num_prompt_tokens": [7, 8, 9, 7, 8],
        "num_output_tokens": [len(g) + 1 if t else 0 for t, g in zip(ttft, gaps, strict=True)],
        "tpot": [mean(g) if g else 0.0 for g in gaps],
        "ttft": ttft,
        "tbt": gaps,
        "end_to_end_latency": [t + sum(g) for t, g in zip(ttft, gaps, strict=True)],
    }
    spelled = {
        "num_prompt_tokens": "Number of Prompt Tokens",
        "ttft": "Time to First Token",
        "tpot": "Time per Output Token",
        "tbt": "Time Between Tokens",
        "end_to_end_latency": "End to End Latency",
    }
    stats: Json = {
        "Number of Requests": 5,
        "Number of Errored Requests": 1,
        "Number of Completed Requests": 4,
        "Error Rate": 0.2,
        "Deadline Miss Rate with 0.05s TBT Deadline, 0.1s TTFT Deadline (Mean)": 0.3,
    }
    for name, words in spelled.items():
        xs = [x for row in columns[name] for x in (row if isinstance(row, list) else [row])]
        ordered = sorted(xs)
        stats[f"{words} (Mean)"] = mean(xs)
        for q in (50, 90, 99):
            stats[f"{words} (P{q})"] = ordered[q * (len(xs) - 1) // 100] * 1.0009
    # Late: 0.3 and 0.2 of the second row, 0.12 of the last, each by the periods it slept through.
    missed = int(1 + (0.3 - 0.1) // 0.05) + int((0.2 - (0.05 - 0.03)) // 0.05)
    missed += int(1 + (0.12 - 0.1) // 0.05)
    on_time = 4 + 1 + 5 + 1
    total = missed + on_time
    stats["Deadline Miss Rate"] = missed / total
    write(folder / "error_stats.json", stats)
    service = {
        "service_level_missed_deadlines": missed,
        "service_level_total_deadlines": total,
        "service_level_deadline_miss_rate": missed / total,
    }
    write(folder / "service_level_metrics.json", service)
    xs = [float(x) for x in columns["num_prompt_tokens"]]
    header = ",".join(f"Number of Prompt Tokens ({w})" for w in ("Mean", "P50", "P90", "P99"))
    row = f"{mean(xs):.5f},8.00700,8.00700,8.00700"
    (folder / "perf_metrics.csv").write_text(f"{header}\n{row}")
    return write(folder / "request_level_metrics.json", columns)


def genai_perf(folder: Path) -> Path:
    """Four requests: role, usage and [DONE] have no content; one has none at all; one is splintered."""

    def content(text: str) -> str:
        return "data: " + json.dumps({"choices": [{"delta": {"content": text}}]}) + "\n\n"

    base, ms = 1_800_000_000_000_000_000, 10**6
    role = "data: " + json.dumps({"choices": [{"delta": {"role": "assistant"}}]}) + "\n\n"
    done = "data: [DONE]\n\n"
    answers = [
        [(5, role), (50, content("a")), (62, content("b")), (80, content("c")), (81, done)],
        [(40, content("a")), (55, content("b") + content("c"))],
        [(5, role), (6, done)],
        [(30, content("ab")[:25]), (31, content("ab")[25:]), (45, content("c")), (46, done)],
    ]
    requests = [
        {
            "timestamp": base + i * 100 * ms,
            "request_inputs": {"payload": "{}"},
            "response_timestamps": [base + i * 100 * ms + at * ms for at, _ in answer],
            "response_outputs": [{"response": text} for _, text in answer],
        }
        for i, answer in enumerate(answers)
    ]
    ttft, ttst, latency = [50.0, 40.0, 30.0], [12.0, 15.0, 15.0], [80.0, 55.0, 45.0]
    duration = (300 + 46) / 1e3
    summary = {
        "request_throughput": {"unit": "requests/sec", "avg": 4 / duration},
        "request_count": {"unit": "count", "avg": 4},
        "time_to_first_token": {"unit": "ms", "avg": mean(ttft), "p99": linear(ttft, 99)},
        "time_to_second_token": {"unit": "ms", "avg": mean(ttst), "std": std(ttst)},
        "request_latency": {"unit": "ms", "avg": mean(latency), "max": 80.0, "std": std(latency)},
        "output_sequence_length": {"unit": "tokens", "avg": 3.0},
        "inter_token_latency": {"unit": "ms", "avg": 9.0},
        "output_token_throughput": {"unit": "tokens/sec", "avg": 9 / duration},
        "request_goodput": {"unit": "requests/sec", "avg": 2 / duration},
        "input_config": {"goodput": {"time_to_first_token": 45.0, "request_latency": 70.0}},
    }
    write(folder / "profile_export_genai_perf.json", summary)
    boundaries = [base, base + S]
    experiment = {"experiment": {"mode": "concurrency", "value": 1}, "requests": requests}
    content_of = {
        "experiments": [experiment | {"window_boundaries": boundaries}],
        "version": "2.60",
    }
    return write(folder / "profile_export.json", content_of)


EVERY: dict[str, Callable[[Path], Path]] = {
    make.__name__: make
    for make in (
        vllm,
        vllm_newer,
        sglang,
        aiperf,
        aiperf_older,
        guidellm,
        guidellm_06,
        guidellm_03,
        inference_perf,
        llmperf,
        genai_bench,
        nanovllm,
        etalon,
        genai_perf,
    )
}
