"""An even sample: every so many-th gap, however they come, and however samples are merged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.aggregate import gap_sample
from sgengine.aggregate.gap_sample import GapSample


def held(sample: GapSample) -> list[float]:
    return [float(value) for part in sample.parts for value in part]


@given(st.lists(st.integers(0, 40), max_size=8), st.integers(1, 30), st.integers(1, 12))
def test_every_so_many_th_is_held_however_they_come(
    counts: list[int], step: int, most: int
) -> None:
    """Told by place or taken already; beyond the most that is held, every second of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gap_sample, "MOST", most)
        asked, given_ = GapSample(step=step), GapSample(step=step)
        values = np.arange(sum(counts), dtype=np.float64)
        before = 0
        for count in counts:
            mine = values[before : before + count]
            asked.add(count, mine.take)
            given_.add_taken(count, mine[given_.skip :: given_.step])
            before += count
            for sample in (asked, given_):
                assert len(held(sample)) == sample.size <= most
                assert sample.nbytes == 4 * sample.size
        for sample in (asked, given_):
            found = held(sample)
            assert sorted(set(found)) == found == sample.ordered().tolist()
            assert all(value % step == 0 for value in found)
            if asked.step == step:
                assert found == values[::step].tolist()


@given(st.lists(st.integers(1, 300), min_size=1, max_size=6), st.integers(1, 40))
def test_samples_that_are_merged_are_of_one_step(counts: list[int], most: int) -> None:
    """So each gap weighs as much as every other, but for one of each part."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gap_sample, "MOST", most)
        whole = GapSample(step=1)
        for k, count in enumerate(counts):
            part = GapSample(step=1)
            part.add(count, np.full(count, float(k)).take)
            whole.merge(part)
        assert whole.size <= most
        for k, count in enumerate(counts):
            share = held(whole).count(float(k))
            assert abs(share - count / whole.step) < len(counts) + 1
