"""Numbers near percentiles, counted and copied: as masks of whole arrays have it, wherever blocks end."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels.near import BLOCK, small_moments, take_near

Floats = np.ndarray[Any, np.dtype[np.float64]]

NUMBER = st.one_of(
    st.sampled_from([0.0, 5e-324, 1.0, 2047.5, 2.0**63, 2.0**900]),
    st.integers(0, 2**53).map(float),
    st.floats(0.0, 1e12),
)
SIZES = st.sampled_from([0, 1, BLOCK - 1, BLOCK])
"""Of numbers that are alike before each of the others: blocks begin and end anywhere."""


def drawn_values(drawn: list[tuple[float, int, float]]) -> Floats:
    return np.array([value for one, size, alike in drawn for value in (*[alike] * size, one)])


DRAWN = st.lists(st.tuples(NUMBER, SIZES, NUMBER), max_size=5)


@given(DRAWN, st.lists(st.one_of(NUMBER, st.just(np.inf)), min_size=3, max_size=3).map(sorted))
def test_what_lies_within_is_copied_and_what_is_below_counted(
    drawn: list[tuple[float, int, float]], ends: list[float]
) -> None:
    values, (low, high, top) = drawn_values(drawn), ends
    inside = ((values >= low) & (values < high)) | (values >= top)
    out = np.full(3 + np.count_nonzero(inside) + 1, -1.0)
    below = np.array([7])
    scratch = np.empty(BLOCK, dtype=np.int64)
    assert take_near(values, np.array(ends), below, out, 3, scratch) == out.size - 1
    assert out[:-1].tolist() == [-1.0] * 3 + values[inside].tolist()
    assert below.tolist() == [7 + np.count_nonzero(values < low)]


@given(
    DRAWN.filter(bool), st.sampled_from([1.0, 2.0**20]), st.sampled_from([np.inf, 2.0**52, 2.0**32])
)
def test_sums_of_small_numbers_are_those_of_python(
    drawn: list[tuple[float, int, float]], scale: float, most: float
) -> None:
    values = np.minimum(drawn_values(drawn), most)
    ends, out = np.empty(2), np.zeros(8, dtype=np.uint64)
    is_small = small_moments(values, scale, ends, out)
    assert ends.tolist() == [values.min(), values.max()]
    assert is_small == (values.max() * scale < 2.0**52 - 1)
    if is_small:
        whole = [int(number) for number in np.rint(values * scale)]
        parts = [divmod(number, 1 << 26) for number in whole]
        expected = [
            sum(whole),
            sum(low**2 for _, low in parts),
            sum(high * low for high, low in parts),
            sum(high**2 for high, _ in parts),
        ]
        limbs = out.tolist()
        assert [limbs[k] + (limbs[k + 1] << 32) for k in range(0, 8, 2)] == expected
