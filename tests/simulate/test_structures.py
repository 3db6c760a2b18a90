"""The simulator's heap and selection against Python's heapq and sorted."""

from __future__ import annotations

import heapq

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels.simulation_heap import pop, push
from sgengine.kernels.simulation_select import _smallest

KEYS = st.one_of(st.integers(0, 5), st.integers(-(2**62), 2**62))
ITEMS = st.integers(0, 9)
STEPS = st.lists(st.one_of(st.none(), st.tuples(KEYS, ITEMS)), max_size=60)
"""An entry to push, or a pop."""


@given(STEPS)
def test_the_heap_gives_what_heapq_gives(steps: list[tuple[int, int] | None]) -> None:
    """After every step the least is at 0, and the entries are those that went in and not out."""
    heap = np.full((len(steps) + 1, 2), -7, np.int64)
    twin: list[tuple[int, int]] = []
    for step in steps:
        if step is not None:
            push(heap, len(twin), *step)
            heapq.heappush(twin, step)
        elif twin:
            pop(heap, len(twin))
            heapq.heappop(twin)
        held = [tuple(entry) for entry in heap[: len(twin)].tolist()]
        assert sorted(held) == sorted(twin)
        assert not twin or held[0] == twin[0]
        assert (heap[len(steps)] == -7).all()


@given(st.lists(st.tuples(KEYS, ITEMS), min_size=1, max_size=60))
def test_emptied_it_sorts(entries: list[tuple[int, int]]) -> None:
    heap = np.empty((len(entries), 2), np.int64)
    for size, entry in enumerate(entries):
        push(heap, size, *entry)
    out = []
    for size in range(len(entries), 0, -1):
        out.append(tuple(heap[0].tolist()))
        pop(heap, size)
    assert out == sorted(entries)


@given(st.lists(KEYS, min_size=1, max_size=60), st.data())
def test_the_selected_value_is_the_sorted_one(values: list[int], data: st.DataObject) -> None:
    """Of the first n alone, which stay the same numbers in another order."""
    n = data.draw(st.integers(1, len(values)))
    place = data.draw(st.integers(0, n - 1))
    array = np.array(values, np.int64)
    assert _smallest(array, n, place) == sorted(values[:n])[place]
    assert sorted(array[:n].tolist()) == sorted(values[:n])
    assert array[n:].tolist() == values[n:]
