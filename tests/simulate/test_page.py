"""docs/evaluation.md says what the evaluation finds: a part of it each time, all of it at length."""

from __future__ import annotations

import re

import pytest

from benchmarks.paper import page, policies, rates, stalls
from benchmarks.paper.evaluation import blocks, findings
from benchmarks.paper.setting import CODE, LOOGLE, MIGRATED

TEXT = page.PAGE.read_text("utf-8")
LETTERS = ("a", "b1", "b2", "c", "d", "e1", "e2", "f1", "f2", "g", "g2", "g3")


def block(name: str) -> list[str]:
    (found,) = re.findall(rf"<!-- generated: {name} -->\n(.*?)\n<!-- end -->", TEXT, re.DOTALL)
    return found.splitlines()


def test_the_tables_of_a_small_part_are_those_of_the_page():
    for finding in (
        rates.rises_and_falls([LOOGLE]),
        rates.alpha_never_raises_the_best_rate([LOOGLE]),
        policies.delaying([CODE.at(4.0)]),
        stalls.migrating([MIGRATED[-1]]),
    ):
        held = block(f"finding-{finding.letter}")
        for row in finding.rows:
            assert page.line(row) in held, f"{finding.letter}: run make paper"


def test_the_summary_counts_the_rows_of_the_tables():
    summary = block("summary")[2:]
    for letter, line in zip(LETTERS, summary, strict=True):
        rows = block(f"finding-{letter}")[2:]
        held = sum(row.endswith("| yes |") for row in rows)
        assert f"| {held} of {len(rows)} cases |" in line
        assert line.startswith(f"| ({letter[0]}) |")


def test_every_figure_of_the_page_is_there_and_no_other():
    named = set(re.findall(r"\]\(evaluation/([\w-]+\.svg)\)", TEXT))
    assert named == {path.name for path in page.FIGURES.iterdir()}


@pytest.mark.nightly
def test_the_whole_page_is_up_to_date():
    assert page.filled(TEXT, blocks(findings())) == TEXT, "run make paper"


def test_cells_are_short():
    values = (None, True, 3, "x", 0.126, 12.346, 123.46, 12345.6)
    assert [page.cell(v) for v in values] == [
        "-",
        "yes",
        "3",
        "x",
        "0.13",
        "12.35",
        "123.5",
        "12,346",
    ]
