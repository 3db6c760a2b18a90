"""A delivery curve and its reader: idle latency, late tokens, the smoothed curve, and what it proves."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sgengine.aggregate import Aggregator, SummarySettings
from sgengine.compute import MeasureSettings, compute
from sgengine.compute.rows import measure_rows
from sgengine.kernels.prefetch import BLOCK
from sgengine.objectives import Slo
from tests import reference as ref
from tests import strategies as own
from tests.bridge import batch_of, benefit_of, reader_of
from tests.kernels.arrays import Curve, counts_of, delivered, ragged_of, smoothed, smoothness
from tests.reference_slo import Benefit

MAX_TIME = 2**63 - 1
Reader = tuple[int, int]
Sized = tuple[list[int], list[int]]


def unsized(curve: Sized) -> Curve:
    """The same times, one token each."""
    return curve[0], None


# --- Against the twin ----------------------------------------------------------------------------


@given(own.curves(), own.readers())
@example(([0, 2**62], [1, 1]), (0, 2**62))
@example(([0, MAX_TIME, MAX_TIME], [3, 1, 4]), (2**62, 2**62))
@example(([MAX_TIME] * 4, [1, 1, 0, 2]), (0, 2**62))
@example(([MAX_TIME] * 4, [1, 1, 0, 2]), (0, 1))
@example(([MAX_TIME] * 4, [1, 1, 0, 2]), (0, 0))
@example(([5, 5], [2, 2]), (2**62, 2**62))
def test_idle_latency_and_late_tokens_equal_their_twins(curve: Sized, reader: Reader) -> None:
    """Also where deadlines lie beyond 64 bits."""
    ones = (curve[0], [1] * len(curve[0]))
    found = delivered([curve, unsized(curve)], *reader)
    for (idle, late), (times, sizes) in zip(found, (curve, ones), strict=True):
        tokens = ref.token_times(times, sizes)
        assert idle == ref.user_idle_latency(tokens, *reader)
        assert late == ref.late_tokens(tokens, *reader)


@given(st.lists(st.integers(1, 2**30 - 1), min_size=1, max_size=2), own.readers(), st.data())
def test_huge_chunks_are_counted_without_walking_their_tokens(
    sizes: list[int], reader: Reader, data: st.DataObject
) -> None:
    times = data.draw(own.chunk_times(min_size=len(sizes), max_size=len(sizes)))
    first, pace = reader
    before = [0, *accumulate(sizes)]
    late = 0
    for time, size, index in zip(times, sizes, before, strict=False):
        lateness = time - first - index * pace
        due = 0 if lateness <= 0 else size if pace == 0 else -(-lateness // pace)
        late += min(size, due)
    assert delivered([(times, sizes)], *reader)[0].late == late


@given(own.curves(), own.readers())
def test_the_smoothed_curve_equals_its_twin(curve: Sized, reader: Reader) -> None:
    """Values beyond 64 bits stay at the greatest."""
    tokens = ref.token_times(*curve)
    expected = [min(s, MAX_TIME) for s in ref.smoothed_curve(tokens, *reader)]
    assert smoothed(curve, *reader) == expected


@given(
    st.integers(1, 2),
    st.integers(-1, 2),
    st.sets(st.integers(1, 2 * BLOCK), max_size=8),
    st.integers(0, 99),
)
def test_rows_of_several_blocks_are_as_rows_of_one(
    blocks: int, more: int, stalls: set[int], seed: int
) -> None:
    """Figures of the last token of a block and the first of the next; the row is the last of its buffer."""
    gaps = np.random.default_rng(seed).integers(0, 30, blocks * BLOCK + more)
    gaps[[stall for stall in stalls if stall < gaps.size]] += 500
    times = np.cumsum(gaps).tolist()
    settings = MeasureSettings(reader=reader_of((20, 15)), envelopes=False, smoothness=False)
    found = measure_rows(ragged_of([(times, None)]), counts_of([(times, None)]), settings)
    assert found.idle.tolist() == [ref.user_idle_latency(times, 20, 15)]
    assert found.late.tolist() == [ref.late_tokens(times, 20, 15)]
    assert found.itl_max.tolist() == [max((b - a for a, b in pairwise(times)), default=0)]


# --- The three identities of METRICS 3, of the engine --------------------------------------------


@given(own.curves(), own.readers(2**56))
def test_the_lag_behind_the_schedule_is_the_running_greatest_lateness(
    curve: Sized, reader: Reader
) -> None:
    """s_i - d_i = max(0, max_(k<=i) (t_k - d_k)): the idle latency of the tokens up to i."""
    tokens = ref.token_times(*curve)
    lags = [
        s - ref.deadline(i, *reader) for i, s in enumerate(smoothed((tokens, None), *reader), 1)
    ]
    prefixes: list[Curve] = [(tokens[:i], None) for i in range(1, len(tokens) + 1)]
    assert lags == [found.idle for found in delivered(prefixes, *reader)]
    lateness = [t - ref.deadline(i, *reader) for i, t in enumerate(tokens, 1)]
    assert lags == [max(0, worst) for worst in accumulate(lateness, max)]


@given(own.curves(), own.readers(2**56))
def test_idle_latency_is_how_far_the_smoothed_curve_ends_behind(
    curve: Sized, reader: Reader
) -> None:
    n = sum(curve[1])
    end = smoothed(curve, *reader)[-1]
    assert delivered([curve], *reader)[0].idle == end - ref.deadline(n, *reader)


@st.composite
def delayed(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Token times, and the same tokens later, still in order."""
    tokens = ref.token_times(*draw(own.curves()))
    late = draw(st.lists(own.GAPS, min_size=len(tokens), max_size=len(tokens)))
    later = accumulate((t + d for t, d in zip(tokens, late, strict=True)), max)
    return tokens, [min(time, MAX_TIME) for time in later]


@given(delayed(), own.readers())
def test_delaying_tokens_never_lowers_idle_latency_or_late_tokens(
    pair: tuple[list[int], list[int]], reader: Reader
) -> None:
    before, after = delivered([(tokens, None) for tokens in pair], *reader)
    assert after.idle >= before.idle
    assert after.late >= before.late


@given(
    st.lists(delayed(), min_size=1, max_size=4),
    own.readers(own.HOUR),
    own.readers(own.HOUR),
    own.benefits(),
    st.data(),
)
def test_delaying_tokens_never_raises_benefit_or_smooth_goodput_or_pace_attainment(
    pairs: list[tuple[list[int], list[int]]],
    reader: Reader,
    slo_reader: Reader,
    spec: Benefit,
    data: st.DataObject,
) -> None:
    """At the same n, status and T; for the measured reader and for another one's SLO."""
    statuses = [data.draw(st.sampled_from(("ok", "failed"))) for _ in pairs]
    groups = []
    for side in (0, 1):
        rows = [_row(pair[side], status) for pair, status in zip(pairs, statuses, strict=True)]
        settings = SummarySettings(
            by=(),
            reader=reader_of(reader),
            slo=Slo(pace=reader_of(slo_reader)),
            benefit=benefit_of(spec, unfinished_ns=own.MS),
            duration_ns=10**9,
        )
        aggregate = Aggregator(settings=settings)
        batch = batch_of(rows)
        aggregate.add(compute(batch, MeasureSettings(reader=reader_of(reader))).requests)
        groups.extend(aggregate.finish())
    before, after = groups
    good: Any = before["smooth_goodput"]
    slack = 1e-9 * abs(good) if spec.shape == "exponential" else 0.0
    assert after["smooth_goodput"] <= good + slack
    assert after["slo_attainment"] <= before["slo_attainment"]
    assert after["token_attainment"] <= before["token_attainment"]


def _row(tokens: list[int], status: str = "ok") -> dict[str, Any]:
    columns = own.DELIVERIES.names
    labels = {"run": "a", "system": "s", "workload": "w", "clock": "unix", "origin": "sent"}
    return (
        dict.fromkeys(columns)
        | labels
        | {"request_id": "0", "timing": "token", "status": status, "chunk_times_ns": tokens}
    )


# --- Metrics that lack this property (METRICS 3) -------------------------------------------------


def attains(tokens: list[int], slo: Slo) -> bool:
    aggregate = Aggregator(settings=SummarySettings(by=(), slo=slo, duration_ns=1))
    aggregate.add(compute(batch_of([_row(tokens)]), MeasureSettings()).requests)
    return aggregate.finish()[0]["slo_attainment"] == 1.0


@pytest.mark.parametrize("slo", [Slo(tbt_ns=2), Slo(tpot_ns=2)], ids=["tbt:2", "tpot:2"])
def test_a_delay_can_turn_a_miss_of_tbt_or_tpot_into_attainment(slo: Slo) -> None:
    assert not attains([0, 3], slo)
    assert attains([1, 3], slo)


def test_a_delay_can_raise_qoe() -> None:
    assert smoothness(([6, 7], None), 4, 1)[0] == pytest.approx(1 / 5)
    assert smoothness(([6, 9], None), 4, 1)[0] == pytest.approx(1 / 3)


def test_a_delay_can_raise_fluidity() -> None:
    assert smoothness(([4, 8], None), 2, 2)[1] == 0.0
    assert smoothness(([7, 8], None), 2, 2)[1] == 0.25
