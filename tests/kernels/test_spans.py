"""When requests were at work, beside Python's own whole numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels.spans import LATEST, span
from tests.kernels.arrays import ints

NS = st.one_of(st.integers(0, 20), st.integers(0, LATEST))
KNOWN = st.one_of(st.just(-1), NS)
ARRIVALS = st.one_of(NS, st.integers(-(2**63), LATEST))


@given(st.lists(st.tuples(ARRIVALS, KNOWN, KNOWN), min_size=1, max_size=12), st.booleans())
def test_a_span_is_from_the_first_arrival_to_the_last_end(
    rows: list[tuple[int, int, int]], has_ends: bool
) -> None:
    arrivals, last_chunks, ends = (list(column) for column in zip(*rows, strict=True))
    if not has_ends:
        ends = []
    first, last = span(ints(arrivals), ints(last_chunks), ints(ends))
    stays = [
        max(0, *times) for times in zip(last_chunks, *([ends] if has_ends else []), strict=True)
    ]
    assert first == min(arrivals)
    assert last == max(min(a + stay, LATEST) for a, stay in zip(arrivals, stays, strict=True))
