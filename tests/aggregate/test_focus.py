"""Gaps that are not told apart change no figure: whatever was looked into, and whoever looked where."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.aggregate import Distribution, Focus, GapPool, Gathering, Key
from sgengine.aggregate.focus import Coarse, brackets, coarse_of, edges
from sgengine.aggregate.sketch import Sketch, wanted_ranks
from sgengine.compute import RowSamples
from sgengine.compute.ragged import Ragged, frozen
from sgengine.kernels import scan
from sgengine.kernels.select import N_FINE
from tests.effort import FEWER

Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

KEY: Key = ("a",)
NONE = np.zeros(0, dtype=np.int64)
AMPLE = 1 << 40


def rows_of(gaps: Ints, length: int = 200) -> RowSamples:
    """Rows of so many gaps, the last of what is left."""
    parts = [gaps[a : a + length] for a in range(0, gaps.size, length)]
    times = np.concatenate([np.concatenate([[0], np.cumsum(part)]) for part in parts])
    counts = np.array([part.size for part in parts], dtype=np.int64)
    ragged = Ragged(
        times=frozen(times.astype(np.int64)),
        offsets=frozen(np.concatenate([[0], np.cumsum(counts + 1)]).astype(np.int64)),
        sizes=frozen(np.zeros(0, dtype=np.int32)),
        size_offsets=frozen(np.zeros(counts.size + 1, dtype=np.int64)),
        kinds=frozen(np.full(counts.size, scan.ONE_EACH, dtype=np.uint8)),
    )
    rows = np.arange(counts.size, dtype=np.int64)
    return RowSamples(ragged=ragged, rule="chunk", rows=rows, counts=counts)


def pool_of(
    parts: list[Ints], limit: int = AMPLE, few: int = 1000, seen: dict[Key, Focus] | None = None
) -> GapPool:
    pool = GapPool(limit_bytes=limit, whole=True, few=few, seen={} if seen is None else seen)
    for part in parts:
        pool.add_rows(KEY, rows_of(part))
    pool.rest()
    return pool


def searched(pool: GapPool, parts: list[Ints]) -> tuple[Distribution, int]:
    """The figures, and how many further passes they took."""
    passes = 0

    def passed(empty: Gathering) -> Gathering:
        nonlocal passes
        passes += 1
        for part in parts:
            empty.add([KEY], NONE, part.astype(np.float64))
        return empty

    return pool.search().run(passed)[KEY], passes


def looked_again(
    pool: GapPool, parts: list[Ints], workers: int = 2
) -> tuple[Distribution, int, int]:
    """The figures after further looks where the pool says, how many, and how many passes beside these."""
    search, known, looks = pool.search(), -1, 0
    while not search.done and known < len(search.found):
        known = len(search.found)
        if focus := pool.refocused(search):
            pools = [pool.again(focus, workers) for _ in range(workers)]
            for k, part in enumerate(parts):
                pools[k % workers].add_rows(KEY, rows_of(part))
            for other in pools[1:]:
                pools[0].limit_bytes = pool.limit_bytes
                pools[0].merge(other)
            search = pool.search(pools[0], search.found)
            looks += 1
    passes = 0

    def passed(empty: Gathering) -> Gathering:
        nonlocal passes
        passes += 1
        for part in parts:
            empty.add([KEY], NONE, part.astype(np.float64))
        return empty

    return search.run(passed)[KEY], looks, passes


def in_memory(parts: list[Ints]) -> Distribution:
    """Of samples that are all held, and sorted."""
    pool = GapPool(limit_bytes=AMPLE, whole=True, few=AMPLE)
    pool.add([KEY], NONE, np.concatenate(parts).astype(np.float64))
    return pool.distributions()[KEY]


SHAPES = st.sampled_from(["gamma", "ties", "wide", "constant", "zeros", "two"])


def gaps_like(shape: str, scale: float, count: int, rng: np.random.Generator) -> Ints:
    """Gaps of many kinds, in ns."""
    spread = rng.gamma(4, 5e6 * scale, count)
    if shape == "ties":
        spread = np.round(spread, -7)
    elif shape == "wide":
        spread = np.where(rng.random(count) < 0.001, 2.0**31 * rng.random(count) * 3, spread)
        spread[:1], spread[1:2] = 2.0**53 + 2, 2.0**31 - 1
    elif shape == "constant":
        spread = np.full(count, 2e7 * scale)
    elif shape == "zeros":
        spread = np.where(rng.random(count) < 0.6, 0.0, spread)
    elif shape == "two":
        spread = np.where(rng.random(count) < 0.3, 1.0, 3e7 * scale)
    return np.rint(spread).astype(np.int64)


@FEWER
@given(
    st.lists(
        st.tuples(
            SHAPES,
            st.sampled_from([1, 1, 1, 1.1, 2, 5]),
            st.one_of(st.integers(1, 3000), st.integers(10_000, 30_000)),
        ),
        min_size=1,
        max_size=5,
    ),
    st.lists(st.integers(0, 4), max_size=3),
    st.booleans(),
    st.sampled_from([AMPLE, AMPLE, 1_300_000, 600_000, 1000]),
    st.randoms(use_true_random=False),
)
def test_figures_are_those_of_all_samples_whatever_was_skipped(
    kinds: list[tuple[str, float, int]], cuts: list[int], shares: bool, limit: int, rng: Any
) -> None:
    """Any shapes, drifts, memory, workers that tell each other where to look, and order of merging."""
    numbers = np.random.default_rng(rng.randrange(1000))
    parts = [gaps_like(shape, scale, count, numbers) for shape, scale, count in kinds]
    bounds = [0, *sorted(min(cut, len(parts)) for cut in cuts), len(parts)]
    seen: dict[Key, Focus] | None = {} if shares else None
    pools = [pool_of(parts[a:b], limit, 700, seen) for a, b in pairwise(bounds) if a < b]
    while len(pools) > 1:
        one = pools.pop(rng.randrange(len(pools)))
        one.merge(pools.pop(rng.randrange(len(pools))))
        pools.append(one)
    expected = in_memory(parts)
    assert looked_again(pools[0], parts)[0] == expected
    assert searched(pools[0], parts)[0] == expected


BUCKET = st.one_of(st.integers(0, 60), st.integers(16_000, 16_200), st.integers(0, N_FINE))
FOCUS = st.lists(BUCKET, min_size=2, max_size=8)


def focus_on(cuts: list[int]) -> Focus:
    """Buckets from every other cut to the next; what is coarse is anything that is not wanted."""
    ordered = sorted(cuts)
    wanted = np.zeros(N_FINE, dtype=np.uint8)
    for a, b in pairwise(ordered):
        wanted[a:b] = ordered.index(a) % 2
    first = int(np.argmax(wanted)) if wanted.any() else N_FINE
    holes = [(a, b) for a, b in pairwise(ordered) if not wanted[a:b].any() and b > a >= first]
    low, high = holes[len(holes) // 2] if holes else (0, 0)
    return Focus(wanted=wanted, count=1, coarse=Coarse(first=first, low=low, high=high))


@FEWER
@given(
    st.lists(st.tuples(st.lists(BUCKET, min_size=1, max_size=60), FOCUS), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_merged_sketches_know_exactly_what_all_of_them_looked_into(
    kinds: list[tuple[list[int], list[int]]], rng: Any
) -> None:
    """Ranks found are those of all samples sorted; the others lie in the part that they are said to."""
    sketches, everything = [], []
    for buckets, cuts in kinds:
        gaps = np.array([int(edges()[min(b, 2**14 + 900)]) for b in buckets], dtype=np.int64)
        samples = rows_of(gaps, length=rng.choice([3, 17, 200]))
        sketch = Sketch.by(focus_on(cuts))
        sketch.focused = 10**9
        sketch.add_gaps(samples, np.empty(gaps.size + 1))
        sketches.append(sketch)
        everything.append(gaps)
    rng.shuffle(sketches)
    for other in sketches[1:]:
        sketches[0].merge(other)
    ordered = np.sort(np.concatenate(everything)).astype(np.float64)
    whole, ranks = sketches[0], range(ordered.size)
    assert not (whole.vague & whole.wanted).any()
    found = whole.known(ranks)
    bounds, counts = whole.parts()
    upto = np.cumsum(counts)
    for rank in ranks:
        if rank in found:
            assert found[rank] == ordered[rank]
        part = int(np.searchsorted(upto, rank, side="right"))
        assert bounds[part] <= ordered[rank] < bounds[part + 1]
        assert upto[part] - counts[part] == np.count_nonzero(ordered < bounds[part])
    complete = whole.wanted[np.searchsorted(edges(), ordered, side="right") - 1] == 1
    assert len(found) == int(complete.sum())


def test_steady_gaps_are_mostly_skipped_and_take_no_further_pass() -> None:
    """85 of a hundred, once it is known where the percentiles are."""
    parts = [gaps_like("gamma", 1, 300_000, np.random.default_rng(k)) for k in range(4)]
    seen: dict[Key, Focus] = {}
    pools = [pool_of([part], few=N_FINE, seen=seen) for part in parts]
    coarse = seen[KEY].coarse
    assert coarse is not None
    last = pools[-1].sketches[KEY]
    assert last.counts[0] + last.counts[coarse.low] > 0.8 * parts[-1].size
    for other in pools[1:]:
        pools[0].merge(other)
    assert searched(pools[0], parts) == (in_memory(parts), 0)


@pytest.mark.parametrize("scale", [1.3, 2.0, 10.0, 0.5])
def test_gaps_that_change_half_way_take_two_further_passes_at_most(scale: float) -> None:
    """One counts what was not told apart, in 16,384 parts; the other takes what it is about."""
    rng = np.random.default_rng(8)
    parts = [gaps_like("gamma", 1 if k < 5 else scale, 100_000, rng) for k in range(10)]
    pool = pool_of(parts, limit=4 << 20, few=N_FINE)
    found, passes = searched(pool, parts)
    assert found == in_memory(parts)
    assert 1 <= passes <= 2


@pytest.mark.parametrize("scale", [1.3, 2.0, 10.0, 0.5])
def test_gaps_that_change_half_way_take_one_second_look(scale: float) -> None:
    """An even sample of all says where; no further pass is needed, and little is kept."""
    rng = np.random.default_rng(8)
    parts = [gaps_like("gamma", 1 if k < 5 else scale, 100_000, rng) for k in range(10)]
    pool = pool_of(parts[:5], few=N_FINE)
    pool.merge(pool_of(parts[5:], few=N_FINE, seen={KEY: pool.sketches[KEY].focus}))
    search = pool.search()
    assert not search.done
    assert looked_again(pool, parts) == (in_memory(parts), 1, 0)
    second = pool.again(pool.refocused(search), 1)
    for part in parts:
        second.add_rows(KEY, rows_of(part))
    assert second.sketches[KEY].kept_bytes < 0.5 * 8 * 10**6


def test_what_misses_or_does_not_fit_is_looked_for_in_passes() -> None:
    rng = np.random.default_rng(8)
    parts = [gaps_like("gamma", 1 if k < 5 else 2, 100_000, rng) for k in range(10)]
    expected = in_memory(parts)
    pool = pool_of(parts, few=N_FINE)
    pool.limit_bytes = 100_000
    found, looks, passes = looked_again(pool, parts)
    assert (found, looks > 0, passes > 0) == (expected, False, True)
    misled = pool_of(parts, few=N_FINE)
    misled.sketches[KEY].sample.parts = [np.full(1000, 5, dtype=np.float32)]
    found, _, passes = looked_again(misled, parts)
    assert (found, passes > 0) == (expected, True)


def test_a_look_is_for_as_many_groups_as_fit_in_memory() -> None:
    """The next one is for those that were left."""
    rng = np.random.default_rng(8)
    keys: list[Key] = [("a",), ("b",)]
    parts = [gaps_like("gamma", 1 if k < 5 else 2, 100_000, rng) for k in range(10)]
    pool = GapPool(limit_bytes=AMPLE, whole=True)
    for part in parts:
        for key in keys:
            pool.add_rows(key, rows_of(part))
    search = pool.search()
    assert list(pool.refocused(search)) == keys
    lost = [rank for rank in wanted_ranks(10**6) if (keys[0], rank) not in search.found]
    _, held = pool.sketches[keys[0]].refocused(lost, AMPLE, AMPLE)
    for key in keys:
        pool.limit_bytes = 4 * (held - 1)
        focus = pool.refocused(search)
        assert key in focus
        pool.limit_bytes = AMPLE
        second = pool.again({key: focus[key]}, 1)
        for part in parts:
            second.add_rows(key, rows_of(part))
        search = pool.search(second, search.found)
    assert search.done
    assert list(search.distributions().values()) == [in_memory(parts)] * 2


def test_what_is_skipped_is_below_the_first_bracket_and_where_most_lie_above() -> None:
    """Nothing is where that would be little, or nothing is looked into."""
    counts = np.zeros(N_FINE, dtype=np.int64)
    counts[[100, 200, 300, 400]] = 300, 10, 500, 10
    wanted = np.zeros(N_FINE, dtype=np.uint8)
    wanted[150:250] = wanted[350:450] = 1
    assert coarse_of(counts, wanted) == Coarse(first=150, low=250, high=350)
    counts[[300, 500]] = 1, 900
    assert coarse_of(counts, wanted) == Coarse(first=150, low=450, high=N_FINE)
    counts[200] = 10_000
    assert coarse_of(counts, wanted) is None
    assert coarse_of(counts, np.zeros(N_FINE, dtype=np.uint8)) is None
    assert coarse_of(counts, np.ones(N_FINE, dtype=np.uint8)) is None
    wanted[150:] = 1
    assert coarse_of(counts[::-1].copy(), wanted[::-1].copy()) is None
    counts[100] = 10**6
    assert coarse_of(counts, wanted) == Coarse(first=150, low=0, high=0)


def test_brackets_narrow_as_samples_come_and_with_the_slack() -> None:
    rng = np.random.default_rng(2)
    few, many = (
        np.bincount(rng.integers(20_000, 40_000, size), minlength=N_FINE) for size in (10**5, 10**7)
    )
    shares = [
        brackets(counts, slack).sum() / 20_000 for counts in (few, many) for slack in (0.005, 0.001)
    ]
    assert shares[0] > 2 * shares[1] > 2 * shares[2] > 3 * shares[3]
    assert rank_places(many) <= set(np.flatnonzero(brackets(many, 0.0)).tolist())


def rank_places(counts: Ints) -> set[int]:
    """The buckets of the wanted ranks."""
    upto = np.cumsum(counts)
    ranks = wanted_ranks(int(upto[-1]))
    return set(np.searchsorted(upto, ranks, side="right").tolist())


def test_order_of_merging_is_nothing_to_the_figures() -> None:
    rng = np.random.default_rng(9)
    parts = [gaps_like("gamma", 1 + k / 50, 60_000, rng) for k in range(6)]
    expected = in_memory(parts)
    for seed in range(3):
        pools = [pool_of([part], seen={}) for part in parts]
        Random(seed).shuffle(pools)
        for other in pools[1:]:
            pools[0].merge(other)
        assert searched(pools[0], parts)[0] == expected
