"""``sgengine audit``: both sides on a page and in JSON, the order of operations, exit codes."""

from __future__ import annotations

import pytest

from tests.cli.support import MS, document, good, lines, refused, run, strict, trace

TIMES = [[100, 300, 500], [100, 200, 5500], [300, 320, 340]]
"""On time at 5 tokens/s; a stall of 5.3 s of which 4.9 are waited; a first token 0.1 s late."""


@pytest.fixture
def path(tmp_path):
    return trace(tmp_path / "x.parquet", TIMES)


def cells(text, title):
    """The cells of the first line of a table that begins with ``title``."""
    line = next(line for line in text.splitlines() if line.startswith(title))
    return line.removeprefix(title).split()


def test_a_delay_by_hand(path):
    """tbt:150: gaps of 200; of 100 and 5300; of 20, 20, which become 150, 150."""
    text = good("audit", path, "--delay", "tbt:150")
    assert "\nSLO: tbt:150ms\n" in text
    assert "delay tbt:150ms: each chunk is held back until 150ms after the one before it\n" in text
    assert cells(text, "requests") == ["3", "3"]
    assert cells(text, "SLO met, %") == ["33.33", "33.33"]
    assert cells(text, "e2e_latency, count") == ["3", "3"]
    assert "\n  mean, ms" in text
    assert "\n2 delayed\n" in text


def test_abandoning_by_hand(path):
    """pace:200: lost at 600 ms (token 3) and at 200 ms (token 1): 1 + 3 tokens for 5 s less."""
    text = good("audit", path, "--abandon", "pace:200", "--alpha", "1")
    assert cells(text, "  cancelled") == ["0", "2", "+2"]
    assert cells(text, "SLO met, %") == ["33.33", "33.33"]
    assert cells(text, "SLO met of ok requests, %") == ["33.33", "100.00", "+66.67"]
    assert "\n2 cut\n4 tokens lost, waiting spared: 5.00 s; 1 requests gain, 1 lose\n" in text
    assert "abandoning pays at every alpha above 0.8\n" in text
    assert "at alpha 1 pays while the unfinished idle is below 0.5 s\n" in text
    assert "no request gains from an unfinished idle of 3.9 s on\n" in text


def test_the_document_has_both_sides_and_their_difference(path):
    found = document("audit", path, "--abandon", "pace:200", "--unfinished-idle", "1s")
    assert found["operations"] == [{"kind": "abandon", "value": "pace:200ms"}]
    assert found["settings"]["slo"] == ["pace:200ms"]
    assert found["settings"]["benefit"]["unfinished_idle_s"] == 1.0
    (group,) = found["groups"]
    assert group["by"] == {"system": "x", "workload": "default"}
    assert set(group["before"]) == set(group["after"])
    assert group["change"]["status"]["cancelled"] == 2
    before, after = (group[side]["smooth_goodput"] for side in ("before", "after"))
    assert group["change"]["smooth_goodput"] == after - before
    assert group["effects"] == {
        "delayed": 0,
        "cut": 2,
        "undetermined": 0,
        "unknown": 0,
        "unfinished": 2,
        "gaining": 1,
        "losing": 1,
        "lost_tokens": 4,
        "spared_s": 5.0,
    }
    assert group["break_even"]["alpha"] == 4 / 3
    assert group["break_even"]["benefit_change"] == 3.5
    assert [source["rows_measured"] for source in found["sources"]] == [3]


def test_what_cannot_be_told_is_null_in_the_document(tmp_path):
    """First and last token alone, cut before the first: its waiting has bounds only."""
    times = {"ttft_ns": [900 * MS], "last_ns": [2000 * MS], "output_tokens": [5]}
    path = trace(tmp_path / "x.parquet", [[]], **times, timing=["first_last"])
    import pyarrow.parquet as pq

    pq.write_table(pq.read_table(path).drop(["chunk_times_ns"]), path)
    (group,) = document("audit", path, "--abandon", "ttft:500")["groups"]
    assert (group["effects"]["unknown"], group["effects"]["spared_s"]) == (1, None)
    assert group["break_even"]["alpha"] is None
    assert "waiting spared: unknown" in good("audit", path, "--abandon", "ttft:500")


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("--delay tbt:150 --abandon e2e:400", ["delay", "abandon"]),
        ("--abandon e2e:400 --delay tbt:150", ["abandon", "delay"]),
        ("--abandon ttft:1s e2e:400 --delay=tbt:150", ["abandon", "delay"]),
        ("--abandon ttft:1s --delay tbt:150 --abandon e2e:400", ["abandon", "delay"]),
    ],
)
def test_operations_are_done_in_the_order_given(path, words, kinds):
    found = document("audit", *words.split(), path)
    assert [each["kind"] for each in found["operations"]] == kinds
    slo = "e2e:400ms" if "ttft" not in words else "ttft:1s e2e:400ms"
    values = {"delay": "tbt:150ms", "abandon": slo}
    assert [each["value"] for each in found["operations"]] == [values[kind] for kind in kinds]


def test_rows_that_were_not_measured_are_told(tmp_path):
    path = trace(tmp_path / "x.parquet", [[5, 4], *TIMES])
    result = run("audit", path, "--delay", "tbt:150", "--json")
    assert result.exit_code == 1
    assert "decreasing_times" in lines(result.stderr)[0]
    assert strict(result.stdout)["groups"][0]["before"]["requests"] == 3


def test_wrong_calls_are_refused(path):
    refused(run("audit", path), 2, "--delay", "--abandon")
    refused(run("audit", path, "--delay", "ttft:5"), 2, "delay is 'ttft:5'", "tbt:100ms")
    refused(run("audit", path, "--delay", "tbt:1", "--delay", "tbt:2"), 2, "once")
    refused(run("audit", path, "--abandon", "tokens:0.9@100ms"), 2, "tokens", "pace")
    refused(run("audit", path, "--abandon", "itl:5"), 2, "two things")
    refused(run("audit", path, "--delay", "tbt:1", "--by", "status"), 2, "by names status")
    refused(run("audit", path, "--delay", "tbt:1", "--by", "nothing"), 2, "by names nothing")
