"""Made files of every client, their summaries computed by plain formulas: parity finds the same.

What the formulas cannot say (bounds, what is not recomputable) is asserted by name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sgengine.errors import DataError
from sgengine.parity import BOUNDED, CLIENTS, MATCH, MISMATCH, OPEN, Parity, Row, parity
from tests.parity import make

SUMMARIES = {
    "aiperf": "profile_export_aiperf.json",
    "aiperf_older": "profile_export_aiperf.json",
    "inference_perf": "summary_lifecycle_metrics.json",
    "llmperf": "m_10_20_summary.json",
    "etalon": "error_stats.json",
    "genai_perf": "profile_export_genai_perf.json",
}
"""Where the figures are, where not in the detail itself."""

LEAST = {"vllm": 17, "guidellm": 100, "aiperf": 70, "inference_perf": 250, "llmperf": 45}


def rows_of(found: Parity, run: int = 0) -> dict[str, Row]:
    return {row.figure: row for row in found.runs[run].rows}


@pytest.mark.parametrize("name", make.EVERY)
def test_the_figures_of_a_made_file_are_recomputed(name, tmp_path):
    found = parity(make.EVERY[name](tmp_path))
    assert found.is_clean
    for run in found.runs:
        wrong = [row for row in run.rows if row.verdict == MISMATCH]
        assert wrong == []
        assert all(row.reason for row in run.rows if row.verdict in (OPEN, BOUNDED))
    assert sum(run.counts[MATCH] for run in found.runs) >= LEAST.get(name, 10)


@pytest.mark.parametrize("name", make.EVERY)
def test_ours_stands_beside_figures_of_every_client(name, tmp_path):
    found = parity(make.EVERY[name](tmp_path))
    run = found.runs[0]
    assert run.note is None
    beside = [row for row in run.rows if row.ours is not None]
    assert len(beside) >= 3
    assert all(row.why for row in beside)


def test_every_client_has_a_made_file(tmp_path):
    made = set()
    for name, write in make.EVERY.items():
        folder = tmp_path / name
        folder.mkdir()
        made |= {run.client for run in parity(write(folder)).runs}
    assert made == {client.name for client in CLIENTS}


def summary_of(name: str, detail: Path) -> Path:
    return detail.with_name(SUMMARIES[name]) if name in SUMMARIES else detail


def changed(tree: Any, factor: float, path: tuple[str | int, ...]) -> None:
    """Multiply one number of nested JSON."""
    *above, last = path
    for key in above:
        tree = tree[key]
    assert isinstance(tree[last], int | float)
    tree[last] *= factor


@pytest.mark.parametrize(
    ("name", "path", "factor"),
    [
        ("vllm", ("p99_ttft_ms",), 1.0001),
        ("vllm", ("mean_e2el_ms",), 1.01),
        ("vllm", ("mean_tpot_ms",), 0.999),
        ("vllm", ("max_output_tokens_per_s",), 2),
        ("aiperf", ("request_throughput", "avg"), 1.001),
        ("aiperf", ("inter_chunk_latency", "std"), 1.0001),
        ("aiperf", ("inter_chunk_latency", "p99"), 1.002),
        ("aiperf", ("adj_time_to_first_token", "p50"), 1.0001),
        ("aiperf", ("goodput", "avg"), 1.01),
        ("aiperf_older", ("records", "output_token_throughput", "avg"), 1.00001),
        (
            "guidellm",
            ("benchmarks", 0, "metrics", "inter_token_latency_ms", "successful", "mean"),
            1.0001,
        ),
        ("guidellm", ("benchmarks", 0, "metrics", "slo_attainment"), 1.01),
        (
            "guidellm_06",
            ("benchmarks", 1, "metrics", "output_tokens_per_second", "successful", "mean"),
            1.001,
        ),
        (
            "guidellm_03",
            ("benchmarks", 0, "metrics", "time_per_output_token_ms", "successful", "std_dev"),
            1.001,
        ),
        ("inference_perf", ("successes", "latency", "inter_token_latency", "p90"), 1.01),
        ("inference_perf", ("successes", "goodput_metrics", "goodput_percentage"), 1.01),
        ("llmperf", ("results_ttft_s_stddev",), 1.0001),
        ("genai_bench", ("aggregated_metrics", "stats", "tpot", "p99"), 1.0001),
        ("nanovllm", ("summary", "interactive", "slo_goodput_rps"), 1.5),
        ("nanovllm", ("summary", "output_throughput_tps"), 0.9),
        ("etalon", ("Time Between Tokens (P90)",), 1.002),
        ("etalon", ("Deadline Miss Rate",), 1.01),
        ("genai_perf", ("request_latency", "avg"), 1.0001),
        ("genai_perf", ("request_goodput", "avg"), 1.5),
    ],
)
def test_a_changed_figure_is_a_mismatch(name, path, factor, tmp_path):
    detail = make.EVERY[name](tmp_path)
    place = summary_of(name, detail)
    content = json.loads(place.read_text())
    changed(content, factor, path)
    place.write_text(json.dumps(content))
    found = parity(detail)
    assert found.mismatches == 1
    assert not found.is_clean
    (row,) = [row for run in found.runs for row in run.rows if row.verdict == MISMATCH]
    assert row.figure.split("/")[-1] in (path[-1], f"{path[-1]}")


def test_changed_detail_is_a_mismatch(tmp_path):
    run = make.vllm_run(newer=True)
    run["itls"][0][0] += 1e-6
    found = parity(make.write(tmp_path / "x.json", run))
    assert {row.figure for row in found.runs[0].rows if row.verdict == MISMATCH} >= {"mean_itl_ms"}


class TestVllm:
    def test_ends_are_bounded_without_latencies(self, tmp_path):
        rows = rows_of(parity(make.vllm(tmp_path)))
        row = rows["mean_e2el_ms"]
        assert row.verdict == BOUNDED
        assert row.recomputed is not None
        assert row.recomputed_max is not None
        assert row.recomputed < row.stated < row.recomputed_max

    def test_ends_are_exact_with_latencies_in_every_run(self, tmp_path):
        found = parity(make.vllm_newer(tmp_path))
        assert [run.run for run in found.runs] == ["#1", "#2"]
        assert {rows_of(found, run)["std_tpot_ms"].verdict for run in (0, 1)} == {MATCH}

    def test_goodput_says_that_its_objectives_are_missing(self, tmp_path):
        row = rows_of(parity(make.vllm(tmp_path)))["request_goodput"]
        assert (row.verdict, "SLO" in row.reason) == (OPEN, True)

    def test_a_summary_alone_still_adds_up(self, tmp_path):
        run = make.vllm_run(newer=False)
        for name in ("input_lens", "output_lens", "ttfts", "itls", "errors", "start_times"):
            del run[name]
        found = parity(make.write(tmp_path / "x.json", run))
        rows = rows_of(found)
        assert rows["output_throughput"].verdict == MATCH
        assert "--save-detailed" in rows["mean_ttft_ms"].reason
        assert found.runs[0].note

    def test_latencies_are_enough_for_ends(self, tmp_path):
        run = make.vllm_run(newer=True)
        for name in ("input_lens", "output_lens", "ttfts", "itls", "errors", "start_times"):
            del run[name]
        rows = rows_of(parity(make.write(tmp_path / "x.json", run)))
        assert rows["p99_e2el_ms"].verdict == MATCH
        assert rows["mean_ttft_ms"].verdict == OPEN


class TestSglang:
    def test_only_the_mean_end_is_exact(self, tmp_path):
        rows = rows_of(parity(make.sglang(tmp_path)))
        assert rows["mean_e2e_latency_ms"].verdict == MATCH
        assert rows["median_e2e_latency_ms"].verdict == BOUNDED
        assert rows["median_e2e_latency_ms"].recomputed_max == float("inf")
        assert rows["std_e2e_latency_ms"].verdict == OPEN

    def test_attainment_is_of_requests_sent(self, tmp_path):
        rows = rows_of(parity(make.sglang(tmp_path)))
        assert rows["slo_attainment_by_metric/ttft"].verdict == MATCH
        assert rows["slo_attainment"].verdict == BOUNDED

    def test_an_end_before_the_last_token_is_a_mismatch(self, tmp_path):
        run = make.sglang_run(1)
        run["p99_e2e_latency_ms"] = 1.0
        (tmp_path / "x.jsonl").write_text(json.dumps(run))
        assert rows_of(parity(tmp_path / "x.jsonl"))["p99_e2e_latency_ms"].verdict == MISMATCH

    def test_gaps_of_speculative_decoding_are_not_recomputed(self, tmp_path):
        run = make.sglang_run(1) | {"backend": "sglang-oai", "accept_length": 2.5}
        (tmp_path / "x.jsonl").write_text(json.dumps(run))
        row = rows_of(parity(tmp_path / "x.jsonl"))["mean_itl_ms"]
        assert (row.verdict, "speculative" in row.reason) == (OPEN, True)


class TestGuidellm:
    def test_a_sample_of_requests_gives_nothing(self, tmp_path):
        path = make.guidellm(tmp_path)
        content = json.loads(path.read_text())
        content["benchmarks"][0]["scheduler_metrics"]["requests_made"]["total"] = 99
        path.write_text(json.dumps(content))
        (run,) = parity(path).runs
        assert run.counts[MATCH] == 0
        assert any("sample" in row.reason for row in run.rows)

    def test_the_span_of_token_rates_begins_at_the_first_token_before_08(self, tmp_path):
        place = "metrics/output_tokens_per_second/successful/mean"
        old = rows_of(parity(make.guidellm_06(tmp_path)))[place]
        new = rows_of(parity(make.guidellm(tmp_path)))[place]
        assert old.verdict == new.verdict == MATCH
        assert old.stated != pytest.approx(new.stated)

    def test_ours_is_of_all_requests_and_stands_beside_no_other_status(self, tmp_path):
        rows = rows_of(parity(make.guidellm(tmp_path)))
        assert rows["metrics/request_latency/successful/mean"].ours is not None
        assert rows["metrics/request_latency/errored/mean"].ours is None


class TestInferencePerf:
    def test_stages_are_recomputed_by_their_counts(self, tmp_path):
        found = parity(make.inference_perf(tmp_path))
        assert [run.run for run in found.runs] == ["summary", "stage 0", "stage 1"]

    def test_stages_that_do_not_add_up_are_not_recomputed(self, tmp_path):
        detail = make.inference_perf(tmp_path)
        stage = tmp_path / "stage_1_lifecycle_metrics.json"
        content = json.loads(stage.read_text())
        content["load_summary"]["count"] = 4
        stage.write_text(json.dumps(content))
        counts = [run.counts for run in parity(detail).runs]
        assert counts[0][MATCH] > 50
        assert [count[MATCH] for count in counts[1:]] == [0, 0]

    def test_the_servers_tokens_are_told_by_the_throughput(self, tmp_path):
        detail = make.inference_perf(tmp_path)
        rows = json.loads(detail.read_text())
        for row in rows:
            answer = row["info"]["response_metrics"]
            if answer:
                answer["server_usage"]["completion_tokens"] = answer["output_tokens"] + 2
                answer["output_tokens"] += 2
        reports = {"summary": rows, "stage_0": rows[:5], "stage_1": rows[5:]}
        for name, part in reports.items():
            report = make.inference_report(part)
            make.write(tmp_path / f"{name}_lifecycle_metrics.json", report)
        for row in rows:
            if row["info"]["response_metrics"]:
                row["info"]["response_metrics"]["output_tokens"] -= 2
        make.write(detail, rows)
        assert parity(detail).is_clean


def test_a_folder_of_all_is_taken_at_once_and_summaries_are_no_runs(tmp_path):
    for name, write in make.EVERY.items():
        folder = tmp_path / name
        folder.mkdir()
        write(folder)
    (tmp_path / "readme.txt").write_text("no client's")
    found = parity(tmp_path)
    assert found.is_clean
    assert {run.client for run in found.runs} == {client.name for client in CLIENTS}
    assert {Path(file.path).name for file in found.skipped} >= {"readme.txt", "error_stats.json"}


def test_a_detail_without_its_summary_says_which_is_missing(tmp_path):
    for name, summary in SUMMARIES.items():
        if name in ("etalon", "inference_perf"):
            continue
        detail = make.EVERY[name](tmp_path)
        (tmp_path / summary).unlink()
        with pytest.raises(DataError, match=f"has no {summary} beside it"):
            parity(detail)
