"""Laws that every served load keeps, whatever the system: nothing lost, nothing early, nothing idle."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgengine.compute import MeasureSettings, compute
from sgengine.errors import UsageError
from sgengine.simulate import (
    MODELS,
    SYSTEMS,
    CostModel,
    Disaggregation,
    Load,
    Simulated,
    System,
    cost_preset,
    simulate,
    single_turns,
)
from sgengine.simulate.workloads import POISSON, Stream, arrivals_ns, workload
from tests.simulate.cases import tiny_cost, worlds

EXAMPLES = 60
A100 = cost_preset("llama-3.1-8b-a100-80g")


def rows(found: Simulated) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = found.deliveries.to_pylist()
    return listed


def log(found: Simulated) -> list[dict[str, Any]]:
    assert found.iterations is not None
    listed: list[dict[str, Any]] = found.iterations.to_pylist()
    return listed


@settings(max_examples=EXAMPLES)
@given(worlds())
def test_every_token_is_delivered_once_and_in_order(world: tuple[System, Load, CostModel]) -> None:
    system, load, cost = world
    found = simulate(system, load, cost)
    for row, wanted in zip(rows(found), load.output_tokens.tolist(), strict=True):
        times = row["chunk_times_ns"]
        n = {"ok": wanted, "rejected": 0}.get(row["status"], len(times))
        assert len(times) == n <= wanted
        assert all(a <= b for a, b in pairwise([0, *times, row["end_ns"]]))
        assert row["status"] != "cancelled" or n < wanted
    assert sum(Counter(row["status"] for row in rows(found)).values()) == load.requests
    measured = [compute(batch, MeasureSettings()) for batch in found.deliveries.to_batches()]
    assert not any(part.breaches for part in measured)


@settings(max_examples=EXAMPLES)
@given(worlds())
def test_memory_is_never_beyond_its_capacity(world: tuple[System, Load, CostModel]) -> None:
    system, load, cost = world
    found = simulate(system, load, cost, log=True)
    assert all(0 <= row["kv_tokens"] <= cost.kv_capacity for row in log(found))


@settings(max_examples=EXAMPLES)
@given(worlds(disaggregated=None, replicas=1))
def test_no_token_before_its_prompt_is_computed(world: tuple[System, Load, CostModel]) -> None:
    system, load, cost = world
    found = simulate(system, load, cost, log=True)
    for row in rows(found):
        if row["chunk_times_ns"]:
            begun, first = row["queue_ns"], row["chunk_times_ns"][0]
            lasts = [
                i
                for i in log(found)
                if i["start_ns"] >= row["arrival_ns"] + begun
                and i["end_ns"] <= row["arrival_ns"] + first
            ]
            assert sum(i["prefill_tokens"] for i in lasts) >= row["input_tokens"]


@settings(max_examples=EXAMPLES)
@given(worlds(disaggregated=None, replicas=1, delivery=None))
def test_a_replica_is_never_idle_while_anybody_waits(world: tuple[System, Load, CostModel]) -> None:
    system, load, cost = world
    found = simulate(system, load, cost, log=True)
    idle = [(a["end_ns"], b["start_ns"]) for a, b in pairwise(log(found))]
    for row in rows(found):
        begin, end = row["arrival_ns"], row["arrival_ns"] + row["end_ns"]
        assert not any(max(begin, a) < min(end, b) for a, b in idle)


@settings(max_examples=EXAMPLES)
@given(worlds(disaggregated=None, replicas=1, delivery=None, order="pace"))
def test_pace_starves_nobody(world: tuple[System, Load, CostModel]) -> None:
    """New requests begin in order of arrival: all have the same first-token allowance."""
    system, load, cost = world
    found = simulate(system, load, cost)
    begun = [
        (row["arrival_ns"], int(row["request_id"]), row["arrival_ns"] + row["queue_ns"])
        for row in rows(found)
        if row["status"] == "ok" and found.facts.preemptions == 0
    ]
    assert all(a[2] <= b[2] for a, b in pairwise(sorted(begun)))


@given(st.integers(0, 2**62 - 1))
@settings(max_examples=5)
def test_the_seed_moves_iterations_and_nothing_else_does(seed: int) -> None:
    load = single_turns("w", [0, 5, 9], [30, 4, 9], [9, 30, 5])
    once, again, other = (
        simulate(SYSTEMS["chunked"].named("s"), load, tiny_cost(500), s, jitter=1.0, run="r")
        for s in (seed, seed, (seed + 1) % 2**62)
    )
    assert once.deliveries.equals(again.deliveries)
    assert once.facts != other.facts


@pytest.mark.parametrize("name", ["prefill-first", "chunked"])
def test_littles_law(name: str) -> None:
    """Requests present, as each iteration counts them, are the rate times the mean stay."""
    arrivals = arrivals_ns(POISSON, Stream(1, "arrivals"), rate=2.0, duration_s=600)
    load = workload("conversation").load(arrivals, seed=1, request_rate=2.0)
    found = simulate(SYSTEMS[name], load, A100, log=True)
    present = sum((i["running"] + i["queued"]) * (i["end_ns"] - i["start_ns"]) for i in log(found))
    stayed = sum(row["end_ns"] for row in rows(found))
    assert present == pytest.approx(stayed, rel=0.03)


def test_parameters_are_the_published_ones() -> None:
    assert {name: model.parameters for name, model in MODELS.items()} == {
        "Llama-3.1-8B": 8_030_261_248,
        "Qwen2.5-14B": 14_770_033_664,
        "Llama-3-70B": 70_553_706_496,
    }
    assert MODELS["Llama-3.1-8B"].kv_bytes_per_token == 131_072


def test_one_request_by_hand() -> None:
    """Overhead 5, weights 46 (1472 bytes at 32 a ns), a token computed 2, a token read 1."""
    load = single_turns("one", [0], [30], [3])
    (row,) = rows(simulate(System(name="s"), load, tiny_cost(100)))
    prompt = 5 + 2 * 30 + 30  # its attention: reading 30 tokens takes longer than 465 pairs
    second, third = 5 + 46 + 31, 5 + 46 + 32
    assert row["chunk_times_ns"] == [prompt, prompt + second, prompt + second + third]


@pytest.mark.parametrize(
    "settings_of",
    [
        {"prefill": "last"},
        {"max_running": 0},
        {"prefill": "chunked", "token_budget": 10},
        {"watermark": 1.0},
    ],
)
def test_what_cannot_be_is_refused_in_one_line(settings_of: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        System(name="s", **settings_of)
    assert "\n" not in str(refused.value)


def test_a_split_needs_replicas() -> None:
    with pytest.raises(UsageError, match="prefill_replicas is 0"):
        Disaggregation(prefill_replicas=0)
