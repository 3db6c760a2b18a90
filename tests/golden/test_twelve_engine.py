"""The engine against the twelve requests worked by hand, each alone and all in one batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sgengine.aggregate import Aggregator, SummarySettings
from sgengine.compute import Measured, MeasureSettings, compute, itl_samples
from sgengine.objectives import Benefit, Reader
from tests.bridge import batch_of, request_rows
from tests.golden.cases import RULES, Case, load_twelve
from tests.reference import IDENTITY, METRICS

CASES = load_twelve()
ROWS = [dict(case.row) for case in CASES]
SECOND = 10**9

every_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
either_way = pytest.mark.parametrize("together", [False, True], ids=["alone", "in one batch"])


def batch_with(case: Case, together: bool) -> tuple[pa.RecordBatch, int]:
    """The case's row alone, or all cases' rows, and where the case stands."""
    if not together:
        return batch_of([dict(case.row)]), 0
    return batch_of(ROWS), CASES.index(case)


def measured(case: Case, together: bool) -> tuple[Measured, int]:
    batch, place = batch_with(case, together)
    found = compute(batch, MeasureSettings(reader=reader(case)))
    assert not found.breaches
    return found, place


def reader(case: Case) -> Reader:
    return Reader(first_ns=case.first_ns, pace_ns=case.pace_ns)


@every_case
@either_way
def test_every_column_is_as_by_hand(case: Case, together: bool) -> None:
    found, place = measured(case, together)
    row = request_rows(found.requests)[place]
    assert {name: row[name] for name in METRICS} == dict(case.expected)
    assert {name: row[name] for name in IDENTITY} == {name: case.row[name] for name in IDENTITY}


@every_case
@either_way
@pytest.mark.parametrize("rule", RULES)
def test_itl_samples_are_as_by_hand(case: Case, together: bool, rule: str) -> None:
    found, place = measured(case, together)
    samples = itl_samples(found, rule)
    mine = samples.values[samples.starts[place] : samples.starts[place + 1]]
    assert mine.tolist() == [float(sample) for sample in case.itl[rule]]


@every_case
@either_way
def test_itl_samples_of_a_chosen_row_are_as_by_hand(case: Case, together: bool) -> None:
    found, place = measured(case, together)
    for rule in RULES:
        samples = itl_samples(found, rule, np.array([place], dtype=np.int64))
        assert samples.values.tolist() == [float(sample) for sample in case.itl[rule]]


@every_case
@either_way
def test_benefit_and_its_bounds_are_as_by_hand(case: Case, together: bool) -> None:
    """A second of window makes a request's smooth goodput its benefit."""
    batch, place = batch_with(case, together)
    named = pa.array([str(row) for row in range(batch.num_rows)])
    batch = batch.append_column("case", named)
    settings = SummarySettings(
        by=("case",),
        reader=reader(case),
        benefit=Benefit(unfinished_idle_ns=case.unfinished_ns),
        duration_ns=SECOND,
    )
    aggregate = Aggregator(settings=settings)
    aggregate.add(compute(batch, MeasureSettings(reader=reader(case))).requests)
    groups: dict[Any, Any] = {group["case"]: group for group in aggregate.finish()}
    found = groups[str(place)]
    expected = {
        "smooth_goodput": case.benefit,
        "smooth_goodput_min": case.benefit_min,
        "smooth_goodput_max": case.benefit_max,
    }
    for name, value in expected.items():
        wanted = None if value is None else pytest.approx(float(value), rel=1e-15)
        assert found[name] == wanted, name
