"""The benchmarks run, at a tiny size, and compare equal results."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import compare, run


def test_every_case_runs_and_shows_up_in_the_table() -> None:
    found = run.results("tiny", repeats=1)
    page = run.table(found)
    assert all(f"| {row['name']} |" in page for row in found["cases"])
    assert any(row["against"] for row in found["cases"])


def test_a_change_within_the_noise_is_not_called_one() -> None:
    old = {"cases": [{"name": "a", "median_s": 1.0}, {"name": "b", "median_s": 1.0}]}
    new = {"cases": [{"name": "a", "median_s": 1.2}, {"name": "b", "median_s": 2.0}]}
    lines = compare.compared(old, new)
    assert "same" in lines[2]
    assert "slower" in lines[3]


def test_the_published_table_is_that_of_the_published_results() -> None:
    folder = Path(run.__file__).parent
    page = (folder / "README.md").read_text("utf-8")
    published = page.partition(run.MARKS[0])[2].partition(run.MARKS[1])[0]
    found = json.loads((folder / "results" / "medium.json").read_text("utf-8"))
    assert published.strip() == run.table(found)
