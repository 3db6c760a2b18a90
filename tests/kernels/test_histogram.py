"""The log-linear histogram: every value in its bucket, the stated error, and merging by addition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.compute import MeasureSettings, compute, itl_histogram
from sgengine.kernels.histogram import (
    N_BUCKETS,
    RELATIVE_ERROR,
    bucket_edges,
    bucket_of,
    count_samples,
)
from tests import strategies as own
from tests.bridge import batch_of

Floats = np.ndarray[Any, np.dtype[np.float64]]

NEAR_POWERS = [float(2**e + d) for e in range(63) for d in (-1, 0, 1)]
VALUES = st.one_of(
    st.integers(0, 2**62).map(float),
    st.integers(0, 62).flatmap(lambda bits: st.integers(0, 2**bits)).map(float),
    st.floats(0.0, 2.0**62),
    st.sampled_from(NEAR_POWERS),
)


def edges() -> Floats:
    out = np.empty(N_BUCKETS + 1)
    bucket_edges(out)
    return out


def histogram(values: Floats) -> np.ndarray[Any, np.dtype[np.int64]]:
    counts = np.zeros((1, N_BUCKETS), dtype=np.int64)
    count_samples(values, np.zeros(values.size, dtype=np.int64), counts)
    return counts[0]


def buckets_of(values: Floats) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The bucket of each value."""
    return np.array([bucket_of(value) for value in values.tolist()], dtype=np.int64)


def adversarial(kind: str) -> Floats:
    rng = np.random.default_rng(11)
    if kind == "powers of two, one less and one more":
        return np.array(NEAR_POWERS)
    if kind == "bucket edges and their neighbours":
        at = edges()[:-1]
        return np.concatenate([at, np.nextafter(at, np.inf), np.nextafter(at[1:], 0)])
    if kind == "log-uniform":
        return np.exp(rng.uniform(0, np.log(2.0**62), 5000))
    if kind == "whole, log-uniform":
        return np.floor(np.exp(rng.uniform(0, np.log(2.0**62), 5000)))
    return np.array([2.0**53 - 1, 2.0**53, 2.0**53 + 2, 2.0**62, float(2**63 - 2**10)])


KINDS = (
    "powers of two, one less and one more",
    "bucket edges and their neighbours",
    "log-uniform",
    "whole, log-uniform",
    "beyond what a double holds as whole numbers",
)


def test_edges_ascend_from_0_to_the_end_of_int64() -> None:
    at = edges()
    assert (np.diff(at) > 0).all()
    assert (at[0], at[-1]) == (0.0, 2.0**63)
    assert (at[:257] == np.arange(257)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_lies_in_its_bucket(kind: str) -> None:
    values = adversarial(kind)
    at, found = edges(), buckets_of(values)
    assert (at[found] <= values).all()
    assert (values < at[found + 1]).all()


@given(st.lists(VALUES, min_size=1, max_size=20))
def test_any_value_lies_in_its_bucket(values: list[float]) -> None:
    given_values = np.array(values)
    at, found = edges(), buckets_of(given_values)
    assert (at[found] <= given_values).all()
    assert (given_values < at[found + 1]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_midpoint_is_within_the_stated_error_of_every_value(kind: str) -> None:
    values = adversarial(kind)
    at, found = edges(), buckets_of(values)
    off = np.abs((at[found] + at[found + 1]) / 2 - values)
    large = values >= 256
    assert (off[large] <= RELATIVE_ERROR * values[large]).all()
    assert (off[~large] <= 0.5).all()


@given(st.lists(VALUES, min_size=1, max_size=20))
def test_a_histogram_counts_each_value_in_its_bucket(values: list[float]) -> None:
    expected = np.bincount(buckets_of(np.array(values)), minlength=N_BUCKETS)
    assert (histogram(np.array(values)) == expected).all()


def test_the_stated_error_is_reached() -> None:
    at = edges()
    assert ((at[256] + at[257]) / 2 - at[256]) / at[256] == RELATIVE_ERROR


def test_gaps_that_round_to_the_end_of_int64_stay_inside_the_histogram() -> None:
    """2^63 - 1 ns is the double 2^63, where no bucket begins."""
    assert histogram(np.array([2.0**63]))[-1] == 1
    row = dict.fromkeys(own.DELIVERIES.names) | {
        "run": "a",
        "request_id": "0",
        "system": "s",
        "workload": "w",
        "clock": "none",
        "origin": "sent",
        "timing": "token",
        "status": "ok",
        "chunk_times_ns": [0, 2**63 - 1],
    }
    measured = compute(batch_of([row]), MeasureSettings())
    for rule in ("chunk", "token"):
        counts = itl_histogram(measured, rule, np.zeros(1, dtype=np.int64), 1)
        assert counts[0, -1] == counts.sum() == 1


PARTS = st.lists(st.lists(VALUES, max_size=10).map(np.array), min_size=1, max_size=5)


@given(PARTS, st.randoms(use_true_random=False))
def test_merging_in_any_order_is_the_histogram_of_all_values(parts: list[Floats], rng: Any) -> None:
    """Addition is associative and commutative, and so is this merge."""
    whole = histogram(np.concatenate(parts))
    shuffled = list(parts)
    rng.shuffle(shuffled)
    pending = [histogram(part) for part in shuffled]
    while len(pending) > 1:
        one, other = (pending.pop(rng.randrange(len(pending))) for _ in range(2))
        pending.append(one + other)
    assert (pending[0] == whole).all()
