"""Gaps counted, summed and sifted straight from the chunk times: as their samples are, and as by hand."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sgengine.compute.ragged import Ragged
from sgengine.kernels import select, sift, sparse
from sgengine.kernels.sieve import LANES, MOST
from tests import strategies as own
from tests.kernels.arrays import fine_buckets, ints, ragged_of, sums_of


def curves_of_chunks() -> st.SearchStrategy[list[list[int]]]:
    """Chunk times of one to four rows."""
    return st.lists(own.chunk_times(min_size=1, gaps=own.GAPS), min_size=1, max_size=4)


def gaps_of(curves: list[list[int]]) -> list[int]:
    """Those between the chunks of each row."""
    return [b - a for times in curves for a, b in pairwise(times)]


@given(curves_of_chunks(), st.data())
def test_gaps_are_counted_and_kept_as_their_samples_are(
    curves: list[list[int]], data: st.DataObject
) -> None:
    """Straight from the chunk times, by way of the samples, and by hand: the same."""
    ragged = ragged_of([(times, None) for times in curves])
    samples = [float(gap) for gap in gaps_of(curves)]
    buckets = [fine_buckets(sample) for sample in samples]
    chosen = data.draw(st.sets(st.sampled_from(buckets))) if buckets else set()
    wanted = np.zeros(select.N_FINE, dtype=np.uint8)
    wanted[list(chosen)] = 1
    expected = [s for s, b in zip(samples, buckets, strict=True) if b in chosen]
    values = np.array(samples, dtype=np.float64)
    for fill in (
        lambda counts, out: sifted(ragged, wanted, counts, out)[0],
        lambda counts, out: select.sift(values, wanted, counts, out),
    ):
        counts = np.zeros(select.N_FINE, dtype=np.int64)
        out = np.empty(len(samples) + 1)
        assert out[: fill(counts, out)].tolist() == expected
        assert {int(k): int(counts[k]) for k in np.flatnonzero(counts)} == Counter(buckets)
    out = np.empty(len(samples) + 1)
    assert out[: select.sift_kept(values, wanted, out, 0)].tolist() == expected


@pytest.mark.parametrize("kept", [False, True])
@given(st.lists(st.sampled_from([1, 7, 7 + 2**20, 2**33]), min_size=1, max_size=3))
def test_blocks_of_gaps_of_one_bucket_are_counted_and_kept_at_once(
    kept: bool, steps: list[int]
) -> None:
    """A block and one gap, by constant steps; and the last gap before the next step is another."""
    found = [step for step in steps for _ in range(sift.BLOCK + 1)]
    ragged = ragged_of([([0, *accumulate(found)], None)])
    wanted = np.full(select.N_FINE, kept, dtype=np.uint8)
    counts = np.zeros(select.N_FINE, dtype=np.int64)
    out = np.empty(len(found) + 1)
    limbs = np.zeros(select.N_LIMBS, dtype=np.uint64)
    copied, least, most = sifted(ragged, wanted, counts, out, limbs)
    assert (least, most) == (min(found), max(found))
    assert out[:copied].tolist() == ([float(gap) for gap in found] if kept else [])
    expected = Counter(fine_buckets(float(gap)) for gap in found)
    assert {int(k): int(counts[k]) for k in np.flatnonzero(counts)} == expected
    assert sums_of(limbs) == (sum(found), sum(gap**2 for gap in found))


LONG = [k * k * 10**5 for k in range(sift.BLOCK + 2)]
"""Gaps of several blocks, most below 2^28 ns."""


@given(curves_of_chunks())
@example([[0, 2**28 - 1, 2**29 - 2], [0, 2**28, 2**29]])
@example([[0, 2**32 - 1, 2**32 - 1 + 2**53 - 1], [5, 5]])
@example([LONG, [*LONG, 2**50]])
def test_sums_of_gaps_are_those_of_integers(curves: list[list[int]]) -> None:
    ragged = ragged_of([(times, None) for times in curves])
    found = gaps_of(curves)
    limbs = np.zeros(select.N_LIMBS, dtype=np.uint64)
    wanted = np.ones(select.N_FINE, dtype=np.uint8)
    counts = np.zeros(select.N_FINE, dtype=np.int64)
    out = np.empty(len(found) + 1)
    kept, least, most = sifted(ragged, wanted, counts, out, limbs)
    assert out[:kept].tolist() == [float(gap) for gap in found]
    if not found:
        assert not limbs.any()
        return
    assert (least, most) == (min(found), max(found))
    assert sums_of(limbs) == (sum(found), sum(gap**2 for gap in found))


def sifted(
    ragged: Ragged,
    wanted: npt.NDArray[np.uint8],
    counts: npt.NDArray[np.int64],
    out: npt.NDArray[np.float64],
    limbs: npt.NDArray[np.uint64] | None = None,
) -> tuple[int, int, int]:
    """The kernel over all rows, with scratch of its own."""
    return sift.sift_gaps(
        ragged.times,
        ragged.offsets,
        ints(range(ragged.rows)),
        wanted,
        counts,
        out,
        np.zeros(select.N_LIMBS, dtype=np.uint64) if limbs is None else limbs,
        np.empty(sift.BLOCK),
        np.empty(sift.BLOCK, dtype=np.int32),
    )


def sparsely(
    ragged: Ragged,
    wanted: npt.NDArray[np.uint8],
    skip: tuple[int, int, int],
    counts: npt.NDArray[np.int64],
    out: npt.NDArray[np.float64],
    limbs: npt.NDArray[np.uint64],
) -> tuple[int, int, int, int, int]:
    """The kernel that skips gaps below the first edge, and between the other two, in ns."""
    first, low, high = (min(edge, MOST) for edge in skip)
    return sparse.sift_sparsely(
        ragged.times,
        ragged.offsets,
        ints(range(ragged.rows)),
        wanted,
        first,
        low,
        high - low,
        counts,
        out,
        limbs,
        np.empty(sift.BLOCK),
        np.empty(sift.BLOCK, dtype=np.int32),
        np.zeros(LANES, dtype=np.uint64),
        np.repeat(np.array([MOST, 0], dtype=np.int32), LANES),
        np.empty(sparse.HELD, dtype=np.int32),
    )


EDGES = np.empty(select.N_FINE + 1)
select.fine_edges(EDGES)

STEPS = st.one_of(
    st.sampled_from([0, 1, 2047, 2048, 2**24 + 1, 2**31 - 1, 2**31, 2**32, 2**53, 2**53 + 1]),
    st.integers(0, 40),
    st.integers(17_000_000, 17_100_000),
    st.integers(0, 2**33),
)
ROWS = st.lists(
    st.tuples(st.lists(STEPS, max_size=40), st.sampled_from([1, 1, 1, 2, 60])),
    min_size=1,
    max_size=5,
)
"""The gaps of rows, and how many times over."""


@given(ROWS, st.lists(st.integers(0, select.N_FINE), min_size=3, max_size=3), st.data())
@example([([5, 7, 2**31 - 1] * 20, 1)], [0, 0, 0], None)
@example([([3000] * 40, 60), ([2**31] * 20, 1), ([3000] * 40, 60)], [2048, 3000, 4000], None)
def test_gaps_that_are_skipped_change_nothing_of_the_others(
    rows: list[tuple[list[int], int]], cuts: list[int], data: st.DataObject | None
) -> None:
    """The same copied, the same sums; counts are those of sift_gaps but for regions, of which sums are."""
    steps = [[0, *(gaps * times)] for gaps, times in rows]
    ragged = ragged_of([(list(accumulate(gaps)), None) for gaps in steps])
    first, low, high = sorted(cuts)
    wanted = np.zeros(select.N_FINE, dtype=np.uint8)
    buckets = [fine_buckets(float(gap)) for gaps in steps for gap in gaps[1:]]
    near = [b for b in buckets if not (b < first or low <= b < high)]
    chosen = near if data is None or not near else data.draw(st.sets(st.sampled_from(near)))
    wanted[list(chosen)] = 1
    plain, sparse = (np.zeros(select.N_FINE, dtype=np.int64) for _ in range(2))
    limbs = np.zeros((2, select.N_LIMBS), dtype=np.uint64)
    outs = np.empty((2, len(buckets) + 1))
    expected = sifted(ragged, wanted, plain, outs[0], limbs[0])
    skip = (int(EDGES[first]), int(EDGES[low]), int(EDGES[high]))
    *found, below, between = sparsely(ragged, wanted, skip, sparse, outs[1], limbs[1])
    if not buckets:
        assert (found[0], below, between) == (0, 0, 0)
        return
    assert tuple(found) == expected
    assert sorted(outs[1][: found[0]].tolist()) == sorted(outs[0][: found[0]].tolist())
    assert sums_of(limbs[1]) == sums_of(limbs[0])
    for counts, a, b in ((below, 0, first), (between, low, high)):
        assert counts + sparse[a:b].sum() == plain[a:b].sum()
        plain[a:b] = sparse[a:b] = 0
    assert (sparse == plain).all()


def test_most_gaps_are_not_counted_by_bucket() -> None:
    """Only what comes near one that does not fit, or before there are enough times, is."""
    rows = [[10] * 20, [10] * 3000, [10] * 2999 + [2**31], [10] * 20]
    ragged = ragged_of([(list(accumulate([0, *gaps])), None) for gaps in rows])
    wanted, counts = np.zeros(select.N_FINE, np.uint8), np.zeros(select.N_FINE, np.int64)
    limbs = np.zeros(select.N_LIMBS, dtype=np.uint64)
    found = sparsely(ragged, wanted, (20, 30, 40), counts, np.empty(6041), limbs)
    assert found == (0, 10, 2**31, 20 + 3000 + sparse.SEGMENT + 20, 0)
    assert counts[10] == 3000 - sparse.SEGMENT - 1
    assert sums_of(limbs) == (sum(map(sum, rows)), sum(g * g for gaps in rows for g in gaps))


def test_fine_edges_are_where_buckets_begin() -> None:
    edges = np.empty(select.N_FINE + 1)
    select.fine_edges(edges)
    below = np.nextafter(edges[1:-1], 0)
    assert [fine_buckets(edge) for edge in edges[:-1:97].tolist()] == list(
        range(0, select.N_FINE, 97)
    )
    counts = np.zeros(select.N_FINE, dtype=np.int64)
    nothing = np.zeros(select.N_FINE, dtype=np.uint8)
    select.sift(np.concatenate([edges[:-1], below]), nothing, counts, np.empty(2 * edges.size))
    assert (counts[:-1] == 2).all()
    assert counts[-1] == 1
