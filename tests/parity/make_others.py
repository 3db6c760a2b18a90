"""Files of the nano-vLLM harness, Etalon and GenAI-Perf."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from random import Random
from typing import Any

from tests.parity.made_files import Json, S, write
from tests.parity.plain import linear, mean, std


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
