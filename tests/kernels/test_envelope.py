"""The upper hull: exact, strictly convex, and as good as the tokens for every reader."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.compute import MeasureSettings, compute
from sgengine.compute import rows as kernels
from sgengine.compute.envelopes import idle_at
from sgengine.kernels.envelope import envelope_at
from sgengine.schema import ENVELOPE
from tests import reference as ref
from tests import strategies as own
from tests.bridge import batch_of, reader_of
from tests.kernels.arrays import counts_of, delivered, hulls_of, ints, offsets_of, ragged_of

Point = tuple[int, int]
Sized = tuple[list[int], list[int]]

IS_COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


@given(st.lists(own.curves(), max_size=5))
def test_the_hull_is_the_reference_hull_exactly(curves: list[Sized]) -> None:
    assert hulls_of(curves) == [ref.envelope(ref.chunk_points(*curve)) for curve in curves]


@given(own.chunk_times(min_size=1, max_size=40, gaps=st.integers(0, 3)))
def test_the_hull_of_many_ties_and_lines_is_the_reference_hull(times: list[int]) -> None:
    points = list(enumerate(times, 1))
    assert hulls_of([(times, None)]) == [ref.envelope(points)]


@given(
    st.lists(st.tuples(st.integers(1, 70), st.integers(1, 4)), min_size=1, max_size=3),
    st.integers(0, 999),
)
def test_the_hull_over_many_blocks_of_points_is_the_reference_hull(
    rows: list[tuple[int, int]], seed: int
) -> None:
    """Whole blocks, a part of one behind them, and a row whose last point is the last of all."""
    rng = np.random.default_rng(seed)
    curves: list[tuple[list[int], None]] = []
    for count, stalls in rows:
        gaps = rng.integers(0, 9, count)
        gaps[rng.integers(0, count, stalls)] += rng.integers(0, 99, stalls)
        curves.append((np.cumsum(gaps).tolist(), None))
    assert hulls_of(curves) == [ref.envelope(list(enumerate(times, 1))) for times, _ in curves]


@given(own.curves())
def test_hulls_are_strictly_convex_and_keep_both_ends(curve: Sized) -> None:
    (hull,) = hulls_of([curve])
    points = ref.chunk_points(*curve)
    assert (hull[0], hull[-1]) == (points[0], points[-1])
    for (a, s), (b, t), (c, u) in zip(hull, hull[1:], hull[2:], strict=False):
        assert (t - s) * (c - b) > (u - t) * (b - a)


@given(st.lists(own.curves(), min_size=1, max_size=4), st.lists(own.readers(), min_size=1))
def test_the_hull_gives_the_idle_latency_of_any_reader_without_the_tokens(
    curves: list[Sized], readers: list[tuple[int, int]]
) -> None:
    hulls = hulls_of(curves)
    offsets = offsets_of([len(hull) for hull in hulls])
    tokens = ints([i for hull in hulls for i, _ in hull], np.int32)
    times = ints([t for hull in hulls for _, t in hull])
    for first, pace in readers:
        out = np.zeros(len(curves), dtype=np.int64)
        envelope_at(offsets, tokens, times, first, pace, out)
        assert out.tolist() == [found.idle for found in delivered(curves, first, pace)]


@given(own.deliveries(min_size=1), own.readers(), own.readers(), st.data())
def test_stored_envelopes_answer_for_another_reader_as_if_measured_with_it(
    rows: list[dict[str, Any]],
    measured: tuple[int, int],
    asked: tuple[int, int],
    data: st.DataObject,
) -> None:
    """Bounds too; in slices of the column too."""
    batch = batch_of(rows)
    stored = compute(batch, MeasureSettings(reader=reader_of(measured))).requests
    anew = compute(batch, MeasureSettings(reader=reader_of(asked))).requests
    start = data.draw(st.integers(0, batch.num_rows))
    for envelope, idle in (
        ("envelope", "user_idle_latency_ns"),
        ("envelope_min", "user_idle_latency_ns_min"),
        ("envelope_max", "user_idle_latency_ns_max"),
    ):
        found = idle_at(stored.column(envelope).slice(start), reader_of(asked))
        expected = anew.column(idle).slice(start).fill_null(-1)
        assert found.tolist() == expected.to_pylist(), envelope


def test_an_empty_or_unknown_envelope_answers_minus_one() -> None:
    envelope = pa.array([[], None, [(1, 300)]], type=ENVELOPE)
    assert idle_at(envelope, reader_of((100, 0))).tolist() == [-1, -1, 200]


# --- Beyond 64 bits ------------------------------------------------------------------------------


def assert_is_hull(hull: list[Point], times: np.ndarray[Any, Any]) -> None:
    """Ends, strict convexity, and no point above: together exactly the upper hull."""
    assert hull[0] == (1, int(times[0]))
    assert hull[-1] == (times.size, int(times[-1]))
    tops, heights = (np.array(part, dtype=object) for part in zip(*hull, strict=True))
    runs, rises = np.diff(tops), np.diff(heights)
    assert (rises[:-1] * runs[1:] > rises[1:] * runs[:-1]).all()
    index = np.arange(1, times.size + 1)
    under = np.searchsorted(tops.astype(np.int64), index[1:], side="left") - 1
    above = (times[1:] - heights[under]) * runs[under]
    assert (above <= rises[under] * (index[1:] - tops[under])).all()


@pytest.mark.parametrize(
    ("shape", "n"), [("straight", 1_000_000), ("stalls", 1_000_000), ("bowed", 100_000)]
)
def test_a_million_tokens_over_hours_have_an_exact_hull(shape: str, n: int) -> None:
    """Products of a time and an index pass 2^63 here; of a bowed curve most points are vertices."""
    n = n if IS_COMPILED else 20_000
    last = 26 * 360 * 10**9 * (1_000_000 // n)
    rng = np.random.default_rng(7)
    even = np.linspace(0.0, 1.0, n)
    if shape == "straight":
        times = (even * last).astype(np.int64) + rng.integers(0, 3, n)
    elif shape == "bowed":
        times = (np.sqrt(even) * last).astype(np.int64)
    else:
        steps = np.where(rng.random(n) < 1e-3, 1000.0, 1.0)
        times = (np.cumsum(steps) / steps.sum() * last).astype(np.int64)
    times = np.maximum.accumulate(times)
    times[-1] = max(times[-1], last)
    assert int(times[-1]) * n > 2**63
    (hull,) = hulls_of([(times, None)])
    assert_is_hull(hull, times)


# --- Room for the vertices -----------------------------------------------------------------------


def bowed(count: int) -> list[int]:
    """Times whose every point is a vertex: each gap is shorter than the one before."""
    return np.cumsum(np.arange(count, 0, -1)).tolist()


@given(st.lists(st.integers(0, 60), max_size=12))
def test_hulls_that_outgrow_the_first_guess_are_complete(counts: list[int]) -> None:
    curves = [(bowed(count), None) for count in counts]
    assert hulls_of(curves) == [list(enumerate(bowed(count), 1)) for count in counts]


def test_paces_written_before_the_room_grew_stay() -> None:
    curves = [(bowed(count), None) for count in (30, 3, 200, 1, 50, 400)]
    settings = MeasureSettings(reader=reader_of((500, 0)))
    found = kernels.measure_rows(ragged_of(curves), counts_of(curves), settings).hulls
    assert found is not None
    for k, (times, _) in enumerate(curves):
        eq5, sustained = ref.eq5_pace(times), ref.sustained_pace(times, 500)
        assert eq5 is not None
        assert sustained is not None
        assert found.eq5_pace[k] == ref.round_up_to_double(eq5)
        assert found.sustained_pace[k] == ref.round_up_to_double(sustained)
