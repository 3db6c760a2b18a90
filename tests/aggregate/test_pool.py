"""Pooled samples in bounded memory: the same statistics as with all of them at hand."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sgengine.aggregate import (
    QUANTILES,
    STATISTICS,
    Distribution,
    Focus,
    GapPool,
    Gathering,
    Key,
    distribution,
)
from sgengine.aggregate.focus import SLACK
from sgengine.kernels.select import N_FINE
from tests.effort import FEWER

Floats = np.ndarray[Any, np.dtype[np.float64]]
Part = tuple[Key, Floats]

AMPLE = 1 << 40
NONE = np.zeros(0, dtype=np.int64)

TIES = st.sampled_from([0.0, 1.0, 5_000_000.0, 5_000_001.0])
WHOLE = st.one_of(
    TIES,
    st.integers(0, 300).map(float),
    st.integers(20_000_000, 20_100_000).map(float),
    st.integers(0, 2**53).map(float),
)
SPREAD = st.one_of(
    TIES,
    st.floats(0.0, 1e3),
    st.tuples(st.integers(0, 10**9), st.integers(1, 60)).map(lambda pair: pair[0] / pair[1]),
    st.floats(2e7, 2e7 + 1e-6),
)
LIMITS = st.sampled_from([0, 64, 1000, 600_000, 1_200_000])
"""In bytes; a sketch takes half a million, so that all of them and some of them fit."""
FEW = st.sampled_from([0, 1, 7, N_FINE])


def samples_of(whole: bool) -> st.SearchStrategy[list[Part]]:
    """Parts of two groups' samples; heavy ties among them."""
    values = st.lists(WHOLE if whole else SPREAD, max_size=40).map(
        lambda found: np.array(found, dtype=np.float64)
    )
    repeated = st.tuples(values, st.integers(1, 30)).map(lambda pair: np.repeat(*pair))
    keys = st.sampled_from([("a",), ("b",)])
    return st.lists(st.tuples(keys, st.one_of(values, repeated)), min_size=1, max_size=6)


def pool_of(
    parts: list[Part],
    whole: bool,
    limit: int,
    few: int = N_FINE,
    seen: dict[Key, Focus] | None = None,
) -> GapPool:
    pool = GapPool(limit_bytes=limit, whole=whole, few=few, seen={} if seen is None else seen)
    for key, values in parts:
        pool.add([key], NONE, values)
    return pool


def searched(pool: GapPool, passes_over: list[list[Part]], rng: Any) -> dict[Key, Distribution]:
    """The statistics by further passes, each made by several workers whose parts come in any order."""

    def passed(empty: Gathering) -> Gathering:
        gathered = []
        for parts in passes_over:
            mine = empty.again()
            for key, values in parts:
                mine.add([key], NONE, values)
            gathered.append(mine)
        rng.shuffle(gathered)
        for each in gathered:
            empty.merge(each)
        return empty

    return pool.search().run(passed)


def merged(pools: list[GapPool], rng: Any) -> GapPool:
    """One pool of several, merged in any tree."""
    pending = list(pools)
    while len(pending) > 1:
        one = pending.pop(rng.randrange(len(pending)))
        one.merge(pending.pop(rng.randrange(len(pending))))
        pending.append(one)
    return pending[0]


def in_memory(parts: list[Part], whole: bool) -> dict[Key, Distribution]:
    return pool_of(parts, whole, AMPLE).distributions()


@pytest.mark.parametrize("whole", [True, False], ids=["whole ns", "fractions"])
@FEWER
@given(data=st.data(), limit=LIMITS, few=FEW, rng=st.randoms(use_true_random=False))
def test_a_pool_beyond_its_limit_gives_what_it_would_give_in_memory(
    whole: bool, data: st.DataObject, limit: int, few: int, rng: Any
) -> None:
    """Equal to the last bit, for any partition into workers and any order of merging, sketched or not.

    Whether workers tell each other where percentiles lie decides nothing.
    """
    parts = data.draw(samples_of(whole))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(parts)), max_size=3)))
    workers = [parts[a:b] for a, b in pairwise([0, *cuts, len(parts)])]
    seen: dict[Key, Focus] | None = {} if data.draw(st.booleans()) else None
    pool = merged([pool_of(mine, whole, limit, few, seen) for mine in workers], rng)
    assert searched(pool, workers, rng) == in_memory(parts, whole)
    assert pool.search().done or pool.sketches


@pytest.mark.parametrize("whole", [True, False], ids=["whole ns", "fractions"])
@given(data=st.data())
def test_samples_in_memory_have_the_statistics_of_all_their_values(
    whole: bool, data: st.DataObject
) -> None:
    """Percentiles and extremes to the last bit; mean and spread to 1e-9 and 1e-6 ns.

    And to what the mean of large equal values is rounded by: 27 of 333599972397815 ns deviate by 0.06.
    """
    parts = data.draw(samples_of(whole))
    found = in_memory(parts, whole)
    for key in {key for key, values in parts if values.size}:
        values = np.concatenate([values for mine, values in parts if mine == key])
        expected = distribution(values)
        for name in ("count", "min", "max", *(name for name, _ in QUANTILES)):
            assert getattr(found[key], name) == getattr(expected, name), name
        for name in ("mean", "std"):
            rounded = 1e-6 + 1e-15 * float(values.max())
            near = pytest.approx(getattr(expected, name), rel=1e-9, abs=rounded)
            assert getattr(found[key], name) == near, name


@given(samples_of(whole=True), st.randoms(use_true_random=False))
@example([(("a",), np.array([2.0**63, 0.0, 2.0**63])), (("a",), np.array([2.0**62]))], None)
def test_whole_samples_as_large_as_int64_are_found(parts: list[Part], rng: Any) -> None:
    if rng is None:
        rng = Random(1)
    for few in (0, N_FINE):
        pool = pool_of(parts, True, 0, few)
        assert searched(pool, [parts], rng) == in_memory(parts, whole=True)


def test_a_group_without_samples_has_no_distribution() -> None:
    pool = pool_of([(("a",), np.zeros(0))], True, AMPLE)
    assert pool.distributions() == {}


@pytest.mark.parametrize("whole", [True, False], ids=["whole ns", "fractions"])
@pytest.mark.parametrize("limit", [0, 10_000, 300_000])
def test_a_hundred_thousand_samples_need_few_passes(whole: bool, limit: int) -> None:
    """Lognormal gaps with heavy ties; a pass may hold no more than the limit."""
    rng = np.random.default_rng(5)
    values = rng.lognormal(17, 1, 100_000)
    values[:30_000] = 20_000_000.0
    values = np.rint(values) if whole else values
    parts: list[Part] = [(("a",), part) for part in np.array_split(rng.permutation(values), 7)]
    pool = pool_of(parts, whole, limit)
    assert not pool.search().done
    passes = []

    def passed(empty: Gathering) -> Gathering:
        passes.append(len(empty.passes))
        for key, part in parts:
            empty.add([key], NONE, part)
        held = sum(v.nbytes for each in empty.passes for v in each.values)
        assert limit == 0 or held <= limit
        return empty

    found = pool.search().run(passed)
    assert found == in_memory(parts, whole)
    assert len(passes) <= 4
    assert [getattr(found["a",], name) for name in STATISTICS] == pytest.approx(
        [getattr(distribution(values), name) for name in STATISTICS], rel=1e-9
    )


def test_samples_of_several_groups_are_told_apart_by_their_codes() -> None:
    pool = GapPool(limit_bytes=AMPLE, whole=True)
    keys: list[Key] = [("a",), ("b",), ("c",)]
    codes = np.array([2, 0, 2, 0, 2], dtype=np.int64)
    pool.add(keys, codes, np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    found = pool.distributions()
    assert {key: (each.count, each.min, each.max) for key, each in found.items()} == {
        ("a",): (2, 2.0, 4.0),
        ("c",): (3, 1.0, 5.0),
    }


def test_a_million_equal_fractions_are_never_collected() -> None:
    """Ties cannot be cut apart, and need not be held."""
    values = np.full(1_000_000, 20_000_000.1)
    values[::3] = 0.0
    values[::7] = np.nextafter(20_000_000.1, 0)
    parts: list[Part] = [(("a",), values)]
    limit = 1000
    pool = pool_of(parts, False, limit)
    passes = 0

    def passed(empty: Gathering) -> Gathering:
        nonlocal passes
        passes += 1
        empty.add([("a",)], NONE, values)
        assert sum(v.nbytes for each in empty.passes for v in each.values) <= limit
        return empty

    assert pool.search().run(passed) == in_memory(parts, False)
    assert passes <= 5


def test_a_sketch_keeps_a_few_samples_in_a_hundred_and_needs_no_further_pass() -> None:
    """Of a million independent samples; and its memory is a sixth of theirs."""
    values = np.rint(np.random.default_rng(3).gamma(4, 5e6, 1_000_000))
    parts: list[Part] = [(("a",), part) for part in np.array_split(values, 9)]
    pool = pool_of(parts, True, AMPLE)
    assert pool.search().done
    assert sum(part.size for part in pool.sketches["a",].kept) < 100_000
    assert pool.held_bytes == pool.sketches["a",].nbytes < values.nbytes / 6
    assert pool.distributions()["a",] == in_memory_all(values)


def test_percentiles_that_drift_away_take_one_further_pass() -> None:
    rng = np.random.default_rng(4)
    drifting = [np.rint(rng.gamma(4, 5e6 * (1 + k), 120_000)) for k in range(4)]
    parts: list[Part] = [(("a",), part) for part in drifting]
    pool = pool_of(parts, True, AMPLE)
    assert not pool.search().done
    passes = []

    def passed(empty: Gathering) -> Gathering:
        passes.append(len(empty.passes))
        for key, values in parts:
            empty.add([key], NONE, values)
        return empty

    assert pool.search().run(passed)["a",] == in_memory_all(np.concatenate(drifting))
    assert len(passes) == 1


def test_parts_that_know_where_percentiles_lie_keep_less() -> None:
    """They keep less than 7 % of their samples from the first on, two thirds of what each does alone."""
    values = np.rint(np.random.default_rng(3).gamma(4, 5e6, 1_000_000))
    parts = np.array_split(values, 10)
    seen: dict[Key, Focus] = {}
    found = pool_of([(("a",), values)], True, AMPLE, seen=seen)
    later = [pool_of([(("a",), part)], True, AMPLE, seen=seen) for part in parts]
    alone = [pool_of([(("a",), part)], True, AMPLE) for part in parts]
    kept = [pool.sketches["a",].kept_bytes for pool in later]
    assert sum(kept) < 0.07 * values.nbytes
    assert sum(pool.sketches["a",].kept_bytes for pool in alone) > 1.4 * sum(kept)
    assert found.distributions()["a",] == in_memory_all(values)
    whole = merged(later, Random(1))
    assert whole.search().done
    assert whole.distributions()["a",] == in_memory_all(values)


def test_what_merging_leaves_incomplete_goes_before_percentiles_lose_room_to_drift() -> None:
    rng = np.random.default_rng(4)
    pools = [
        pool_of([(("a",), np.rint(rng.gamma(4, scale, 4_000_000)))], True, AMPLE)
        for scale in (5e6, 6e6, 7e6)
    ]
    kept = [pool.sketches["a",].kept_bytes for pool in pools]
    whole, sketch = pools[0], pools[0].sketches["a",]
    whole.limit_bytes = 8 * (kept[0] + kept[1] // 2)
    whole.merge(pools[1])
    complete = 8 * int(sketch.counts[sketch.wanted == 1].sum())
    assert complete <= sketch.kept_bytes <= 1.25 * complete < kept[0] + kept[1]
    assert sketch.slack == SLACK
    assert whole.held_bytes == sketch.nbytes
    whole.limit_bytes = AMPLE
    before = sketch.kept_bytes
    whole.merge(pools[2])
    assert sketch.kept_bytes == before + kept[2]
    sketch.clear()
    assert sketch.kept_bytes <= 1.25 * 8 * int(sketch.counts[sketch.wanted == 1].sum())


def in_memory_all(values: Floats) -> Distribution:
    """Of samples that are all held."""
    return pool_of([(("a",), values)], True, AMPLE, few=values.size).distributions()["a",]


def test_small_groups_beyond_the_limit_wait_on_disk() -> None:
    parts: list[Part] = [((k % 50,), np.arange(20.0) + k) for k in range(200)]
    pool = pool_of(parts, True, 1000)
    assert pool.held_bytes <= 1000
    assert pool.distributions() == in_memory(parts, True)


def test_a_large_group_gives_its_percentiles_less_room_before_others_lose_theirs() -> None:
    """Beyond a quarter of the limit; nothing else is dropped, and no further pass is needed."""
    values = np.rint(np.random.default_rng(6).gamma(4, 5e6, 4_000_000))
    parts: list[Part] = [(("a",), part) for part in np.array_split(values, 40)]
    limit = 3 << 20
    pool = pool_of(parts, True, limit)
    assert pool.sketches["a",].kept_bytes <= limit // 4
    assert pool.sketches["a",].slack < SLACK
    assert pool.held_bytes == pool.sketches["a",].nbytes
    assert pool.search().done
    assert pool.distributions()["a",] == in_memory_all(values)
