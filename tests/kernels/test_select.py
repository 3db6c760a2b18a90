"""Ranks found among counts, against their running totals; sums in limbs, exact whatever the size."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sgengine.aggregate.focus import buckets_of
from sgengine.kernels.select import N_LIMBS, moments

COUNTS = st.lists(st.sampled_from([0, 0, 0, 1, 2, 1000]), max_size=12)
REPEATS = st.sampled_from([1, 100])
"""So that there are more buckets than are added up at once."""


@given(COUNTS, REPEATS, st.lists(st.integers(-3, 2000), max_size=12))
@example([0, 0], 300, [0, -1, 0])
@example([1, 0, 1], 300, [599, 0, 600, 300, 299, 300, -1])
def test_ranks_are_where_the_running_totals_pass_them(
    counts: list[int], repeats: int, ranks: list[int]
) -> None:
    """In any order, below all and beyond all of them."""
    counts = counts * repeats
    upto = list(accumulate(counts))
    expected = [next((b for b, u in enumerate(upto) if u > r), len(counts)) for r in ranks]
    places, below = buckets_of(np.array(counts, np.int64), np.array(ranks, np.int64))
    assert places.tolist() == expected
    assert below.tolist() == [sum(counts[:place]) for place in expected]


SIZES = st.sampled_from([2.0**10, 2.0**32, 2.0**40, 2.0**42])
VALUES = st.lists(SIZES.flatmap(lambda most: st.floats(0, most)), max_size=20)


@pytest.mark.parametrize("scale", [1.0, 2.0**20])
@given(VALUES, VALUES)
def test_limbs_hold_the_sums_of_samples_and_squares(
    scale: float, first: list[float], then: list[float]
) -> None:
    out = np.zeros(N_LIMBS, dtype=np.uint64)
    for values in (first, then):
        moments(np.array(values, dtype=np.float64), scale, out)
    a, b, ll, lh, cl, ch, hl, hh = (int(limb) for limb in out)
    samples = [round(value * scale) for value in (*first, *then)]
    assert a + (b << 32) == sum(samples)
    squares = ll + (lh << 32) + ((cl + (ch << 32)) << 33) + ((hl + (hh << 32)) << 64)
    assert squares == sum(sample**2 for sample in samples)
