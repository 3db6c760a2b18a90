"""Tables beyond the findings: every system at its best, other hardware, burstier arrivals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.paper.finding import Row
from benchmarks.paper.runs import best, by_rate, mean_by_rate, points
from benchmarks.paper.setting import CHUNKED, CHUNKED_2048, EVERY, PREFILL_FIRST, Where
from sgengine.simulate import COST_PRESETS, System

ATTAINMENT = 0.9


def at_their_best(places: Sequence[Where], systems: Sequence[System] = EVERY) -> list[Row]:
    """Each system at its best rate, and the most that it takes with nine in ten attaining the SLO."""
    return [_best(where, system) for where in places for system in systems]


def _best(where: Where, system: System) -> Row:
    found = points(system, where)
    smooth = by_rate(found)
    rate = best(smooth)
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
        "capacity, requests/s": capacity(where, system),
    }


def capacity(where: Where, system: System) -> float | None:
    """The highest rate up to which every run attains the SLO nine times in ten (METRICS 5)."""
    found = points(system, where)
    holds = {
        rate: all(p.figures["slo_attainment"] >= ATTAINMENT for p in found if p.rate == rate)
        for rate in where.rates
    }
    below = [rate for rate in where.rates if all(holds[r] for r in where.rates if r <= rate)]
    return max(below, default=None)


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
        smooth = by_rate(points(system, where))
        row[f"{system.name}: best rate"] = best(smooth)
        row["its smooth goodput" + " " * systems.index(system)] = max(smooth.values())
    return row


BURSTS = ("even", "poisson", "gamma:2", "gamma:4")


def burstier(where: Where, systems: Sequence[System] = (PREFILL_FIRST, CHUNKED_2048)) -> list[Row]:
    """The same requests, arriving ever more unevenly."""
    return [_burst(replace(where, arrivals=arrivals), systems) for arrivals in BURSTS]


def _burst(where: Where, systems: Sequence[System]) -> Row:
    row: dict[str, object] = {"arrivals": where.arrivals}
    for i, system in enumerate(systems):
        found = points(system, where)
        smooth = by_rate(found)
        idle = mean_by_rate(found, lambda p: p.figures["user_idle_latency_ms"]["mean"] / 1e3)
        row[f"{system.name}: best rate"] = best(smooth)
        row["its smooth goodput" + " " * i] = max(smooth.values())
        row["idle latency there, s" + " " * i] = idle[best(smooth)]
    return row
