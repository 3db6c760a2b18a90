"""Files of GuideLLM in three schemas."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

from tests.parity.made_files import Json, write
from tests.parity.plain import inverted, weighted_mean

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
