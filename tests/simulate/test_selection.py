"""The value at a place, looked for where it is expected: found wherever it is."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels.simulation_select import selected

VALUES = st.lists(st.one_of(st.integers(0, 9), st.integers(0, 2**62)), min_size=1, max_size=60)
BOUNDS = st.one_of(st.integers(-3, 12), st.integers(-(2**62), 2**63 - 1))


@given(VALUES, BOUNDS, BOUNDS, st.data())
def test_it_is_the_sorted_one_and_those_before_it_are_counted(
    values: list[int], low: int, high: int, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(values) - 1))
    array, spare = np.array(values, np.int64), np.empty(len(values), np.int64)
    found, below = selected(array, place, low, high, spare)
    assert found == sorted(values)[place]
    assert below == sum(value < found for value in values)
    assert array.tolist() == values
