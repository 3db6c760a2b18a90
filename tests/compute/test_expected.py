"""Gaps sifted while requests are measured: of the rows that were meant, every gap once, and no figure else."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.compute import Expected, Measured, MeasureSettings, Ready, Skip, compute
from sgengine.kernels import select
from sgengine.kernels.sparse import SEGMENT
from sgengine.objectives import Reader
from tests import strategies as ours
from tests.engine.make import plain_row
from tests.kernels.arrays import fine_buckets, sums_of

Row = dict[str, Any]

SLIM = MeasureSettings(envelopes=False, smoothness=False)

EDGES = np.empty(select.N_FINE + 1)
select.fine_edges(EDGES)


def expected_of(
    cuts: list[int], wanted: set[int], rule: str = "chunk", *, only_ok: bool = False
) -> Expected:
    """Buckets before the first cut, and between the others, are skipped; of the rest some are wanted."""
    first, low, high = sorted(cuts)
    flags = np.zeros(select.N_FINE, dtype=np.uint8)
    flags[[b for b in wanted if not (b < first or low <= b < high)]] = 1
    return Expected(
        rule=rule,
        only_ok=only_ok,
        wanted=flags,
        skip=Skip(first=int(EDGES[first]), low=int(EDGES[low]), high=int(EDGES[high])),
        counts=np.zeros(select.N_FINE, dtype=np.int64),
        room=lambda count: np.empty(count + 1),
        start=2,
        step=3,
    )


def batch_of(rows: list[Row]) -> pa.RecordBatch:
    """One batch, of no rows too."""
    table = ours.deliveries_table(rows)
    return (
        table.combine_chunks().to_batches()[0]
        if rows
        else pa.RecordBatch.from_pylist([], schema=table.schema)
    )


def assert_alike(found: Measured, plain: Measured) -> None:
    """The same REQUESTS and breaches."""
    assert found.requests.equals(plain.requests)
    assert found.breaches == plain.breaches
    assert found.kept.tolist() == plain.kept.tolist()


def assert_every_gap_once(ready: Ready, gaps: list[int]) -> None:
    """Copied, counted or skipped, and in the sums; every third is taken beside."""
    expected, sifted = ready.expected, ready.sifted
    buckets = [fine_buckets(float(gap)) for gap in gaps]
    wanted = set(np.flatnonzero(expected.wanted).tolist())
    kept = [float(gap) for gap, at in zip(gaps, buckets, strict=True) if at in wanted]
    assert sorted(ready.kept.tolist()) == sorted(kept)
    assert sifted.copied == len(kept)
    assert ready.taken.tolist() == gaps[expected.start :: expected.step]
    counted = Counter(dict(enumerate(expected.counts.tolist())))
    assert +counted <= Counter(buckets)
    missing = Counter(buckets) - counted
    edges = (expected.skip.first, expected.skip.low, expected.skip.high)
    first, low, high = (int(np.searchsorted(EDGES, edge)) for edge in edges)
    assert sum(count for at, count in missing.items() if at < first) == sifted.below
    assert sum(count for at, count in missing.items() if low <= at < high) == sifted.between
    assert all(at < first or low <= at < high for at in missing)
    if not gaps:
        return
    if max(gaps) >= 2**53:
        assert sifted.sums is None
        return
    assert sifted.sums is not None
    assert (sifted.sums.least, sifted.sums.most) == (min(gaps), max(gaps))
    assert sums_of(sifted.sums.limbs) == (sum(gaps), sum(gap**2 for gap in gaps))


BROKEN = st.sampled_from(
    [{}, {}, {}, {"chunk_times_ns": [-5, 7]}, {"chunk_times_ns": [9, 4]}, {"status": "?"}]
)


@given(
    ours.deliveries(),
    st.lists(BROKEN, min_size=8, max_size=8),
    st.lists(st.integers(0, select.N_FINE), min_size=3, max_size=3),
    st.sampled_from(["chunk", "chunk", "token"]),
    st.booleans(),
    st.data(),
)
def test_what_is_sifted_on_the_way_is_what_the_rows_have(
    rows: list[Row], broken: list[Row], cuts: list[int], rule: str, only_ok: bool, data: Any
) -> None:
    """Rows of every shape, some that break rules; and what is measured is the same."""
    rows = [
        row | change if row["timing"] in ("token", "split") and row["chunk_tokens"] is None else row
        for row, change in zip(rows, broken, strict=False)
    ]
    batch = batch_of(rows)
    settings = replace(SLIM, itl_rule=rule)
    plain = compute(batch, settings)
    lists = {
        k: rows[k]["chunk_times_ns"]
        for k in plain.kept.tolist()
        if rows[k]["chunk_times_ns"] and len(rows[k]["chunk_times_ns"]) > 1
        if rows[k]["status"] == "ok" or not only_ok
    }
    gaps = [b - a for times in lists.values() for a, b in pairwise(times)]
    near = st.sampled_from([fine_buckets(float(gap)) for gap in gaps] or [0])
    expected = expected_of(cuts, data.draw(st.sets(near)), rule, only_ok=only_ok)
    found = compute(batch, settings, expected)
    assert_alike(found, plain)
    if found.ready is None:
        assert rule == "token"
        return
    assert found.ready.rows.tolist() == list(lists)
    assert_every_gap_once(found.ready, gaps)


def test_rows_of_any_length_are_sifted() -> None:
    """Of few gaps and of more than go through the sieve at once; some too wide for it, or out of order."""
    lengths = [3, SEGMENT + 1, 2, SEGMENT + 2, 5 * SEGMENT, 17, 16, 300, 300, 40]
    rows = [
        plain_row(k, list(accumulate(range(10**6, 10**6 - 50 * length, -50))))
        for k, length in enumerate(lengths)
    ]
    rows[-3]["chunk_times_ns"][150:] = [2**32 + t for t in rows[-3]["chunk_times_ns"][150:]]
    rows[-2]["chunk_times_ns"][150:] = rows[-2]["chunk_times_ns"][:150]
    batch = batch_of(rows)
    cuts = [fine_buckets(600_000), fine_buckets(700_000), fine_buckets(900_000)]
    wanted = set(range(fine_buckets(620_000), fine_buckets(680_000)))
    found = compute(batch, SLIM, expected_of(cuts, wanted))
    assert_alike(found, compute(batch, SLIM))
    assert [breach.row for breach in found.breaches] == [8]
    assert found.ready is not None
    assert found.ready.rows.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 9]
    assert min(found.ready.sifted.below, found.ready.sifted.between, found.ready.sifted.copied) > 0
    gaps = [b - a for row in rows if row is not rows[8] for a, b in pairwise(row["chunk_times_ns"])]
    assert_every_gap_once(found.ready, gaps)


@pytest.mark.parametrize(
    "reader", [(2 * 10**8, 2 * 10**8), (0, 0), (5, 2**61), (2**62, 3), (10**9, 10**9)]
)
def test_a_reader_is_met_as_without_sifting(reader: tuple[int, int]) -> None:
    """One who waits for the first token alone, one whose deadlines end, times that begin before arrival."""
    steady = list(range(10**8, 10**8 + 40 * 10**6, 10**6))
    rows = [
        plain_row(k, times)
        for k, times in enumerate(
            [steady, [t + 3 * 10**9 for t in steady], [-5, *steady], [0, *steady], steady[:2]]
        )
    ]
    settings = replace(SLIM, reader=Reader(first_ns=reader[0], pace_ns=reader[1]))
    found = compute(batch_of(rows), settings, expected_of([0, 0, 0], set()))
    assert_alike(found, compute(batch_of(rows), settings))
    assert [breach.row for breach in found.breaches] == [2]
    assert found.ready is not None
    assert found.ready.rows.tolist() == [0, 1, 3, 4]


def test_samples_that_are_no_gaps_are_not_sifted() -> None:
    """Under the token rule a chunk of two tokens has a sample of 0."""
    rows = [plain_row(0, [5, 9]), plain_row(1, [5, 9], chunk_tokens=[1, 2])]
    everywhere = expected_of([0, 0, 0], set())
    assert compute(batch_of(rows), SLIM, everywhere).ready is not None
    of_tokens = expected_of([0, 0, 0], set(), "token")
    assert compute(batch_of(rows), replace(SLIM, itl_rule="token"), of_tokens).ready is None
    for more in ({"envelopes": True}, {"smoothness": True}):
        assert compute(batch_of(rows), replace(SLIM, **more), everywhere).ready is None
    alone = compute(batch_of(rows[:1]), replace(SLIM, itl_rule="token"), of_tokens)
    assert alone.ready is not None
