"""Order statistics of an interval whose samples are all here: those of the sorted samples."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sgengine.aggregate import ranks
from sgengine.kernels.select import take_between

VALUES = st.one_of(
    st.sampled_from([1.0, 5.0, np.nextafter(5.0, 6.0), 2.0**53, 2.0**63]),
    st.floats(1.0, 9.0),
    st.integers(1, 2**40).map(float),
)


@given(
    st.lists(VALUES, min_size=1, max_size=60),
    st.lists(st.integers(0, 60), max_size=3),
    st.integers(0, 20),
    st.data(),
)
@example([5.0] * 30, [10], 0, None)
def test_many_samples_are_cut_down_to_the_ranks(
    values: list[float], cuts: list[int], below: int, data: st.DataObject | None
) -> None:
    """Counted and cut down again and again, in whatever parts they came."""
    bounds = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    parts = [np.array(values[a:b]) for a, b in pairwise(bounds)]
    interval = ranks.Interval(key=("a",), low=0.5, high=2.0**64, below=below, count=len(values))
    places = st.lists(st.integers(0, len(values) - 1), min_size=1, max_size=5)
    wanted = [0, 29] if data is None else data.draw(places)
    asked = [below + place for place in wanted]
    expected = {below + place: sorted(values)[place] for place in wanted}
    for few in (0, 3, 100):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ranks, "_FEW", few)
            assert ranks.ordered_in(interval, parts, asked) == expected


@given(st.lists(st.integers(0, 9).map(float)), st.integers(0, 9), st.integers(0, 10))
def test_what_lies_between_is_taken_in_order(values: list[float], low: int, high: int) -> None:
    out = np.empty(len(values))
    taken = take_between(np.array(values), float(low), float(high), out)
    assert out[:taken].tolist() == [value for value in values if low <= value < high]
