"""Ranks found among counts, against the running totals of all of them."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from sgengine.aggregate.sketch import buckets_of

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
