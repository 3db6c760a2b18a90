"""qoe and fluidity from the records of the lateness: bit for bit what a walk over the tokens gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sgengine.kernels.waits import is_plain
from tests import reference as ref
from tests import strategies as own
from tests.kernels.arrays import smoothness

Reader = tuple[int, int]


def walked_qoe(times: list[int], first: int, pace: int) -> float:
    """The sums of doubles, a token after the other."""
    n, lag, lost = len(times), 0, 0.0
    for k, time in enumerate(times):
        lag = max(lag, time - first - k * pace)
        lost += float(lag)
    whole = float(n) * float(lag) + float(pace) * (float(n) * float(n - 1) / 2.0)
    return 1.0 - lost / whole if lag > 0 else 1.0


@given(
    st.one_of(
        own.chunk_times(min_size=1, max_size=40, gaps=st.integers(0, 30)),
        own.chunk_times(min_size=1, max_size=9),
    ),
    st.one_of(st.tuples(st.integers(0, 60), st.integers(0, 20)), own.readers()),
    st.booleans(),
)
@example([0, 2**61], (0, 2**60), True)
@example([0, 2**51, 2**52], (0, 3), False)
@example([5], (0, 0), False)
@example([5], (9, 7), True)
def test_qoe_and_fluidity_are_those_of_a_walk_over_the_tokens(
    times: list[int], reader: Reader, skip_first: bool
) -> None:
    """Times that are far apart too, which are walked over; undefined fluidity is 0 or left as it was."""
    first, pace = reader
    qoe, fluidity = smoothness((times, None), first, pace, skip_first=skip_first)
    assert qoe == walked_qoe(times, first, pace)
    expected = ref.fluidity(times, [1] * len(times), first, pace, skip_first)
    if expected is not None:
        assert fluidity == pytest.approx(float(expected), rel=2**-50)
        if expected.denominator < 2**53:
            assert fluidity == float(expected)


def test_sums_that_doubles_cannot_hold_are_not_made_of_integers() -> None:
    assert is_plain(1000, 0, 10**9, 2**40)
    assert not is_plain(2**13, 0, 0, 2**40)
    assert not is_plain(2**20, 0, 2**42, 1)


def test_a_long_row_meets_many_readers_as_a_walk_does() -> None:
    """Some that wait for every token, some for few, some for none."""
    times = np.cumsum(np.random.default_rng(3).integers(0, 40, 600)).tolist()
    for pace in (0, 1, 15, 19, 20, 21, 40):
        for skip_first in (False, True):
            qoe, fluidity = smoothness((times, None), 30, pace, skip_first=skip_first)
            assert qoe == walked_qoe(times, 30, pace)
            expected = ref.fluidity(times, [1] * len(times), 30, pace, skip_first)
            assert expected is None or fluidity == float(expected)
