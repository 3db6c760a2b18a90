"""What a histogram says of its samples is within the error that it states."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from sgengine.aggregate.approximate import RELATIVE_ERROR, approximate
from sgengine.aggregate.distribution import QUANTILES, distribution
from sgengine.kernels.histogram import N_BUCKETS, count_samples

FIGURES = ("mean", "min", "max", *(name for name, _ in QUANTILES))

samples = st.lists(
    st.one_of(st.integers(0, 300), st.integers(0, 10**9), st.integers(0, 2**62)), max_size=300
)


def histogram(values):
    counts = np.zeros((1, N_BUCKETS), dtype=np.int64)
    count_samples(np.array(values, dtype=np.float64), np.zeros(len(values), np.int64), counts)
    buckets = np.flatnonzero(counts[0])
    return buckets, counts[0][buckets]


@given(samples, st.randoms(use_true_random=False))
@example([], None)
@example([7], None)
@example([0, 256], None)
@example([0, 0, 255, 256, 257], None)
def test_every_figure_is_within_the_stated_error(values, rng):
    buckets, counts = histogram(values)
    if rng is not None:
        order = np.array(rng.sample(range(buckets.size), buckets.size), dtype=np.int64)
        buckets, counts = buckets[order], counts[order]
    found = approximate(buckets, counts)
    exact = distribution(np.array(values, dtype=np.float64))
    assert found.count == exact.count
    assert found.std is None
    for name in FIGURES:
        value, true = getattr(found, name), getattr(exact, name)
        if true is None:
            assert value is None
        else:
            # The last term is what adding up in another order can do to a mean.
            assert abs(value - true) <= (0.5 + RELATIVE_ERROR * true) * (1 + 1e-9), name


def test_buckets_may_come_several_times():
    """As they do from several runs and hours: GAPS rows of one group need not be added up before."""
    once = approximate(np.array([3, 300]), np.array([2, 5]))
    apart = approximate(np.array([300, 3, 300, 3]), np.array([1, 1, 4, 1]))
    assert once == apart
    assert once.p50 == approximate(np.array([300]), np.array([1])).p50
