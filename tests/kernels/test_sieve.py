"""Sixteen gaps at once give what they give one by one."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sgengine.kernels import _jit
from sgengine.kernels.sieve import LANES, MOST, meet, meet_twin, sieve, sieve_twin

Array = np.ndarray[Any, Any]


@_jit.uncounted
def called(
    times: Array,
    start: int,
    size: int,
    limits: tuple[int, int, int],
    squares: Array,
    extremes: Array,
    out: Array,
    at: int,
) -> int:
    """From a kernel, as it must be."""
    first, low, width = limits
    return sieve(times, start, size, first, low, width, squares, extremes, out, at)


GAPS = st.one_of(
    st.sampled_from([0, 1, MOST - 1, MOST]),
    st.integers(0, 50),
    st.integers(0, MOST),
)
LIMITS = st.one_of(st.integers(0, 60), st.integers(0, MOST), st.just(MOST))


@pytest.mark.parametrize(
    "function", [called, lambda t, a, n, x, *more: sieve_twin(t, a, n, *x, *more)]
)
@given(
    st.lists(GAPS, min_size=LANES, max_size=100),
    st.data(),
    LIMITS,
    LIMITS,
    LIMITS,
    st.sampled_from([None, MOST + 1, 2**32 + 5, 2**62]),
)
@example([MOST] * 64, None, 0, 0, 0, None)
def test_gaps_are_kept_counted_and_added_up(
    function: Any,
    gaps: list[int],
    data: st.DataObject | None,
    first: int,
    low: int,
    high: int,
    wide: int | None,
) -> None:
    """In any part of the times that is as long as a vector; nothing is done where a gap is too wide."""
    low, high = sorted((low, high))
    size = len(gaps) if data is None else data.draw(st.integers(1, len(gaps)))
    start = len(gaps) - size
    if wide is not None and data is not None:
        gaps[start + data.draw(st.integers(0, size - 1))] = wide
    times = np.array([0, *accumulate(gaps)], dtype=np.int64)
    squares, extremes = np.arange(LANES, dtype=np.uint64), np.full(2 * LANES, 7, dtype=np.int32)
    before = squares.copy(), extremes.copy()
    out = np.full(3 + len(gaps) + LANES, -1, dtype=np.int32)
    mine = gaps[start:]
    found = function(times, start, size, (first, low, high - low), squares, extremes, out, 3)
    assert (out[:3] == -1).all()
    if max(mine) > MOST:
        assert found == -1
        assert (squares == before[0]).all()
        assert (extremes == before[1]).all()
        return
    kept = [gap for gap in mine if gap >= first and not low <= gap < high]
    assert found == len(kept) + (sum(gap >= first for gap in mine) << 32)
    assert out[3 : 3 + len(kept)].tolist() == kept
    more = (squares - before[0]).tolist()
    half = LANES // 2
    assert sum(more[:half]) + (sum(more[half:]) << 32) == sum(gap * gap for gap in mine)
    assert min(extremes[:LANES]) == min(7, *mine)
    assert max(extremes[LANES:]) == max(7, *mine)


@_jit.uncounted
def met(
    times: Array,
    start: int,
    size: int,
    limits: tuple[int, int, int],
    squares: Array,
    extremes: Array,
    out: Array,
    at: int,
    due: int,
    pace: int,
    row: Array,
) -> int:
    """From a kernel, as it must be."""
    first, low, width = limits
    return meet(times, start, size, first, low, width, squares, extremes, out, at, due, pace, row)


FAR = 2**62
DUE = st.one_of(st.integers(0, 3000), st.integers(0, FAR))


@pytest.mark.parametrize("function", [met, lambda t, a, n, x, *more: meet_twin(t, a, n, *x, *more)])
@given(
    st.lists(GAPS, min_size=LANES, max_size=100),
    st.data(),
    LIMITS,
    st.sampled_from([0, FAR - 2**40]),
    DUE,
    st.sampled_from([None, None, -1, MOST + 1, 2**40]),
)
def test_a_row_that_is_sieved_meets_a_reader_on_the_way(
    function: Any,
    gaps: list[int],
    data: st.DataObject,
    first: int,
    begin: int,
    due: int,
    wide: int | None,
) -> None:
    """What the sieve does, the row's greatest gap, and the greatest lateness behind its first time."""
    size = data.draw(st.integers(1, len(gaps)))
    start = len(gaps) - size
    pace = data.draw(st.one_of(st.integers(0, 60), st.integers(0, (2**63 - 1 - due) // size)))
    if wide is not None:
        gaps[start + data.draw(st.integers(0, size - 1))] = wide
    times = np.array([begin, *(begin + t for t in accumulate(gaps))], dtype=np.int64)
    states = []
    for sieves in (False, True):
        squares, extremes = np.zeros(LANES, np.uint64), np.full(2 * LANES, 7, np.int32)
        out, row = np.full(3 + len(gaps) + LANES, -1, np.int32), np.full(2, -7)
        more = (
            (squares, extremes, out, 3) if sieves else (squares, extremes, out, 3, due, pace, row)
        )
        call = called if sieves else function
        found = call(times, start, size, (first, first, 0), *more)
        kept = 0 if found < 0 else found & 0xFFFFFFFF
        states.append((found, squares.tolist(), extremes.tolist(), out[: 3 + kept].tolist()))
        if sieves:
            continue
        if wide is not None:
            assert (found, row.tolist()) == (-1, [-7, -7])
        else:
            lateness = [int(times[start + k]) - (due + k * pace) for k in range(1, size + 1)]
            assert row.tolist() == [max(gaps[start:]), max(lateness)]
    if function is met:
        assert states[0] == states[1]
    else:
        assert (states[0][0], states[0][3]) == (states[1][0], states[1][3])
