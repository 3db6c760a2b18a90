"""Order statistics by what a sample says: right where they are known, whatever the sample is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.aggregate import spool, streamed
from sgengine.aggregate.distribution import distribution
from sgengine.aggregate.moments import Moments
from sgengine.aggregate.near import Near
from sgengine.aggregate.sketch import wanted_ranks
from sgengine.aggregate.spool import Column, Spool
from sgengine.aggregate.streamed import distribution_in, order_statistics

Floats = np.ndarray[Any, np.dtype[np.float64]]
KEY = ("a",)

NUMBERS = st.lists(
    st.one_of(st.sampled_from([0.0, 0.0, 1.0, 5.0]), st.floats(0.0, 1e12)), min_size=1, max_size=60
)


def column_of(parts: list[Floats], limit: int = 1 << 60) -> Column:
    found = Spool(limit_bytes=limit)
    for part in parts:
        found.add(KEY, {"e2e": part})
    return found.column(KEY, "e2e")


@given(NUMBERS, NUMBERS, st.data(), st.integers(0, 70))
def test_what_is_known_is_right_whatever_the_sample(
    values: list[float], sample: list[float], data: st.DataObject, most: int
) -> None:
    ranks = data.draw(st.lists(st.integers(0, len(values) - 1), min_size=1, max_size=5))
    near = Near(np.array(sample), len(values), ranks, most)
    if not all(near.add(part) for part in np.array_split(np.array(values), 3)):
        assert len(values) > most
        return
    ordered = np.sort(values)
    found = near.known(ranks)
    assert found == {rank: ordered[rank] for rank in found}


@pytest.mark.parametrize("size", [1 << 17, 300_000])
@pytest.mark.parametrize("limit", [1 << 60, 1 << 18])
@pytest.mark.parametrize("shape", ["drift", "alike", "waits", "steps", "mixed"])
def test_a_sample_of_all_parts_tells_where_percentiles_are(
    shape: str, limit: int, size: int
) -> None:
    """Also where numbers grow while they come, are alike, or half of them 0: nothing is left to look for."""
    rng = np.random.default_rng(size)
    values = np.rint(rng.lognormal(20, 1, size))
    if shape == "drift":
        values *= np.linspace(1, 50, size)
    elif shape == "alike":
        values[:] = 12_345_678.0
    elif shape == "waits":
        values[rng.random(size) < 0.5] = 0.0
    elif shape == "steps":
        values = np.round(values, -9)
    else:
        values[size // 3 : size // 2] *= 100
    parts = np.array_split(values, 23)
    column, moments = column_of(parts, limit), Moments(whole=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streamed, "by_buckets", lambda *_, **__: pytest.fail("looked at again"))
        found = order_statistics(column, wanted_ranks(size), moments)
    ordered = np.sort(values)
    assert found == {rank: ordered[rank] for rank in wanted_ranks(size)}
    assert (moments.least, moments.most) == (ordered[0], ordered[-1])
    assert distribution_in(column, whole=True).p99 == distribution(values).p99


@given(
    st.lists(st.integers(0, 40), max_size=12),
    st.integers(1, 50),
    st.sampled_from([0, 300, 1 << 60]),
)
def test_a_sample_is_taken_evenly_from_memory_and_disk(
    sizes: list[int], size: int, limit: int
) -> None:
    values = np.arange(float(sum(sizes)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "RUN", 3)
        column = column_of(np.split(values, np.cumsum(sizes)[:-1]) if sizes else [], limit)
        found = column.sample(size)
    assert np.unique(found).size == found.size
    assert np.isin(found, values).all()
    assert found.size >= min(values.size, 1)
    step = max(values.size // size, 1)
    if values.size:
        assert np.diff(np.sort(found), append=values[-1]).max() <= 4 * step + 3
        assert found.size <= values.size / step + 3 * len(sizes)


def test_a_sample_that_misses_a_percentile_costs_another_look() -> None:
    """Every sampled number is small, all others are large."""
    values = np.full(1 << 17, 1e9) + np.arange(1 << 17)
    values[:: (1 << 17) // streamed.SAMPLE] = 1.0
    found = order_statistics(column_of([values]), [1 << 16], Moments(whole=True))
    assert found == {1 << 16: np.sort(values)[1 << 16]}
