"""``sgengine capacity``: a table of runs by rate, what they show, JSON and exit codes."""

from __future__ import annotations

import pytest

from tests.cli.support import MS, document, good, lines, refused, run, strict, trace


def sweep(folder, rate, ttft_ms, requests=41):
    """A run of even arrivals, every tenth request with its first token at ``ttft_ms``, else at 100."""
    times = [[ttft_ms if k % 10 == 0 else 100, ttft_ms + 100] for k in range(requests)]
    arrivals = [k * 1000 * MS // rate for k in range(requests)]
    columns = {
        "arrival_ns": arrivals,
        "system": ["s"] * requests,
        "clock": ["monotonic"] * requests,
    }
    return trace(folder / f"at-{rate}.parquet", times, **columns)


@pytest.fixture
def paths(tmp_path):
    return [sweep(tmp_path, rate, ttft) for rate, ttft in ((1, 200), (2, 200), (4, 900))]


def test_the_table_has_a_line_a_run_and_says_what_they_show(paths):
    text = good("capacity", *paths, "--goodput", "ttft:500", "--attainment", "0.95", "--gpus", "4")
    assert "\ns default\n" in text
    rows = [line.split() for line in text.splitlines() if line.startswith("at-")]
    assert [row[:4] for row in rows] == [
        ["at-1", "1.00", "observed", "41"],
        ["at-2", "2.00", "observed", "41"],
        ["at-4", "4.00", "observed", "41"],
    ]
    assert [row[6] for row in rows] == ["100.00", "100.00", "87.80"]
    assert "\ncapacity at 95 %: 2.00 req/s\n" in text
    assert "\ncapacity per GPU, of 4: 0.50 req/s\n" in text
    assert "\nbest rate: 2.00 req/s, smooth goodput 4.04\n" in text


def test_what_is_open_fails_or_has_no_slo_is_said(paths):
    slo = ("--goodput", "ttft:500")
    assert "open, 2.00 req/s or more: the highest" in good("capacity", *paths[:2], *slo)
    assert "none, below 4.00 req/s: the lowest" in good("capacity", paths[2], *slo)
    text = good("capacity", *paths)
    assert "capacity at 90 %: none: no SLO is given (--goodput)\n" in text
    assert "best rate: 2.00 req/s" in text
    assert "; the highest offered: the best may lie above\n" in good("capacity", *paths[:2])
    assert "per GPU" not in text


def test_the_document(paths):
    found = document("capacity", *paths, "--goodput", "ttft:500", "--by", "system")
    assert (found["settings"]["attainment"], found["settings"]["gpus"]) == (0.9, None)
    assert found["settings"]["slo"] == ["ttft:500ms"]
    assert found["settings"]["by"] == ["system"]
    (group,) = found["groups"]
    assert group["by"] == {"system": "s"}
    assert group["capacity"] == {"verdict": "found", "rate": 2.0, "at_least": None, "below": None}
    assert group["capacity_per_gpu"] is None
    assert (group["best_rate"]["rate"], group["best_rate"]["edge"]) == (2.0, None)
    assert [each["rate"] for each in group["runs"]] == [1.0, 2.0, 4.0]
    assert [source["run"] for source in found["sources"]] == ["at-1", "at-2", "at-4"]


def test_a_run_without_a_rate_is_left_out_by_name(paths, tmp_path):
    alone = sweep(tmp_path, 8, 100, requests=1)
    text = good("capacity", *paths, alone, "--goodput", "ttft:500")
    assert "\nleft out: run at-8: no rate: all its requests arrive at one time\n" in text
    text = good("capacity", alone, "--goodput", "ttft:500")
    assert "capacity at 90 %: none: no run has an offered rate\n" in text


def test_rows_that_were_not_measured_are_told(paths, tmp_path):
    broken = trace(tmp_path / "broken.parquet", [[5, 4], [100]], system=["s", "s"])
    result = run("capacity", *paths, broken, "--json")
    assert result.exit_code == 1
    assert "decreasing_times" in lines(result.stderr)[0]
    assert len(strict(result.stdout)["groups"][0]["runs"]) == 4


def test_wrong_calls_are_refused(paths):
    for share in ("0", "1.5", "nan"):
        refused(run("capacity", paths[0], "--attainment", share), 2, "attainment", "0.9")
    refused(run("capacity", paths[0], "--gpus", "0"), 2, "gpus is 0")
    refused(run("capacity", paths[0], "--by", "nothing"), 2, "by names nothing")
    refused(run("capacity", "none.parquet"), 2, "does not exist")
