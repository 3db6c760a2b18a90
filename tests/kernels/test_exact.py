"""128-bit products and ratios rounded up, against Python's own integers and fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sgengine.kernels.exact import product_exceeds, ratio_up
from tests.reference import round_up_to_double

MAX_TIME = 2**63 - 1
MAX_COUNT = 2**31 - 1

POWERS = [2**e + d for e in (31, 32, 33, 52, 53, 54, 61, 62) for d in (-1, 0, 1)]
TIMES = st.one_of(
    st.integers(0, 9),
    st.integers(0, MAX_TIME),
    st.sampled_from([*POWERS, MAX_TIME - 1, MAX_TIME]),
    st.integers(0, 63).flatmap(lambda bits: st.integers(0, 2**bits - 1)),
)
COUNTS = st.one_of(
    st.integers(0, 9),
    st.integers(0, MAX_COUNT),
    st.sampled_from([2**16 - 1, 2**16, 2**30, MAX_COUNT - 1, MAX_COUNT]),
)


@given(TIMES, COUNTS, TIMES, COUNTS)
@example(MAX_TIME, MAX_COUNT, MAX_TIME, MAX_COUNT)
@example(MAX_TIME, MAX_COUNT, MAX_TIME - 1, MAX_COUNT)
@example(MAX_TIME, MAX_COUNT - 1, MAX_TIME, MAX_COUNT)
@example(2**62 + 1, 4, 2**62, 4)
def test_products_compare_as_whole_numbers(a: int, b: int, c: int, d: int) -> None:
    assert product_exceeds(a, b, c, d) == (a * b > c * d)


@given(COUNTS, COUNTS, COUNTS, st.integers(-1, 1))
def test_products_that_are_equal_or_next_to_it_compare_right(
    p: int, q: int, r: int, off: int
) -> None:
    """(p q) r and (p r) q are equal; one more in a factor decides."""
    a, c = p * q, max(p * r + off, 0)
    assert product_exceeds(a, r, c, q) == (a * r > c * q)
    assert product_exceeds(c, q, a, r) == (c * q > a * r)


@given(TIMES, st.integers(1, MAX_COUNT))
@example(2**53, 3)
@example(2**53 - 1, MAX_COUNT)
@example(2**53 + 1, 1)
@example(2**62, 3)
@example(2**62 + 1, 1)
@example(MAX_TIME, 1)
@example(MAX_TIME, MAX_COUNT)
def test_a_ratio_is_the_least_double_that_is_not_below_it(t: int, i: int) -> None:
    assert ratio_up(t, i) == round_up_to_double(Fraction(t, i))


@given(st.integers(1, 2**31 - 1), st.integers(0, 2**32), st.integers(-1, 1))
def test_a_ratio_next_to_a_whole_number_is_rounded_up(i: int, whole: int, off: int) -> None:
    t = max(i * whole + off, 0)
    assert ratio_up(t, i) == round_up_to_double(Fraction(t, i))


@given(st.floats(1.0, 2.0**40), st.integers(1, MAX_COUNT), st.integers(-1, 1))
def test_a_ratio_next_to_a_double_is_rounded_up(pace: float, i: int, off: int) -> None:
    """The hard cases: t as near to double * i as whole numbers come."""
    t = min(max(int(Fraction(pace) * i) + off, 0), MAX_TIME)
    assert ratio_up(t, i) == round_up_to_double(Fraction(t, i))


@pytest.mark.parametrize("t", [0, 1, 2**53 - 1, 2**53, 2**62, MAX_TIME])
def test_a_ratio_still_sustains_when_it_is_stored(t: int) -> None:
    for i in (1, 2, 3, 7, 1000, MAX_COUNT):
        assert Fraction(ratio_up(t, i)) * i >= t
