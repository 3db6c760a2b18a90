"""The benchmarks run, at a tiny size, and compare equal results; what they say follows from what they timed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks import compare, run
from benchmarks.budgets import verdicts
from benchmarks.case import Outcome
from benchmarks.curves import POINTS, VERBS, name_of
from benchmarks.table import page
from benchmarks.timing import timed

BUDGETS = {
    "60 % of the memory's read speed",
    "600 M tokens/s",
    "20 % of the memory's read speed",
    "1 G tokens/s",
    "1.2 x decoding alone",
    "1.1 x (decoding + kernels, each alone)",
    "500 M tokens/s, read by all",
    "80 M events/s",
    "1.7 x the best of the others",
    "45 M events/s",
    "1.1 x the best of the others",
    "2 GiB",
    "50 x from the tokens",
    "100 x vllm",
    "100 x guidellm",
    "100 x aiperf",
    "100 x sglang",
    "100 x inference-perf",
    "5 x Polars",
    "5 x DuckDB SQL",
    "1.3 x the fastest parser",
    "0.3 s, warm",
    "1.5 s, warm",
}
"""Of ARCHITECTURE 5 and the issue, those whose text names no size."""


def row(name, seconds=(1.0,), **values):
    plain = {"amount": 1e6, "unit": "tokens", "nbytes": 0, "against": None, "budgets": []}
    rest = {"missing": "", "note": "", "first_s": 1.0, "peak_mib": 10.0, "added_mib": 1.0}
    return {"name": name, "seconds": list(seconds), **plain, **rest, **values}


def budget(ratio, limit, *of):
    return [{"text": "so much", "ratio": ratio, "limit": limit, "of": list(of)}]


def test_every_case_runs_agrees_with_its_contenders_and_shows_up_in_the_table() -> None:
    found = run.results("tiny", apart=False)
    text = page(found)
    measured = [case for case in found["cases"] if not case["missing"]]
    assert all(f"| {case['name']}" in text for case in measured)
    assert len({case["name"] for case in found["cases"]}) == len(found["cases"])
    assert {line["text"] for case in found["cases"] for line in case["budgets"]} >= BUDGETS


@pytest.mark.parametrize(
    ("ratio", "limit", "margin"),
    [
        ("times", 2.0, 2.0),  # 5 s of own, of 2 and 3 s: 1.0
        ("times_least", 2.0, 0.8),  # 5 / 2
        ("faster", 0.2, 2.0),  # 2 / 5
        ("faster_each", 4.0, 1.0),  # 2 s for 1, 5 s for 10
        ("rate", 1.0, 2.0),  # 10 in 5 s
        ("share", 0.25, 1.6),  # 20 bytes in 5 s, 20 in 2 s
        ("seconds", 10.0, 2.0),
        ("peak", 1000.0, 10.0),
    ],
)
def test_a_margin_of_one_and_more_keeps_the_budget(ratio, limit, margin) -> None:
    others = [row("a", [2.0, 9.0, 1.0], amount=1, nbytes=20), row("b", [3.0], amount=1)]
    own = row("own", [5.0], amount=10, nbytes=20, peak_mib=100.0)
    (line,) = verdicts([*others, own | {"budgets": budget(ratio, limit, "a", "b")}])
    assert line.margin == pytest.approx(margin)
    assert line.is_met == (margin >= 1)


def test_what_cannot_be_measured_is_said_and_is_not_met() -> None:
    absent = row("peer", missing="needs Python 3.12")
    (line,) = verdicts([absent, row("own", budgets=budget("faster", 100, "peer"))])
    assert line.margin is None
    assert not line.is_met
    found = {"size": "tiny", "date": "d", "repeats": 1, "cases": [absent]}
    assert "| peer" not in page(found | {"machine": run.machine()})


def test_a_change_within_the_noise_is_not_called_one() -> None:
    old = {"cases": [row(name, [1.0, 1.1, 1.2]) for name in "abcd"]}
    times = {"a": [1.1, 1.2, 1.3], "b": [2.0, 2.1], "c": [0.5, 0.6], "d": [1.22, 1.3], "e": [1.0]}
    lines = compare.compared(old, {"cases": [row(name, s) for name, s in times.items()]})
    found = [line.split("|")[-2].strip() for line in lines[2:6]]
    assert found == ["same", "slower", "faster", "same"]


def test_a_budget_that_is_met_no_longer_is_told() -> None:
    old = {"cases": [row("a", [1.0], budgets=budget("seconds", 1.5))]}
    new = {"cases": [row("a", [2.0], budgets=budget("seconds", 1.5))]}
    assert "now missed" in compare.compared(old, new)[-1]


def test_the_first_call_stands_apart_and_an_outcome_counts_for_itself() -> None:
    told = iter([Outcome(seconds=s, peak_mib=7.0) for s in (9.0, 1.0, 2.0)])
    found = timed(lambda: next(told), 2)
    assert (found.first_s, found.seconds, found.peak_mib) == (9.0, [1.0, 2.0], 7.0)


def test_the_memory_of_a_call_is_its_own() -> None:
    timed(lambda: bytes(bytearray(320 << 20)), 0)
    found = timed(lambda: bytes(bytearray(80 << 20)), 0)
    if found.added_mib is None:
        pytest.skip("the system does not tell")
    assert 150 < found.added_mib < 250


def test_curves_say_how_straight_and_how_flat_they_are() -> None:
    rows = [
        row(name_of(verb, n), [n * (2e-6 if n == POINTS[0] else 1e-6)], amount=n, peak_mib=500.0)
        for verb in VERBS
        for n in POINTS
    ]
    found = {"size": "full", "date": "d", "repeats": 1, "cases": rows, "machine": run.machine()}
    assert "greatest / least, 2.00; memory at 10,000,000 requests / at 100,000, 1.00" in page(found)


def test_the_published_table_is_that_of_the_published_results() -> None:
    folder = Path(run.__file__).parent
    text = (folder / "README.md").read_text("utf-8")
    published = text.partition(run.MARKS[0])[2].partition(run.MARKS[1])[0]
    named = re.search(r"Size `(\w+)`", published)
    assert named is not None
    found = json.loads((folder / "results" / f"{named[1]}.json").read_text("utf-8"))
    assert published.strip() == page(found).strip()
