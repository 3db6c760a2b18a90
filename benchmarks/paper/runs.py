"""Runs, simulated and analysed by library calls: a point for each system, rate and seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa

import sgengine
from benchmarks.paper.mixes import loads
from benchmarks.paper.setting import ALPHA, ALPHAS, Where
from sgengine.capacity import RatedRun, best_rate_of_runs
from sgengine.simulate import Simulated, System, simulate

READER = 5.0
"""Tokens/s, the default reader's."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One run: the figures of its only group, and its smooth goodput for each alpha asked for."""

    system: str
    rate: float
    seed: int
    figures: dict[str, Any]
    smooth: dict[float, float]


def served(system: System, where: Where) -> Iterator[Simulated]:
    """Every run of a system, rate by rate."""
    for load, seed in loads(where):
        yield simulate(system, load, where.cost, seed)


def deliveries(system: System, where: Where) -> pa.Table:
    """The runs of a system as one trace."""
    return pa.concat_tables(run.deliveries for run in served(system, where)).unify_dictionaries()


@cache
def points(
    system: System, where: Where, speed: float = READER, alphas: tuple[float, ...] = ALPHAS
) -> tuple[Point, ...]:
    """Every run of a system, measured for a reader of ``speed`` tokens/s."""
    return tuple(_point(run.deliveries, where, speed, alphas) for run in served(system, where))


def _point(table: pa.Table, where: Where, speed: float, alphas: tuple[float, ...]) -> Point:
    measured = sgengine.measure(table, speed=speed)
    by = ("system", "request_rate", "seed")
    smooth = {
        alpha: sgengine.summarize(measured, by=by, alpha=alpha).groups[0]["smooth_goodput"]
        for alpha in alphas
    }
    (group,) = sgengine.summarize(measured, by=by, alpha=ALPHA, goodput=where.slo).groups
    return Point(
        system=group["system"],
        rate=group["request_rate"],
        seed=group["seed"],
        figures=group,
        smooth=smooth,
    )


def rated(found: Iterable[Point], alpha: float = ALPHA) -> list[RatedRun]:
    """The runs as capacity and best rate are judged from."""
    return [
        RatedRun(
            run=f"{point.system} at {point.rate:g}/s, seed {point.seed}",
            rate=point.rate,
            rate_source="stated",
            excluded=None,
            smooth_goodput=point.smooth[alpha],
            smooth_goodput_min=point.smooth[alpha],
            smooth_goodput_max=point.smooth[alpha],
            **{name: point.figures[name] for name in _JUDGED},
        )
        for point in found
    ]


_JUDGED = (
    "requests",
    "duration_s",
    "output_throughput",
    "slo_attainment",
    "slo_undetermined",
    "request_goodput",
    "token_goodput",
)


def best(found: Iterable[Point], alpha: float = ALPHA) -> float:
    """The offered rate with the highest smooth goodput (METRICS 5)."""
    rate = best_rate_of_runs(rated(found, alpha)).rate
    assert rate is not None, "every run has chunk times"
    return rate


def by_rate(found: Iterable[Point], alpha: float = ALPHA) -> dict[float, float]:
    """Smooth goodput by rate, of all seeds together: T is the sum of theirs."""
    return mean_by_rate(found, lambda point: point.smooth[alpha], weight="duration_s")


def mean_by_rate(
    found: Iterable[Point], value: Callable[[Point], float], weight: str = "requests"
) -> dict[float, float]:
    """``value`` of the points by rate, the mean over seeds by ``weight``: the longer or larger count more."""
    held: dict[float, list[tuple[float, float]]] = {}
    for point in found:
        held.setdefault(point.rate, []).append((value(point), point.figures[weight]))
    return {
        rate: sum(v * w for v, w in pairs) / sum(w for _, w in pairs)
        for rate, pairs in held.items()
    }
