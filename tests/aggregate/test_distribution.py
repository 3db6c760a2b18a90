"""Statistics of a set of values: numpy's own, to the last bit, whatever the order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.aggregate import QUANTILES, STATISTICS, Distribution, distribution

WHOLE = st.lists(
    st.one_of(st.integers(0, 5), st.integers(0, 10**9), st.integers(0, 2**53)),
    min_size=1,
    max_size=60,
)
FLOATS = st.lists(st.floats(0.0, 1e18), min_size=1, max_size=60)


@given(st.one_of(WHOLE, FLOATS))
def test_percentiles_equal_numpys_linear_ones_bit_for_bit(values: list[Any]) -> None:
    found = distribution(np.array(values))
    data = np.array(values, dtype=np.float64)
    for name, q in QUANTILES:
        assert getattr(found, name) == np.quantile(data, q, method="linear"), name


@given(st.integers(1, 3000), st.integers(0, 2**32 - 1))
def test_percentiles_of_many_values_equal_numpys_bit_for_bit(count: int, seed: int) -> None:
    values = np.random.default_rng(seed).lognormal(17, 2, count)
    found = distribution(values)
    for name, q in QUANTILES:
        assert getattr(found, name) == np.quantile(values, q), name


@given(st.one_of(WHOLE, FLOATS))
def test_mean_and_spread_are_numpys_of_the_sorted_values(values: list[Any]) -> None:
    found = distribution(np.array(values))
    ordered = np.sort(np.array(values)).astype(np.float64)
    assert found.mean == np.mean(ordered)
    assert found.std == np.std(ordered, ddof=0)
    assert (found.min, found.max) == (ordered[0], ordered[-1])
    assert found.count == len(values)


@given(st.one_of(WHOLE, FLOATS), st.randoms(use_true_random=False))
def test_the_order_of_values_changes_nothing(values: list[Any], rng: Any) -> None:
    shuffled = list(values)
    rng.shuffle(shuffled)
    assert distribution(np.array(shuffled)) == distribution(np.array(values))


def test_nothing_has_a_count_of_0_and_no_statistic() -> None:
    found = distribution(np.zeros(0))
    assert found == Distribution(count=0)
    assert all(getattr(found, name) is None for name in STATISTICS)
    assert found.unsupported() == ()


def test_one_value_is_every_statistic_but_the_spread() -> None:
    found = distribution(np.array([7]))
    assert {getattr(found, name) for name in STATISTICS} == {7.0, 0.0}
    assert found.std == 0.0


@pytest.mark.parametrize(
    ("count", "marked"),
    [
        (1, ("p50", "p90", "p95", "p99", "p99_9")),
        (2, ("p90", "p95", "p99", "p99_9")),
        (9, ("p90", "p95", "p99", "p99_9")),
        (10, ("p95", "p99", "p99_9")),
        (20, ("p99", "p99_9")),
        (99, ("p99", "p99_9")),
        (100, ("p99_9",)),
        (999, ("p99_9",)),
        (1000, ()),
    ],
)
def test_percentiles_that_the_count_cannot_support_are_marked(
    count: int, marked: tuple[str, ...]
) -> None:
    found = distribution(np.arange(count))
    assert found.unsupported() == marked
    assert found.in_ms()["unsupported"] == list(marked)


def test_milliseconds_are_a_millionth() -> None:
    found = distribution(np.array([1_500_000, 2_500_000])).in_ms()
    assert (found["min"], found["p50"], found["max"], found["count"]) == (1.5, 2.0, 2.5, 2)
