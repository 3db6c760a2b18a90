"""Runs, simulated and analysed by library calls: a point for each system, rate and seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Any

import pyarrow as pa

import sgengine
from benchmarks.paper.setting import ALPHA, ALPHAS, Where
from sgengine.api.loads import Demand
from sgengine.simulate import Simulated, System, simulate

READER = 5.0
"""Tokens/s, the default reader's."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One run: the figures of its only group, and its smooth goodput for each alpha of ``ALPHAS``."""

    system: str
    rate: float
    seed: int
    figures: dict[str, Any]
    smooth: dict[float, float]


def demand(where: Where) -> Demand:
    """What is asked of every system."""
    return Demand(
        workload=where.workload,
        arrivals=where.arrivals,
        rates=where.rates,
        seeds=where.seeds,
        duration_s=where.duration_s,
    )


def served(system: System, where: Where) -> Iterator[Simulated]:
    """Every run of a system, rate by rate."""
    for load, seed in demand(where).loads():
        yield simulate(system, load, where.cost, seed)


def deliveries(system: System, where: Where) -> pa.Table:
    """The runs of a system as one trace."""
    return pa.concat_tables(run.deliveries for run in served(system, where)).unify_dictionaries()


@cache
def points(system: System, where: Where, speed: float = READER) -> tuple[Point, ...]:
    """Every run of a system, measured for a reader of ``speed`` tokens/s."""
    return tuple(_point(run.deliveries, where, speed) for run in served(system, where))


def _point(table: pa.Table, where: Where, speed: float) -> Point:
    measured = sgengine.measure(table, speed=speed)
    by = ("system", "request_rate", "seed")
    smooth = {
        alpha: sgengine.summarize(measured, by=by, alpha=alpha).groups[0]["smooth_goodput"]
        for alpha in ALPHAS
    }
    (group,) = sgengine.summarize(measured, by=by, alpha=ALPHA, goodput=where.slo).groups
    return Point(
        system=group["system"],
        rate=group["request_rate"],
        seed=group["seed"],
        figures=group,
        smooth=smooth,
    )


def by_rate(found: Iterable[Point], alpha: float = ALPHA) -> dict[float, float]:
    """Smooth goodput by rate, the mean over seeds."""
    return mean_by_rate(found, lambda point: point.smooth[alpha])


def mean_by_rate(found: Iterable[Point], value: Any) -> dict[float, float]:
    """``value`` of the points by rate, the mean over seeds."""
    held: dict[float, list[float]] = {}
    for point in found:
        held.setdefault(point.rate, []).append(value(point))
    return {rate: fmean(values) for rate, values in held.items()}


def best(values: dict[float, float]) -> float:
    """The rate of the highest value, the lower one of equals: ``best_rate`` of METRICS 5."""
    return min(values, key=lambda rate: (-values[rate], rate))


def of_seed(found: Sequence[Point], seed: int) -> tuple[Point, ...]:
    """The points of one seed."""
    return tuple(point for point in found if point.seed == seed)
