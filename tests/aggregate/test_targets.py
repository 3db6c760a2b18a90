"""Whether a group meets the target of a preset, for every kind of target, on both sides of its bound."""

from __future__ import annotations

from typing import Any

import pytest

from sgengine.aggregate import Aggregator, SummarySettings
from sgengine.compute import MeasureSettings, compute
from sgengine.objectives import PRESETS, Preset, preset
from sgengine.schema import DELIVERIES
from tests.bridge import batch_of

MS = 10**6
Times = list[int]


def row(k: int, times: Times | None, **more: Any) -> dict[str, Any]:
    labels = {"run": "a", "system": "s", "workload": "w", "clock": "none", "origin": "sent"}
    listed = {"timing": "token", "status": "ok", "chunk_times_ns": times}
    return dict.fromkeys(DELIVERIES.names) | labels | listed | {"request_id": f"r{k}"} | more


def met(chosen: Preset, *rows: dict[str, Any]) -> object:
    """``target_met`` of one group of these rows."""
    settings = SummarySettings(
        by=(), reader=chosen.reader, slo=chosen.slo, target=chosen.target, duration_ns=10**9
    )
    aggregate = Aggregator(settings=settings)
    aggregate.add(compute(batch_of(list(rows)), MeasureSettings(reader=chosen.reader)).requests)
    (group,) = aggregate.finish()
    return group["target_met"]


def rows_of(good: int, good_times: Times, bad: int, bad_times: Times) -> list[dict[str, Any]]:
    return [row(k, good_times if k < good else bad_times) for k in range(good + bad)]


def at_bounds(chosen: Preset) -> tuple[Times, Times]:
    """Token times exactly within a preset's bounds, and the same with the last token 1 ns late."""
    slo = chosen.slo
    assert slo is not None
    assert slo.ttft_ns is not None
    assert slo.tpot_ns is not None
    last = slo.ttft_ns + 2 * slo.tpot_ns
    return [slo.ttft_ns, slo.ttft_ns, last], [slo.ttft_ns, slo.ttft_ns, last + 1]


def named(metric: str) -> list[Preset]:
    return [each for each in PRESETS if each.target and each.target.metric == metric]


def every(metric: str) -> pytest.MarkDecorator:
    found = named(metric)
    return pytest.mark.parametrize("chosen", found, ids=[each.name for each in found])


@every("slo_attainment")
def test_a_joint_target_is_met_by_nine_requests_of_ten(chosen: Preset) -> None:
    good, bad = at_bounds(chosen)
    assert met(chosen, *rows_of(9, good, 1, bad)) is True
    assert met(chosen, *rows_of(8, good, 1, bad)) is False


@every("marginal")
def test_a_marginal_target_is_met_at_its_bounds_and_not_beyond(chosen: Preset) -> None:
    """All requests at the bound meet it; all of them 1 ns beyond, in any clause, do not."""
    good, bad = at_bounds(chosen)
    assert met(chosen, *rows_of(5, good, 0, bad)) is True
    assert met(chosen, *rows_of(0, good, 5, bad)) is False
    assert met(chosen, *rows_of(0, good, 5, [good[0] + 1] * 3)) is False


@every("marginal")
def test_a_marginal_target_looks_at_the_99th_percentile_of_each_metric(chosen: Preset) -> None:
    """One slow request in 101 is beyond the 99th percentile, two are not."""
    good, bad = at_bounds(chosen)
    assert met(chosen, *rows_of(100, good, 1, bad)) is True
    assert met(chosen, *rows_of(99, good, 2, bad)) is False


def test_a_marginal_target_tests_each_metric_by_itself() -> None:
    """One request in 101 misses one clause, another the other: jointly two would miss."""
    chosen = preset("mlperf-llama2-70b")
    good, slow = at_bounds(chosen)
    rows = rows_of(99, good, 1, slow)
    assert met(chosen, *rows, row(100, [good[0] + 1] * 3)) is True


def test_a_marginal_target_covers_the_end_to_end_latency_where_it_has_one() -> None:
    chosen = preset("guidellm-rag")
    long = [300 * MS + k * 99 * MS for k in range(29)]
    assert long[-1] > 3000 * MS
    assert met(chosen, row(0, long[:28])) is True
    assert met(chosen, row(0, long)) is False


def test_a_marginal_target_is_about_requests_that_are_ok() -> None:
    chosen = preset("mlperf-llama3.1-8b")
    good, bad = at_bounds(chosen)
    failed = [row(k, bad, status="failed") for k in range(5)]
    assert met(chosen, row(9, good), *failed) is True
    assert met(chosen, *failed) is None


def test_a_marginal_target_without_any_value_is_undecided() -> None:
    chosen = preset("guidellm-chat")
    assert met(chosen, row(0, [])) is None
    assert met(chosen, row(0, [5])) is None  # one token has no tpot


@every("fluidity")
def test_a_fluidity_target_is_met_by_ninety_nine_requests_of_a_hundred(chosen: Preset) -> None:
    """Fluid: 9 of 10 deadlines after the first token are kept."""
    pace = chosen.reader.pace_ns
    fluid = [0, *(k * pace for k in range(1, 10)), 9 * pace + pace + 1]
    stuck = [0, *(k * pace + 1 for k in range(1, 6)), *([99 * pace] * 5)]
    assert met(chosen, *rows_of(99, fluid, 1, stuck)) is True
    assert met(chosen, *rows_of(98, fluid, 2, stuck)) is False


@every("fluidity")
def test_a_fluidity_target_leaves_out_requests_without_one(chosen: Preset) -> None:
    """Token 1 is not timed, so one token alone has no fluidity."""
    assert met(chosen, row(0, [10**12]), row(1, [0, 1])) is True
    assert met(chosen, row(0, [10**12])) is None


@every("token_attainment")
def test_a_token_target_is_met_by_nine_tokens_of_ten(chosen: Preset) -> None:
    first, pace = chosen.reader.first_ns, chosen.reader.pace_ns
    times = [first + k * pace for k in range(10)]
    late = [*times[:9], times[9] + 1]
    assert met(chosen, row(0, late)) is True
    assert met(chosen, row(0, late), row(1, [first + 1])) is False


def test_a_target_of_an_unknown_value_is_undecided() -> None:
    unsized = row(0, [5], output_tokens=3)
    assert met(preset("aegaeon"), unsized) is None


def test_presets_without_a_target_have_no_verdict() -> None:
    chosen = preset("reader-5")
    assert chosen.target is None
    aggregate = Aggregator(settings=SummarySettings(by=(), reader=chosen.reader))
    aggregate.add(compute(batch_of([row(0, [5])]), MeasureSettings()).requests)
    assert "target_met" not in aggregate.finish()[0]
