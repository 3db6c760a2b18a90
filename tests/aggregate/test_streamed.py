"""Distributions of numbers that wait in blocks: those of the sorted array."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.aggregate import QUANTILES, distribution, spool, streamed
from sgengine.aggregate.moments import Moments
from sgengine.aggregate.spool import Spool
from sgengine.aggregate.streamed import by_buckets, distribution_in, order_statistics
from tests.effort import FEWER

Floats = np.ndarray[Any, np.dtype[np.float64]]
KEY = ("a",)

WHOLE = st.one_of(
    st.integers(0, 3), st.integers(0, 2**53), st.integers(2 * 10**9, 2 * 10**9 + 50)
).map(float)
VALUES = st.one_of(st.lists(WHOLE, max_size=40), st.lists(st.floats(0.0, 1e12), max_size=40))
LIMITS = st.sampled_from([0, 100, 1 << 30])


def spooled(parts: list[Floats], limit: int) -> Spool:
    found = Spool(limit_bytes=limit)
    for part in parts:
        found.add(KEY, {"ttft": part})
    return found


def exact(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation of whole numbers, rounded once."""
    sample = [Fraction(value) for value in values]
    mean = sum(sample) / len(sample)
    return float(mean), sqrt(sum((value - mean) ** 2 for value in sample) / len(sample))


@FEWER
@given(
    VALUES,
    st.integers(1, 9),
    LIMITS,
    st.sampled_from([0, 64, 1 << 20]),
    st.sampled_from([1, 5, 1 << 14]),
    st.booleans(),
)
def test_many_numbers_have_the_percentiles_of_the_sorted_ones(
    values: list[float], size: int, limit: int, room: int, sample: int, merged: bool
) -> None:
    """In memory or on disk, in blocks of three, by any sample, with room for none, some or all of them."""
    parts = [np.array(values[k : k + size]) for k in range(0, len(values), size)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamed, "FEW", 0)
        patch.setattr(streamed, "ROOM_BYTES", room)
        patch.setattr(streamed, "SAMPLE", sample)
        patch.setattr(spool, "BLOCK", 3)
        patch.setattr(spool, "RUN", 2)
        found = spooled(parts, limit)
        if merged:
            whole = Spool(limit_bytes=limit)
            whole.merge(found)
            found = whole
        whole_ns = all(value.is_integer() for value in values)
        streamed_one = distribution_in(found.column(KEY, "ttft"), whole=whole_ns)
    expected = distribution(np.array(values))
    names = ("count", "min", "max", *(name for name, _ in QUANTILES))
    assert [getattr(streamed_one, name) for name in names] == [
        getattr(expected, name) for name in names
    ]
    if values and whole_ns:
        assert (streamed_one.mean, streamed_one.std) == pytest.approx(exact(values), rel=1e-15)
    elif values:
        assert streamed_one.mean == pytest.approx(expected.mean, rel=1e-9, abs=1e-6)
        assert streamed_one.std == pytest.approx(expected.std, rel=1e-6, abs=1e-3)


def test_a_million_numbers_that_are_mostly_alike_need_little_room() -> None:
    rng = np.random.default_rng(2)
    values = np.rint(rng.lognormal(20, 1, 300_000))
    values[:200_000] = 1_234_567_890.0
    found = spooled(np.array_split(rng.permutation(values), 7), 1 << 20)
    assert found.held_bytes <= 1 << 20
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamed, "ROOM_BYTES", 1 << 16)
        mine = distribution_in(found.column(KEY, "ttft"), whole=True)
    expected = distribution(values)
    for name, _ in QUANTILES:
        assert getattr(mine, name) == getattr(expected, name)
    assert mine.mean == pytest.approx(expected.mean, rel=1e-14)
    assert mine.std == pytest.approx(expected.std, rel=1e-12)


def test_any_rank_can_be_asked_for() -> None:
    values = np.arange(1000.0)[::-1].copy()
    column = spooled([values], 0).column(KEY, "ttft")
    moments = Moments(whole=True)
    assert order_statistics(column, [0, 17, 999], moments) == {0: 0.0, 17: 17.0, 999: 999.0}
    assert (moments.count, moments.total) == (1000, 499_500)


def test_whole_numbers_below_2048_are_known_by_their_counts() -> None:
    """Nothing is looked up: most requests may never have waited."""
    rng = np.random.default_rng(8)
    values = np.rint(rng.lognormal(16, 2, 5000))
    values[:3000] = rng.integers(0, 3, 3000)
    column = spooled(np.array_split(rng.permutation(values), 3), 0).column(KEY, "ttft")
    ranks = [0, 999, 2499, 2999, 3000, 4999]
    asked: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        taken = streamed._taken
        patch.setattr(streamed, "_taken", lambda *args: (asked.append(args[2]), taken(*args))[1])
        found = by_buckets(column, ranks, whole=True)
    ordered = np.sort(values)
    assert found == {rank: ordered[rank] for rank in ranks}
    assert asked[0] < 100
