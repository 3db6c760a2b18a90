"""Laws that every served load keeps, whatever the system: nothing lost, nothing early, nothing idle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
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
from tests.effort import LONG
from tests.simulate import laws
from tests.simulate.cases import ABANDONS, DELAYS, REJECTIONS, SPLITS, tiny_cost, worlds
from tests.simulate.seen import Request, Seen, see

EXAMPLES = 20 if LONG == 1 else 2000
"""Of each kind of systems."""


def rows(found: Simulated) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = found.deliveries.to_pylist()
    return listed


def log(found: Simulated) -> list[dict[str, Any]]:
    assert found.iterations is not None
    listed: list[dict[str, Any]] = found.iterations.to_pylist()
    return listed


KINDS: dict[str, dict[str, Any]] = {
    "prefill-first": {"prefill": "first"},
    "chunked": {"prefill": "chunked"},
    "recompute": {"preempt": "recompute", "admission": None},
    "swap": {"preempt": "swap", "admission": None},
    "shortest": {"order": "shortest"},
    "pace": {"order": "pace"},
    "rejecting": {"admission": REJECTIONS},
    "delaying": {"delivery": DELAYS},
    "abandoning": {"delivery": ABANDONS},
    "round-robin": {"disaggregated": None, "replicas": 3, "router": "round-robin"},
    "least-loaded": {"disaggregated": None, "replicas": 3, "router": "least-loaded"},
    "disaggregated": {"disaggregated": SPLITS, "delivery": None},
    "one-to-many": {"disaggregated": Disaggregation(decode_replicas=2), "preempt": "swap"},
    "disaggregated-abandoning": {"disaggregated": SPLITS, "delivery": ABANDONS},
    "disaggregated-delaying": {"disaggregated": SPLITS, "delivery": DELAYS},
}
"""What is fixed of each kind of system; everything else is drawn."""


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_every_kind_of_system_keeps_every_law(kind: str, data: st.DataObject) -> None:
    seen = see(data.draw(worlds(**KINDS[kind])))
    for law in laws.EVERY:
        law(seen)
    measured = [compute(batch, MeasureSettings()) for batch in seen.found.deliveries.to_batches()]
    assert not any(part.breaches for part in measured)


HAPPENS: dict[str, tuple[str, Callable[[Seen], bool]]] = {
    "recomputed on the way": ("recompute", lambda s: s.preempted > 0),
    "swapped out": ("swap", lambda s: sum(s.facts.swapped_tokens) > 0),
    "migrated twice": ("disaggregated", lambda s: any(r.migrations > 1 for r in s.requests)),
    "turned away": ("rejecting", lambda s: any(_is_refused(r) for r in s.requests)),
    "abandoned in the middle": ("abandoning", lambda s: any(_is_cut(r) for r in s.requests)),
    "abandoned while its KV moves": (
        "disaggregated-abandoning",
        lambda s: any(_is_cut(r) and r.migrations and len(r.times) == 1 for r in s.requests),
    ),
    "idle beside waiting prompts": ("one-to-many", lambda s: any(_waits_for_room(s))),
    "several replicas at work": ("least-loaded", lambda s: all(s.facts.iterations)),
}


def _is_refused(r: Request) -> bool:
    return r.status == "rejected" and r.error != laws.TOO_LONG


def _is_cut(r: Request) -> bool:
    return r.status == "cancelled" and bool(r.times)


def _waits_for_room(seen: Seen) -> Iterator[bool]:
    """A prompt comes to a prefill replica that is idle, and stays so."""
    for begin, end in seen.idle(0):
        yield any(begin < r.arrival < end and r.begun != r.arrival for r in seen.requests)


@pytest.mark.parametrize("what", HAPPENS)
def test_the_worlds_hold_what_the_laws_are_about(what: str) -> None:
    kind, happens = HAPPENS[what]
    generate = settings(max_examples=2000, phases=[Phase.generate], derandomize=True, database=None)
    find(worlds(**KINDS[kind]), lambda world: happens(see(world)), settings=generate)


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
