"""Loads of a workload at its rates, and of two workloads that share the servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.paper.setting import Where
from sgengine.api.loads import Demand
from sgengine.simulate import Load, single_turns

AND = "+"
"""Between the workloads of a mix, each of which has an equal share of the requests."""


def loads(where: Where) -> Iterator[tuple[Load, int]]:
    """What is asked of every system, rate by rate, with its seed."""
    parts = where.workload.split(AND)
    if len(parts) == 1:
        return _demand(where).loads()
    rates = tuple(rate / len(parts) for rate in where.rates)
    asked = (
        # Each part's own seeds: else all parts would arrive at the same moments.
        replace(where, workload=part, rates=rates, seeds=tuple(10 * s + place for s in where.seeds))
        for place, part in enumerate(parts)
    )
    wanted = [(rate, seed) for rate in where.rates for seed in where.seeds]
    mixed = zip(*(_demand(part).loads() for part in asked), strict=True)
    return (
        (_together(where.workload, [load for load, _ in each], rate), seed)
        for (rate, seed), each in zip(wanted, mixed, strict=True)
    )


def _demand(where: Where) -> Demand:
    return Demand(
        workload=where.workload,
        arrivals=where.arrivals,
        rates=where.rates,
        seeds=where.seeds,
        duration_s=where.duration_s,
    )


def _together(name: str, parts: list[Load], rate: float) -> Load:
    columns = ("arrival_ns", "input_tokens", "output_tokens")
    arrival, prompts, answers = (
        np.concatenate([getattr(part, column) for part in parts]) for column in columns
    )
    order = np.argsort(arrival, kind="stable")
    return single_turns(name, arrival[order], prompts[order], answers[order], rate)
