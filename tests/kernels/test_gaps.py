"""Inter-token-latency samples under the four chunk rules, and their histogram without samples."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.compute import MeasureSettings, compute, itl_histogram, itl_samples
from sgengine.kernels import gaps
from sgengine.kernels.histogram import N_BUCKETS, count_samples
from sgengine.schema.enums import ITL_RULES
from tests import reference as ref
from tests import strategies as own
from tests.bridge import batch_of, itl_of
from tests.effort import FEWER
from tests.kernels.arrays import Curve, ints, ragged_of

CODES = {"chunk": gaps.CHUNK, "spread": gaps.SPREAD, "token": gaps.TOKEN, "divide": gaps.DIVIDE}
MS = own.MS

every_rule = pytest.mark.parametrize("rule", ITL_RULES)


def near_curves() -> st.SearchStrategy[tuple[list[int], list[int]]]:
    """Curves with gaps that a double holds exactly."""
    times = own.chunk_times(min_size=1, gaps=own.GAPS)
    return times.flatmap(
        lambda found: st.tuples(st.just(found), own.chunk_sizes(len(found), max_tokens=8))
    )


def samples_of(curves: list[Curve], rule: str) -> list[list[float]]:
    """Samples of every curve, by the kernels."""
    ragged = ragged_of(curves)
    tokens = (ragged.times, ragged.offsets, ragged.sizes, ragged.size_offsets, ragged.kinds)
    counts = np.zeros(ragged.rows, dtype=np.int64)
    gaps.count_row_samples(*tokens, CODES[rule], counts)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    values = np.full(int(starts[-1]), np.nan)
    rows = ints(range(ragged.rows))
    gaps.fill_samples(*tokens, CODES[rule], rows, ints(starts), values)
    return [values[a:b].tolist() for a, b in pairwise(starts)]


def test_rules_have_the_codes_that_the_kernels_know() -> None:
    assert {rule: place for place, rule in enumerate(ITL_RULES)} == CODES


@every_rule
@given(st.lists(near_curves(), max_size=4))
def test_samples_equal_their_twins(rule: str, curves: list[tuple[list[int], list[int]]]) -> None:
    ones: list[Curve] = [(times, None) for times, _ in curves]
    found = samples_of([*curves, *ones], rule)
    sized = [ref.itl(times, sizes, rule) for times, sizes in curves]
    single = [ref.itl(times, [1] * len(times), rule) for times, _ in curves]
    assert found == [[float(sample) for sample in samples] for samples in sized + single]


@given(near_curves())
def test_every_rule_has_as_many_samples_as_it_says(curve: tuple[list[int], list[int]]) -> None:
    times, sizes = curve
    n = sum(sizes)
    later = sum(size > 0 for size in sizes[1:])
    expected = {
        "chunk": len(times) - 1,
        "spread": n - sizes[0],
        "token": n - 1,
        "divide": later,
    }
    assert {rule: len(samples_of([curve], rule)[0]) for rule in ITL_RULES} == expected


@given(near_curves())
def test_samples_sum_to_the_time_between_first_and_last(
    curve: tuple[list[int], list[int]],
) -> None:
    """Of tokens under spread and token, of chunks under chunk."""
    times, sizes = curve
    tokens = ref.token_times(times, sizes)
    assert sum(samples_of([curve], "chunk")[0]) == times[-1] - times[0]
    assert sum(samples_of([curve], "token")[0]) == tokens[-1] - tokens[0]
    spread = sum(Fraction(sample) for sample in samples_of([curve], "spread")[0])
    assert float(spread) == pytest.approx(tokens[-1] - tokens[0], rel=1e-14)


def test_the_gap_before_an_empty_chunk_is_carried_to_the_next_with_tokens() -> None:
    curve = ([10, 30, 60, 100, 150], [1, 0, 2, 0, 0])
    assert samples_of([curve], "chunk") == [[20.0, 30.0, 40.0, 50.0]]
    assert samples_of([curve], "spread") == [[25.0, 25.0]]
    assert samples_of([curve], "token") == [[50.0, 0.0]]
    assert samples_of([curve], "divide") == [[25.0]]


@every_rule
def test_one_chunk_has_no_gap(rule: str) -> None:
    zeros = [0.0, 0.0] if rule == "token" else []
    assert samples_of([([5], [3]), ([5], None), ([], None), ([], [])], rule) == [zeros, [], [], []]


@every_rule
@FEWER
@given(own.deliveries(), st.data())
def test_samples_of_a_batch_are_those_of_its_rows(
    rule: str, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Rows of every kind; all of them or a choice, in any order."""
    measured = compute(batch_of(rows), MeasureSettings())
    order = data.draw(st.permutations(range(len(rows))))
    chosen = order[: data.draw(st.integers(0, len(rows)))]
    for places in (None, chosen):
        picked = None if places is None else np.array(places, dtype=np.int64)
        samples = itl_samples(measured, rule, picked)
        for k, place in enumerate(range(len(rows)) if places is None else places):
            found = samples.values[samples.starts[k] : samples.starts[k + 1]]
            expected = [float(sample) for sample in itl_of(rows[place], rule)]
            assert found.tolist() == pytest.approx(expected, rel=2**-51)


@every_rule
@FEWER
@given(own.deliveries())
def test_the_histogram_of_a_batch_counts_exactly_its_samples(
    rule: str, rows: list[dict[str, Any]]
) -> None:
    measured = compute(batch_of(rows), MeasureSettings())
    codes = np.arange(len(rows), dtype=np.int64) % 2
    samples = itl_samples(measured, rule)
    expected = np.zeros((2, N_BUCKETS), dtype=np.int64)
    count_samples(samples.values, samples.groups(codes), expected)
    assert (itl_histogram(measured, rule, codes, 2) == expected).all()
