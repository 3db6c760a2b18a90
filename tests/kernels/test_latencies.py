"""Latencies counted and taken by fine bucket: as by hand, whatever is near 0 and wherever blocks end."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels import select
from sgengine.kernels.latencies import BLOCK, count_latencies, take_latencies
from tests.kernels.arrays import fine_buckets

SMALL = st.one_of(st.sampled_from([0.0, 2047.0, 2047.5]), st.floats(0.0, 2048.0))
LARGE = st.one_of(
    st.sampled_from([2048.0, np.nextafter(2048.0, 0), 2.0**62, 2.0**63, np.nextafter(2.0**63, 0)]),
    st.integers(2048, 2**53).map(float),
    st.floats(2048.0, 1e12),
)
SIZES = st.sampled_from([0, 1, BLOCK - 1, BLOCK])
"""Of numbers that are alike before each of the others: blocks begin and end anywhere."""


@given(st.lists(st.tuples(st.one_of(SMALL, LARGE), SIZES, LARGE), max_size=5), st.data())
def test_latencies_are_counted_and_taken_by_their_buckets(
    drawn: list[tuple[float, int, float]], data: st.DataObject
) -> None:
    values = [value for one, size, alike in drawn for value in (*[alike] * size, one)]
    buckets = [fine_buckets(value) for value in values]
    counts = np.zeros(select.N_FINE, dtype=np.int64)
    counts[5] = 1
    count_latencies(np.array(values), counts, np.empty(BLOCK, dtype=np.uint32))
    counts[5] -= 1
    assert {int(k): int(counts[k]) for k in np.flatnonzero(counts)} == Counter(buckets)
    chosen = data.draw(st.sets(st.sampled_from(buckets))) if buckets else set()
    wanted = np.zeros(select.N_FINE, dtype=np.uint8)
    wanted[list(chosen)] = 1
    expected = [v for v, b in zip(values, buckets, strict=True) if b in chosen]
    out = np.full(3 + len(expected) + 1, -1.0)
    assert take_latencies(np.array(values), wanted, out, 3) == 3 + len(expected)
    assert out[:-1].tolist() == [-1.0] * 3 + expected


@pytest.mark.parametrize("at", [2047, 2048, 2049, 5000, select.N_FINE - 1])
def test_buckets_end_where_the_next_begin(at: int) -> None:
    edges = np.empty(select.N_FINE + 1)
    select.fine_edges(edges)
    counts = np.zeros(select.N_FINE, dtype=np.int64)
    values = np.array([edges[at], np.nextafter(edges[at], 0)])
    count_latencies(values, counts, np.empty(BLOCK, dtype=np.uint32))
    assert np.flatnonzero(counts).tolist() == [at - 1, at]
