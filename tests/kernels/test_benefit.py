"""Linear benefits beside NumPy's, which round step by step."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels.benefit import linear_benefits
from tests.kernels.arrays import ints

N = st.one_of(st.integers(-1, 2), st.integers(0, 2**31 - 1))
IDLE = st.one_of(st.integers(-1, 5), st.integers(0, 2**62))
ALPHA = st.one_of(st.sampled_from([0.0, 1.0, 2.5]), st.floats(0, 1e100))


@given(st.lists(st.tuples(N, IDLE), max_size=40), st.booleans(), ALPHA)
def test_a_benefit_is_the_tokens_less_alpha_times_the_wait(
    rows: list[tuple[int, int]], all_known: bool, alpha: float
) -> None:
    if all_known:
        rows = [(max(n, 0), max(idle, 0)) for n, idle in rows]
    n, idle = (ints([row[i] for row in rows]) for i in range(2))
    out = np.empty(n.size)
    known = linear_benefits(n, idle, alpha, out)
    assert known == all(n == 0 or (n > 0 and idle >= 0) for n, idle in rows)
    if known:
        expected = n - alpha * (np.where(n == 0, 0, idle) / 1e9)
        assert np.array_equal(out, expected)
