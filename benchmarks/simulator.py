"""The simulator: every system at a batch of production, from a load to its table of deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.case import Budget, Case
from benchmarks.sizes import Size
from sgengine.api.loads import Demand
from sgengine.api.simulation import Simulation, write_simulation
from sgengine.objectives import Slo
from sgengine.simulate import (
    SYSTEMS,
    Abandon,
    CostModel,
    Delay,
    Disaggregation,
    EarlyRejection,
    Load,
    System,
    cost_preset,
    simulate,
)
from sgengine.simulate.workloads import POISSON, Stream, Workload, arrivals_ns
from sgengine.simulate.workloads.lengths import LogNormal
from sgengine.simulate.workloads.workload import Independent

H100 = cost_preset("llama-3.1-8b-h100-sxm")
_TIGHT = replace(H100, memory_share=0.4)
"""Memory for a quarter of the context, so that requests are preempted."""

_LOAD = Workload(
    name="made",
    pairs=Independent(prompt=LogNormal.of_median(200, 560), answer=LogNormal.of_median(275, 770)),
    source="ours: short prompts and longer answers, so that a replica's batch is full",
)
_RATE = 60.0
"""Requests/s for each replica that decodes: more than an H100 serves."""

_BATCH = 128


def cases(size: Size, folder: Path) -> Iterator[Case]:
    """The suite: all systems, and one that also writes its deliveries to a file."""
    requests = 200 if size.is_tiny else 20_000
    yield from simulator_cases(requests)
    yield _file_case(requests, folder)


def simulator_cases(requests: int) -> Iterator[Case]:
    """A case a system; ``requests`` for each replica that decodes. The batch is checked if they fill it."""
    for system, cost in _SYSTEMS:
        split = system.disaggregated
        replicas = split.decode_replicas if split else system.replicas
        load = _load(requests * replicas, _RATE * replicas)
        facts = simulate(system, load, cost).facts
        batch = facts.tokens / sum(facts.iterations[split.prefill_replicas if split else 0 :])
        assert batch >= _BATCH or requests < 10_000, f"{system.name} decodes {batch} an iteration"
        yield Case(
            name=f"simulate: {system.name}",
            amount=facts.tokens,
            action=partial(simulate, system, load, cost),
            budgets=(Budget(text="20 M tokens/s, simulated", ratio="rate", limit=20e6),),
            note=f"{batch:.0f} tokens an iteration",
        )


def _load(requests: int, rate: float) -> Load:
    times = arrivals_ns(POISSON, Stream(1, "arrivals"), rate=rate, requests=requests)
    return _LOAD.load(times, seed=1, request_rate=rate)


def _file_case(requests: int, folder: Path) -> Case:
    """A named workload with fixed lengths, as ``sgengine simulate`` writes it."""
    demand = Demand(workload="fixed:200/300", rates=(_RATE,), users=requests)
    simulation = Simulation(systems=(SYSTEMS["prefill-first"],), demand=demand, cost=H100)
    return Case(
        name="simulate and write Parquet: prefill-first",
        amount=requests * 300,
        action=partial(write_simulation, folder / "simulated.parquet", simulation),
        against="simulate: prefill-first",
    )


def _named(name: str, *, base: str = "prefill-first", **settings: object) -> System:
    return replace(SYSTEMS[base], name=name, **settings)  # type: ignore[arg-type]


_LATE = Slo(ttft_ns=10**9, tbt_ns=2 * 10**8)
_SYSTEMS: tuple[tuple[System, CostModel], ...] = (
    *((system, H100) for system in SYSTEMS.values()),
    (_named("pace, chunked", base="chunked", order="pace"), H100),
    (_named("pace, preempted by recomputation", base="pace"), _TIGHT),
    (_named("preempted by recomputation"), _TIGHT),
    (_named("preempted by swap", preempt="swap"), _TIGHT),
    (_named("delayed to 30 ms", delivery=Delay(gap_ns=30 * 10**6)), H100),
    (_named("abandoned at ttft:1s tbt:200ms", delivery=Abandon(slo=_LATE)), H100),
    (_named("early rejection", admission=EarlyRejection(prefill_ns=10**9, kv_load=1.0)), H100),
    (_named("four replicas, least loaded", replicas=4, router="least-loaded"), H100),
    (
        _named(
            "two prefill and two decode replicas, chunked",
            base="chunked",
            disaggregated=Disaggregation(prefill_replicas=2, decode_replicas=2),
        ),
        H100,
    ),
)
