"""Tables beyond the findings: every system at its best, other hardware, burstier arrivals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sgengine
from benchmarks.paper.finding import Row
from benchmarks.paper.runs import best, by_rate, deliveries, mean_by_rate, points, rated
from benchmarks.paper.setting import CHUNKED, CHUNKED_2048, EVERY, PREFILL_FIRST, SHORTEST, Where
from sgengine.capacity import capacity_of_runs
from sgengine.objectives import parse_slo
from sgengine.simulate import COST_PRESETS, SYSTEMS, Abandon, EarlyRejection, System

ATTAINMENT = 0.9


def at_their_best(places: Sequence[Where], systems: Sequence[System] = EVERY) -> list[Row]:
    """Each system at its best rate, and the most that it takes with nine in ten attaining the SLO."""
    return [_best(where, system) for where in places for system in systems]


def _best(where: Where, system: System) -> Row:
    found = points(system, where)
    smooth, rate = by_rate(found), best(found)
    figures = {
        "throughput": lambda p: p.figures["output_throughput"],
        "SLO attainment, %": lambda p: 100 * p.figures["slo_attainment"],
        "TTFT p99, s": lambda p: p.figures["ttft_ms"]["p99"] / 1e3,
        "TBT p99, ms": lambda p: p.figures["itl_ms"]["p99"],
        "idle latency, s": lambda p: p.figures["user_idle_latency_ms"]["mean"] / 1e3,
    }
    return {
        "workload": where.workload,
        "system": system.name,
        "best rate": rate,
        "smooth goodput": smooth[rate],
        **{name: mean_by_rate(found, value)[rate] for name, value in figures.items()},
        "capacity, requests/s": capacity_of_runs(rated(found), ATTAINMENT).rate,
    }


ELSEWHERE = (
    ("llama-3.1-8b-h100-sxm", 2.6),
    ("qwen2.5-14b-a100-80g", 0.55),
    ("llama-3-70b-a100-80g-tp4", 0.5),
    ("llama-3-70b-h100-sxm-tp4", 1.3),
)
"""Cost models, and how many times the rates of the A100 with Llama-3.1-8B they take, roughly."""


def elsewhere(
    places: Sequence[Where], systems: Sequence[System] = (PREFILL_FIRST, CHUNKED, CHUNKED_2048)
) -> list[Row]:
    """Best rates on other hardware and with other models."""
    rows = []
    for name, factor in ELSEWHERE:
        for where in places:
            there = replace(
                where,
                cost=COST_PRESETS[name],
                rates=tuple(round(rate * factor, 3) for rate in where.rates),
            )
            rows.append(_bests(there, name, systems))
    return rows


def _bests(where: Where, name: str, systems: Sequence[System]) -> Row:
    row: dict[str, object] = {"model and hardware": name, "workload": where.workload}
    for system in systems:
        found = points(system, where)
        row[f"{system.name}: best rate"] = best(found)
        row["its smooth goodput" + " " * systems.index(system)] = by_rate(found)[best(found)]
    return row


PAIRS = (
    replace(PREFILL_FIRST, name="2 x prefill-first", replicas=2, router="least-loaded"),
    replace(CHUNKED_2048, name="2 x chunked-2048", replicas=2, router="least-loaded"),
    SYSTEMS["disaggregated"].named("disaggregated 1 + 1"),
)


def on_two_gpus(places: Sequence[Where]) -> list[Row]:
    """Two replicas behind a router beside one that computes prompts and one that writes answers."""
    wider = [where.at(*(2 * rate for rate in where.rates)) for where in places]
    return at_their_best(wider, PAIRS)


SHEDDING = (
    PREFILL_FIRST,
    SHORTEST,
    replace(PREFILL_FIRST, name="rejects", admission=EarlyRejection(prefill_ns=5 * 10**9)),
    replace(PREFILL_FIRST, name="abandons", delivery=Abandon(slo=parse_slo(["ttft:5s"]))),
)
"""What can be done with more load than there is room for: early rejection when prompts of 5 s are
waiting, abandonment when the first token is 5 s late."""

UNFINISHED_S = (0, 10, 30, 100)


def overloaded(places: Sequence[Where], systems: Sequence[System] = SHEDDING) -> list[Row]:
    """Each of them beyond saturation, and what smooth goodput makes of those who were turned away."""
    return [_overloaded(where, system) for where in places for system in systems]


def _overloaded(where: Where, system: System) -> Row:
    measured = sgengine.measure(deliveries(system, where))
    by = ("workload",)
    (group,) = sgengine.summarize(measured, by=by, goodput=where.slo).groups
    smooth = {
        f"U = {idle} s": sgengine.summarize(measured, by=by, unfinished_idle=f"{idle}s").groups[0][
            "smooth_goodput"
        ]
        for idle in UNFINISHED_S
    }
    return {
        "workload": where.workload,
        "rate": where.rates[0],
        "system": system.name,
        "served, %": 100 * group["status"]["ok"] / group["requests"],
        "throughput": group["output_throughput"],
        "TTFT attainment of all, %": 100
        * sgengine.summarize(measured, by=by, goodput="ttft:5s").groups[0]["slo_attainment"],
        **smooth,
    }


BURSTS = ("even", "poisson", "gamma:2", "gamma:4")


def burstier(where: Where, systems: Sequence[System] = (PREFILL_FIRST, CHUNKED_2048)) -> list[Row]:
    """The same requests, arriving ever more unevenly."""
    return [_burst(replace(where, arrivals=arrivals), systems) for arrivals in BURSTS]


def _burst(where: Where, systems: Sequence[System]) -> Row:
    row: dict[str, object] = {"arrivals": where.arrivals}
    for i, system in enumerate(systems):
        found = points(system, where)
        peak = best(found)
        idle = mean_by_rate(found, lambda p: p.figures["user_idle_latency_ms"]["mean"] / 1e3)
        row[f"{system.name}: best rate"] = peak
        row["its smooth goodput" + " " * i] = by_rate(found)[peak]
        row["idle latency there, s" + " " * i] = idle[peak]
    return row
