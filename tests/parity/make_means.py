"""Files of inference-perf, LLMPerf and genai-bench."""

from __future__ import annotations

import itertools
from pathlib import Path
from random import Random

from tests.parity.made_files import Json, write
from tests.parity.plain import linear, mean, std

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
