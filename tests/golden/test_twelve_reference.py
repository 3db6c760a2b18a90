"""The reference against the twelve requests worked by hand, and the documentation against both."""

from __future__ import annotations

import pytest

from sgengine.schema import DELIVERIES, REQUESTS
from tests.golden.cases import BEGIN, DOCS, END, Case, load_twelve, render_markdown
from tests.reference import IDENTITY, METRICS, itl, measure_row, settle_sizes
from tests.reference_slo import Benefit, row_benefit

CASES = load_twelve()

every_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


def test_twelve_requests_and_every_column() -> None:
    """There are twelve requests, and a case leaves no column of REQUESTS out."""
    assert len({case.row["request_id"] for case in CASES}) == 12
    assert REQUESTS.names == IDENTITY + METRICS
    for case in CASES:
        assert set(case.expected) == set(METRICS), case.name
        assert set(case.row) == set(DELIVERIES.names), case.name


@every_case
def test_measured_as_by_hand(case: Case) -> None:
    """Every column is exactly the value derived by hand."""
    measured = measure_row(case.row, case.first_ns, case.pace_ns)
    assert {name: measured[name] for name in METRICS} == dict(case.expected)
    assert {name: measured[name] for name in IDENTITY} == {n: case.row[n] for n in IDENTITY}


@every_case
@pytest.mark.parametrize("rule", ["chunk", "spread", "token", "divide"])
def test_itl_as_by_hand(case: Case, rule: str) -> None:
    """The samples of each chunk rule, in order."""
    times = case.row["chunk_times_ns"]
    samples = []
    if times is not None:
        sizes = settle_sizes(times, case.row["chunk_tokens"], case.row["output_tokens"])[1]
        samples = itl(times, sizes, rule)
    assert samples == list(case.itl[rule])


@every_case
def test_benefit_as_by_hand(case: Case) -> None:
    """The default benefit, and its bounds where only those are known."""
    measured = measure_row(case.row, case.first_ns, case.pace_ns)
    found = {b: row_benefit(measured, Benefit(), case.unfinished_ns, b) for b in ("", "min", "max")}
    assert found[""] == case.benefit
    if case.benefit is None:
        assert (found["min"], found["max"]) == (case.benefit_min, case.benefit_max)


def test_documentation_is_what_the_cases_say() -> None:
    """Section 8 of docs/metrics.md; ``python -m tests.golden.cases`` writes it anew."""
    _, _, rest = DOCS.read_text(encoding="utf-8").partition(BEGIN)
    section, found, _ = rest.partition(END)
    assert found, "docs/metrics.md has no section for the twelve requests"
    assert section.strip() == render_markdown().strip()
