"""Each method of a statistic against numpy, or a loop where numpy has none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.parity.statistics import (
    INVERTED_CDF,
    LINEAR,
    LOWER,
    METHODS,
    NEAREST,
    Population,
    statistic_named,
)

NUMPY = {LINEAR: "linear", INVERTED_CDF: "inverted_cdf", NEAREST: "nearest", LOWER: "lower"}
values = st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=1, max_size=60)
shares = st.sampled_from([0, 0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9, 100])


def population(xs, **more) -> Population:
    return Population.of(np.array(xs, dtype=np.float64), **more)


@pytest.mark.parametrize("method", [LINEAR, NEAREST, LOWER])
@given(xs=values, share=shares)
def test_percentiles_are_those_of_numpy(method, xs, share):
    ours = population(xs, method=method).get(f"p{share:g}")
    assert ours == pytest.approx(np.percentile(xs, share, method=NUMPY[method]), rel=1e-12)


@given(xs=values, share=shares)
def test_the_inverted_cdf_is_the_smallest_value_that_reaches_the_share(xs, share):
    ours = population(xs, method=INVERTED_CDF).get(f"p{share:g}")
    theirs = np.percentile(xs, share, method="inverted_cdf")
    ordered = sorted(xs)
    # A rank that rounding may put on either side of a step: both neighbours are right.
    near = {ordered[min(max(round(share / 100 * len(xs)) + k, 0), len(xs) - 1)] for k in (-1, 0)}
    assert ours == theirs or {ours, theirs} <= near


@given(
    pairs=st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 9)), min_size=1, max_size=40),
    share=shares,
)
def test_weighted_percentiles_are_those_of_repeated_values(pairs, share):
    repeated = sorted(x for x, weight in pairs for _ in range(weight))
    xs, weights = (np.array(column, dtype=np.float64) for column in zip(*pairs, strict=True))
    found = Population.of(xs, weights=weights, method=INVERTED_CDF)
    if not repeated:
        assert found.get("p50") is None
        return
    theirs = np.percentile(repeated, share, method="inverted_cdf")
    ours = found.get(f"p{share:g}")
    at = share / 100 * len(repeated)
    near = {repeated[min(max(round(at) + k, 0), len(repeated) - 1)] for k in (-1, 0)}
    assert ours == theirs or {ours, theirs} <= near
    assert found.get("mean") == pytest.approx(np.mean(repeated), rel=1e-9, abs=1e-9)
    assert found.get("variance") == pytest.approx(np.var(repeated), rel=1e-9, abs=1e-9)
    assert found.get("count") == len(repeated)
    assert found.get("sum") == pytest.approx(sum(repeated), rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("ddof", [0, 1])
@given(xs=values)
def test_moments_are_those_of_numpy(ddof, xs):
    found = population(xs, ddof=ddof)
    assert found.get("mean") == pytest.approx(np.mean(xs), rel=1e-12, abs=1e-9)
    assert (found.get("min"), found.get("max")) == (min(xs), max(xs))
    if len(xs) > ddof:
        assert found.get("std") == pytest.approx(np.std(xs, ddof=ddof), rel=1e-9, abs=1e-6)
    else:
        assert found.get("std") is None


def test_infinite_values_have_nearest_percentiles():
    found = population([1.0, 2.0, np.inf, np.inf], method=NEAREST)
    assert [found.get(f"p{share}") for share in (25, 50, 75)] == [2.0, np.inf, np.inf]
    assert found.get("count") == 4


def test_no_values_have_a_count_and_a_sum_alone():
    found = population([])
    assert (found.get("count"), found.get("sum")) == (0.0, 0.0)
    names = ("mean", "std", "variance", "min", "max", "mode", "p50")
    assert {found.get(name) for name in names} == {None}


def test_the_mode_is_the_smallest_of_the_heaviest_values():
    xs, weights = np.array([5.0, 1.0, 5.0, 9.0]), np.array([1.0, 2.0, 1.0, 1.0])
    assert Population.of(xs, weights=weights).get("mode") == 1.0
    assert Population.of(xs, weights=np.array([1.0, 1.5, 1.0, 1.0])).get("mode") == 5.0
    assert Population.of(xs, weights=np.array([1.0, 1.5, 1.0, 1.0]), plain=True).get("mode") == 1.0


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("avg", "mean"),
        ("Mean", "mean"),
        ("median", "p50"),
        ("p99.9", "p99.9"),
        ("P90", "p90"),
        ("stddev", "std"),
        ("std_dev", "std"),
        ("total_sum", "sum"),
        ("p101", None),
        ("ttft", None),
    ],
)
def test_statistics_are_known_by_every_spelling(word, name):
    assert statistic_named(word) == name


def test_every_method_is_tested_here():
    assert set(NUMPY) == set(METHODS)
