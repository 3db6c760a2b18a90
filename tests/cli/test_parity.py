"""``sgengine parity``: table, JSON, exit codes."""

from __future__ import annotations

import json

import pytest

from tests.cli.support import document, good, lines, refused, run, strict
from tests.parity import make


def spoil(path, factor=1.01):
    content = json.loads(path.read_text())
    content["mean_ttft_ms"] *= factor
    path.write_text(json.dumps(content))
    return path


def test_the_table_shows_the_file_the_recomputed_value_ours_and_why(tmp_path):
    text = good("parity", make.vllm(tmp_path))
    for words in ("figure", "file", "recomputed", "ours", "why ours differs", "mean_ttft_ms"):
        assert words in text
    assert "17 match, 8 bounded, 0 mismatch, 2 not recomputed" in text
    assert "the file does not say which SLO" in text


def test_all_shows_every_figure(tmp_path):
    path = make.aiperf(tmp_path)
    assert "time_to_first_token/p75" not in good("parity", path)
    assert "time_to_first_token/p75" in good("parity", path, "--all")


def test_json_has_every_row(tmp_path):
    found = document("parity", make.vllm(tmp_path))
    (one,) = found["runs"]
    rows = {row["figure"]: row for row in one["rows"]}
    assert found["mismatches"] == 0
    assert one["counts"]["match"] == 17
    assert rows["mean_ttft_ms"]["stated"] == pytest.approx(rows["mean_ttft_ms"]["recomputed"])
    assert rows["mean_ttft_ms"]["ours"]
    assert rows["request_goodput"]["reason"]


def test_a_mismatch_exits_with_1(tmp_path):
    path = spoil(make.vllm(tmp_path))
    shown, printed = run("parity", path), run("parity", path, "--json")
    assert (shown.exit_code, printed.exit_code) == (1, 1)
    assert "mismatch" in shown.stdout
    assert strict(printed.stdout)["mismatches"] == 1


def test_summaries_in_a_folder_are_noted(tmp_path):
    make.llmperf(tmp_path)
    result = run("parity", tmp_path)
    assert result.exit_code == 0
    (line,) = lines(result.stderr)
    assert "m_10_20_summary.json" in line


def test_damage_exits_with_1_in_one_line(tmp_path):
    make.aiperf(tmp_path)
    (tmp_path / "profile_export_aiperf.json").write_text("{")
    refused(run("parity", tmp_path / "profile_export.jsonl"), 1, "profile_export_aiperf.json")


def test_a_folder_without_a_result_says_of_its_file_what_it_is(tmp_path):
    path = tmp_path / "some.json"
    path.write_text("{}")
    refused(run("parity", tmp_path), 1, f"{path} is JSON of no benchmark client")
    path.write_text("hello")
    refused(run("parity", tmp_path), 1, f"{path} is not JSON")
    refused(run("parity", path), 1, f"{path} is not JSON")


def test_a_wrong_call_exits_with_2(tmp_path):
    refused(run("parity", tmp_path / "absent"), 2, "does not exist")
    assert run("parity").exit_code == 2
