"""Sums of samples and of their squares in limbs: exact whatever the numbers' size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels.select import N_LIMBS, moments

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
