"""Servers that delay or abandon, beside the audit of what the same server did without: where both agree, exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import sgengine
from sgengine import audit
from sgengine.objectives import parse_slo
from sgengine.simulate import (
    SYSTEMS,
    Abandon,
    CostModel,
    Delay,
    Load,
    Simulated,
    System,
    cost_preset,
    simulate,
)
from sgengine.simulate.workloads import POISSON, Stream, arrivals_ns, workload
from tests.effort import LONG
from tests.simulate.cases import ABANDONS, DELAYS, worlds

World = tuple[System, Load, CostModel]
MANY = settings(max_examples=25 if LONG == 1 else 5000)
A100 = cost_preset("llama-3.1-8b-a100-80g")
MS = 10**6


def as_ever(world: World) -> Simulated:
    """The same without its delivery policy."""
    system, load, cost = world
    return simulate(replace(system, delivery=None), load, cost, log=True)


def audited(found: Simulated, operation: audit.Operation) -> pa.Table:
    """What the audit makes of a run."""
    batches = [
        audit.change(b, [operation]).deliveries
        for b in found.deliveries.combine_chunks().to_batches()
    ]
    return pa.Table.from_batches(batches)


def delays(system: System) -> audit.Delay:
    assert isinstance(system.delivery, Delay)
    return audit.Delay(threshold_ns=system.delivery.gap_ns)


def abandons(system: System) -> audit.Abandon:
    assert isinstance(system.delivery, Abandon)
    return audit.Abandon(slo=system.delivery.slo)


# --- Delay ---------------------------------------------------------------------------------------

# What the server does depends on when tokens are delivered in two ways alone: the next turn of a
# session comes after the last one, and under pace the reader runs dry later.
WITHOUT_A_WAY_BACK = {"order": st.sampled_from(("fcfs", "shortest")), "delivery": DELAYS}


@MANY
@given(worlds(turns=False, **WITHOUT_A_WAY_BACK))
def test_a_server_that_delays_is_the_audit_of_one_that_does_not(world: World) -> None:
    """Every column of every request, and every iteration."""
    found, plain = simulate(*world, log=True), as_ever(world)
    assert found.deliveries.equals(audited(plain, delays(world[0])))
    assert found.iterations == plain.iterations


def differs(world: World) -> bool:
    return not simulate(*world).deliveries.equals(audited(as_ever(world), delays(world[0])))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "turns"), [("fcfs", True), ("pace", False)], ids=["sessions", "pace"]
)
def test_it_is_not_where_delivery_has_a_way_back(order: str, turns: bool) -> None:
    """Where the two differ, so that the exceptions above are needed."""
    there = worlds(turns=turns, order=order, delivery=Delay(gap_ns=300), max_running=2)
    generate = settings(max_examples=3000, phases=[Phase.generate], derandomize=True, database=None)
    find(there, differs, settings=generate)


REAL = {
    "prefill-first": SYSTEMS["prefill-first"],
    "chunked": SYSTEMS["chunked"],
    "disaggregated": SYSTEMS["disaggregated"],
    "two replicas": replace(SYSTEMS["shortest-first"], replicas=2, router="least-loaded"),
}


def demand(name: str, rate: float, seed: int, seconds: float) -> Load:
    times = arrivals_ns(POISSON, Stream(seed, "arrivals"), rate=rate, duration_s=seconds)
    return workload(name).load(times, seed=seed, request_rate=rate)


@pytest.mark.parametrize("name", REAL)
def test_a_server_that_delays_is_the_audit_at_its_real_size(name: str) -> None:
    load = demand("sharegpt", 2.0, 401, 60)
    system = replace(REAL[name], delivery=Delay(gap_ns=100 * MS))
    found, plain = simulate(system, load, A100), as_ever((system, load, A100))
    assert found.deliveries.equals(audited(plain, delays(system)))
    assert not found.deliveries.equals(plain.deliveries)


# --- Abandonment ---------------------------------------------------------------------------------

SHOWN = ["request_id", "status", "arrival_ns", "end_ns", "chunk_times_ns"]
Row = dict[str, Any]


def over(row: Row) -> int:
    """When a request is over, ns since the run's start."""
    return int(row["arrival_ns"] + row["end_ns"])


def lost(rows: list[Row], moment: int) -> list[Row]:
    """The requests that are given up at a moment."""
    return [row for row in rows if row["status"] == "cancelled" and over(row) == moment]


def first_loss(rows: list[Row]) -> int:
    return min((over(row) for row in rows if row["status"] == "cancelled"), default=2**62)


def until(rows: list[Row], moment: int) -> list[list[int]]:
    """The tokens that were delivered by a moment of the run, of each request that came before it."""
    return [
        [time for time in row["chunk_times_ns"] if row["arrival_ns"] + time <= moment]
        for row in rows
        if row["arrival_ns"] < moment
    ]


@MANY
@given(worlds(turns=False, delivery=ABANDONS))
def test_a_server_that_abandons_is_the_audit_up_to_the_first_it_gives_up(world: World) -> None:
    """Up to then nothing has been freed: the same tokens, and whoever is lost then is cut the same way.

    From then on the two differ: what the lost request held is free for others, who are served sooner or,
    by another order of admission, later; the audit leaves everyone else as they were. (Of sessions the next
    turn comes sooner as well, at that moment even.)
    """
    found = simulate(*world).deliveries.select(SHOWN).to_pylist()
    plain = audited(as_ever(world), abandons(world[0])).select(SHOWN).to_pylist()
    moment = first_loss(found)
    assert moment == first_loss(plain)
    assert until(found, moment) == until(plain, moment)
    given_up = lost(found, moment)
    assert given_up == lost(plain, moment) if given_up else found == plain


@MANY
@given(worlds(max_size=1, delivery=ABANDONS))
def test_of_a_request_alone_they_are_the_same(world: World) -> None:
    """Nobody is there to whom anything could be freed."""
    found, plain = simulate(*world).deliveries, audited(as_ever(world), abandons(world[0]))
    assert found.select(SHOWN).to_pylist() == plain.select(SHOWN).to_pylist()


@pytest.mark.parametrize("seed", [401, pytest.param(402, marks=pytest.mark.slow)])
def test_freed_capacity_lets_others_attain_what_no_audit_shows(seed: int) -> None:
    """Beyond saturation: of all requests fewer are lost than the audit cuts, and the run is over sooner."""
    load = demand("sharegpt", 3.5, seed, 90)
    system = replace(SYSTEMS["chunked"], delivery=Abandon(slo=parse_slo(["ttft:5s"])))
    found, plain = simulate(system, load, A100), as_ever((system, load, A100))
    attained = [
        sgengine.summarize(sgengine.measure(table), by=("system",), goodput="ttft:5s").groups[0][
            "slo_attainment"
        ]
        for table in (found.deliveries, audited(plain, abandons(system)), plain.deliveries)
    ]
    assert attained[0] > attained[1] == attained[2]
    assert found.facts.span_ns < plain.facts.span_ns
