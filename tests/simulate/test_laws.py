"""Laws that every served load keeps, whatever the system: nothing lost, nothing early, nothing idle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
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
    simulate,
    single_turns,
)
from tests.effort import LONG
from tests.simulate import laws
from tests.simulate.cases import ABANDONS, DELAYS, REJECTIONS, SPLITS, tiny_cost, worlds
from tests.simulate.seen import Request, Seen, see

EXAMPLES = 12 if LONG == 1 else 2000
"""Of each kind of systems."""


def rows(found: Simulated) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = found.deliveries.to_pylist()
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


SERVED = Load(
    name="three",
    arrival_ns=[0, 5, 0],
    input_tokens=[30, 20, 60],
    output_tokens=[6, 9, 4],
    previous=[-1, -1, 0],
    think_ns=[0, 0, 2000],
    session=[0, 1, 0],
    turn=[0, 0, 1],
)


def tampered(seen: Seen, at: int, **changes: Any) -> Seen:
    """With other figures of one request."""
    requests = list(seen.requests)
    requests[at] = replace(requests[at], **changes)
    return replace(seen, requests=tuple(requests))


def logged(seen: Seen, at: int, **changes: Any) -> Seen:
    """With other figures of one iteration, or without it."""
    rows = list(seen.iterations)
    rows[at : at + 1] = [replace(rows[at], **changes)] if changes else []
    return replace(seen, iterations=tuple(rows))


TAMPERING: dict[str, tuple[laws.Law, Callable[[Seen], Seen]]] = {
    "a token is missing": (
        laws.everyone_is_accounted_for,
        lambda s: tampered(s, 1, times=s.requests[1].times[:-1]),
    ),
    "nobody knows what became of it": (
        laws.everyone_is_accounted_for,
        lambda s: tampered(s, 1, status="lost"),
    ),
    "a turn comes too soon": (
        laws.turns_follow_one_another,
        lambda s: tampered(s, 2, arrival=s.requests[2].arrival - 1),
    ),
    "a token comes twice": (
        laws.tokens_come_once_and_in_order,
        lambda s: tampered(s, 1, times=(*s.requests[1].times, s.requests[1].end)),
    ),
    "a token comes before it is made": (
        laws.tokens_come_once_and_in_order,
        lambda s: tampered(s, 1, times=(*s.requests[1].times[:-1], s.requests[1].end - 1)),
    ),
    "more memory than there is": (
        laws.memory_stays_within_its_capacity,
        lambda s: logged(s, 3, kv_tokens=s.cost.kv_capacity + 1),
    ),
    "memory that nobody holds": (
        laws.memory_is_what_requests_hold,
        lambda s: logged(s, 3, kv_tokens=s.iterations[3].kv_tokens + 1),
    ),
    "a first token without its prompt": (
        laws.no_token_before_its_prompt,
        lambda s: tampered(s, 2, times=(s.requests[2].begun, *s.requests[2].times[1:])),
    ),
    "a second token without its KV": (
        laws.no_second_token_before_its_kv_has_come,
        lambda s: tampered(s, 0, times=(s.requests[0].times[1] - 1, *s.requests[0].times[1:])),
    ),
    "two iterations at a time": (
        laws.iterations_keep_their_limits,
        lambda s: logged(s, 3, end_ns=s.iterations[3].end_ns + 1),
    ),
    "an iteration that should have been": (
        laws.no_replica_is_idle_while_it_could_work,
        lambda s: logged(s, 6),
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
@pytest.mark.parametrize("split", [None, Disaggregation()], ids=["together", "disaggregated"])
def test_every_law_objects_to_what_breaks_it(what: str, split: Disaggregation | None) -> None:
    law, tamper = TAMPERING[what]
    seen = see((System(name="s", disaggregated=split), SERVED, tiny_cost(200)))
    law(seen)
    if split is None and law is laws.no_second_token_before_its_kv_has_come:
        return
    if split is not None and law is laws.memory_is_what_requests_hold:
        return
    with pytest.raises(AssertionError):
        law(tamper(seen))


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


@given(st.integers(0, 2**31 - 3))
@settings(max_examples=5)
def test_the_seed_moves_iterations_and_nothing_else_does(seed: int) -> None:
    """Seeds that are equal modulo 2^31 - 1 draw the same jitter: these are not."""
    load = single_turns("w", [0, 5, 9], [30, 4, 9], [9, 30, 5])
    once, again, other = (
        simulate(SYSTEMS["chunked"].named("s"), load, tiny_cost(500), s, jitter=1.0, run="r")
        for s in (seed, seed, seed + 1)
    )
    assert once.deliveries.equals(again.deliveries)
    assert once.deliveries["chunk_times_ns"] != other.deliveries["chunk_times_ns"]


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
