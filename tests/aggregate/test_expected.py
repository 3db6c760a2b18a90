"""Which group the next batch is expected to be of, and that being wrong changes no figure."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.aggregate import Aggregator, GapPool, SummarySettings, only
from sgengine.compute import MeasureSettings, RowSamples, compute
from tests import strategies as ours
from tests.effort import FEWER
from tests.engine.make import plain_row

SMALL = 2_000
"""Gaps by which a percentile is known about, here."""

MEASURE = MeasureSettings(envelopes=False, smoothness=False)


def batch_of(kinds: str, seed: int) -> pa.RecordBatch:
    """A request of 200 gaps for each letter: of run a or b, or cut short (x), of run a."""
    rng = np.random.default_rng(seed)
    rows = []
    for k, kind in enumerate(kinds):
        times = list(accumulate(np.rint(rng.gamma(4, 5e6, 201)).astype(int).tolist()))
        run, status = ("a", "failed") if kind == "x" else (kind, "ok")
        rows.append(plain_row(k, times, run=run, status=status))
    return ours.deliveries_table(rows).combine_chunks().to_batches()[0]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sketches that begin early; how many gaps came ready, of each batch for which any were expected."""
    taken: list[int] = []
    whole = GapPool.add_ready

    def added(self: GapPool, key: Any, samples: RowSamples, ready: Any) -> None:
        taken.append(samples.count)
        whole(self, key, samples, ready)

    monkeypatch.setattr(GapPool, "add_ready", added)
    monkeypatch.setattr("sgengine.aggregate.pool._PIECE", SMALL)
    return taken


def figures(batches: list[pa.RecordBatch], settings: SummarySettings, *, ahead: bool) -> list[Any]:
    """Those of all batches; ``ahead``: gaps are sifted on the way where that is expected to be of use."""
    aggregate = Aggregator(settings=settings)
    aggregate.pool.few = 500
    for batch in batches:
        measured = compute(batch, MEASURE, aggregate.expected() if ahead else None)
        aggregate.add(measured.columns, measured)
    return aggregate.finish()


def test_a_third_batch_of_one_group_is_sifted_on_the_way(small: list[int]) -> None:
    settings = SummarySettings(by=("run",))
    batches = [batch_of("a" * 20, k) for k in range(5)]
    assert figures(batches, settings, ahead=True) == figures(batches, settings, ahead=False)
    assert small == [4000] * 3


def test_nothing_is_expected_where_groups_alternate_or_are_mixed(small: list[int]) -> None:
    settings = SummarySettings(by=("run",))
    for kinds in (["a" * 20, "b" * 20] * 3, ["ab" * 20] * 4):
        batches = [batch_of(kind, k) for k, kind in enumerate(kinds)]
        assert figures(batches, settings, ahead=True) == figures(batches, settings, ahead=False)
    assert small == []


def test_what_was_expected_in_vain_is_sifted_again(small: list[int]) -> None:
    """Another group, and rows of two."""
    settings = SummarySettings(by=("run",))
    kinds = ["a" * 20, "a" * 20, "b" * 20, "a" * 20, "a" * 20, "ab" * 20, "a" * 20]
    batches = [batch_of(kind, k) for k, kind in enumerate(kinds)]
    assert figures(batches, settings, ahead=True) == figures(batches, settings, ahead=False)
    assert small == []


def test_nothing_is_expected_just_after_it_was_in_vain(small: list[int]) -> None:
    """Rows that are outside of their runs' sections: the next batch may have some, too."""
    aggregate = Aggregator(settings=SummarySettings(by=("run",)))
    aggregate.pool.few = 500
    expected = []
    for k in range(8):
        said = aggregate.expected()
        expected.append(said is not None)
        measured = compute(batch_of("a" * 20, k), MEASURE, said)
        part = only(measured, np.arange(10)) if k in (3, 4, 5) else measured
        aggregate.add(part.columns, part)
    assert expected == [False, False, True, True, False, True, False, True]
    assert small == [4000] * 2


def test_requests_that_are_left_out_are_not_sifted(small: list[int]) -> None:
    batches = [batch_of("aaxa" * 5, k) for k in range(4)]
    for population, gaps in (("ok", 3000), ("defined", 4000)):
        settings = SummarySettings(population=population)
        assert figures(batches, settings, ahead=True) == figures(batches, settings, ahead=False)
        assert small == [gaps] * 2
        small.clear()


@FEWER
@given(
    st.lists(st.text("aaaabx", min_size=1, max_size=12), min_size=1, max_size=8),
    st.sampled_from([("run",), ("system",)]),
    st.sampled_from(["ok", "defined"]),
    st.integers(0, 99),
)
def test_figures_are_the_same_whatever_was_expected(
    kinds: list[str], by: tuple[str, ...], population: str, seed: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sgengine.aggregate.pool._PIECE", 300)
        batches = [batch_of(kind, seed + k) for k, kind in enumerate(kinds)]
        settings = SummarySettings(by=by, population=population)
        assert figures(batches, settings, ahead=True) == figures(batches, settings, ahead=False)
