"""Recorded files of real clients: their own figures come out of their own detail.

The files are not the project's; these tests skip where they are absent.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from sgengine.parity import BOUNDED, MATCH, MISMATCH, OPEN, RunParity, parity

SHARED = Path(__file__).parents[3] / "shared" / "traces"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded files are not here")

DETAILS = (
    "vllm/*/*.json",
    "aiperf/*/profile_export.jsonl",
    "guidellm/*/*.json",
    "llmperf/*/*_individual_responses.json",
    "genai-bench/*/*.json",
    "sglang/*/*.jsonl",
    "nanovllm-custom/*/*.json",
    "_mock-server/sglang/*.jsonl",
    "_mock-server/aiperf-0.13.0/profile_export.jsonl",
    "_mock-server/guidellm-0.8.1/benchmarks.json",
    "_mock-server/inference-perf-0.5.0/per_request_lifecycle_metrics.json",
)
FILES = sorted(path for pattern in DETAILS for path in SHARED.glob(pattern))
WITHOUT_DETAIL = "summary-only"

EXACT = 1e-12
"""What the same doubles may differ by when they are added in another order."""

ENTIRE = {
    "aiperf": ("time_to_first_token", "ttft", "request_latency", "inter_", "request_count"),
    "guidellm": ("metrics/",),
    "genai-bench": ("stats/", "mean_output", "requests_per_second"),
    "inference-perf": ("successes/latency", "successes/throughput", "benchmark_time_seconds"),
    "llmperf": ("results_ttft", "results_end", "results_inter", "results_mean", "results_number"),
    "nanovllm": ("summary/",),
    "sglang": (
        "mean_e2e",
        "mean_ttft",
        "std_ttft",
        "p99_ttft",
        "mean_itl",
        "p99_itl",
        "request_thr",
    ),
    "vllm": ("mean_ttft", "std_ttft", "p99_ttft", "mean_itl", "std_itl", "p99_itl", "request_thr"),
}
"""Figures that must be recomputed exactly, by how their places begin."""

NOT_EXACT = ("_ci/", "_cis/")


@cache
def runs_of(path: Path) -> tuple[RunParity, ...]:
    found = parity(path)
    assert found.failures == ()
    return found.runs


def test_the_recorded_files_are_all_there():
    assert len(FILES) >= 19


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem[:30]}")
def test_no_figure_of_a_recorded_file_differs(path):
    for run in runs_of(path):
        wrong = [row for row in run.rows if row.verdict == MISMATCH]
        assert wrong == []
        exact = [row for row in run.rows if row.verdict == MATCH]
        assert max((row.difference or 0.0 for row in exact), default=0.0) <= EXACT
        assert all(row.why for row in run.rows if row.verdict != OPEN)
        assert all(row.reason for row in run.rows if row.verdict in (OPEN, BOUNDED))


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if WITHOUT_DETAIL not in str(path)],
    ids=lambda p: f"{p.parent.name}/{p.stem[:30]}",
)
def test_figures_that_were_recomputed_by_hand_are_exact(path):
    for run in runs_of(path):
        kinds: Counter[str] = Counter()
        for row in run.rows:
            if row.figure.startswith(ENTIRE[run.client]) and not any(
                part in row.figure for part in NOT_EXACT
            ):
                kinds[row.verdict] += 1
        assert kinds[MATCH] >= 7
        assert set(kinds) == {MATCH}, [r for r in run.rows if r.verdict not in (MATCH, OPEN)][:3]


def test_ours_stands_beside_the_clients():
    (run,) = runs_of(
        SHARED
        / "vllm/qwen3-8b-awq-in128_out512_c8"
        / next(p.name for p in FILES if p.parent.name.startswith("qwen3-8b"))
    )
    rows = {row.figure: row for row in run.rows}
    assert rows["mean_itl_ms"].ours == pytest.approx(rows["mean_itl_ms"].stated, rel=1e-9)
    assert rows["mean_itl_ms"].why == "ours equals it"
    assert rows["mean_tpot_ms"].verdict == BOUNDED


def test_a_summary_without_detail_says_so_and_still_adds_up():
    (path,) = (path for path in FILES if WITHOUT_DETAIL in str(path))
    (run,) = runs_of(path)
    rows = {row.figure: row for row in run.rows}
    assert rows["mean_e2e_latency_ms"].verdict == MATCH
    assert rows["request_throughput"].verdict == MATCH
    assert "--output-details" in rows["mean_ttft_ms"].reason


def test_a_folder_is_taken_whole():
    found = parity(SHARED / "_mock-server")
    assert {run.client for run in found.runs} == {"sglang", "aiperf", "guidellm", "inference-perf"}
    assert found.is_clean
    assert all("give that" in file.reason for file in found.skipped)
