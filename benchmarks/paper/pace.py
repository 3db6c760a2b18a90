"""Finding (g): serving whoever's reader is about to run dry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.paper.finding import Finding, Row
from benchmarks.paper.runs import READER, best, by_rate, mean_by_rate, points
from benchmarks.paper.setting import CHUNKED_2048, PACE, Where
from sgengine.objectives import Reader

NEAR = (0.9, 1.0, 1.1)
"""Saturation: rates around the best one of the same system with a first-come-first-served queue."""

FCFS = replace(PACE, name="the same, FCFS", order="fcfs")


def pace_beats_fcfs(places: Sequence[Where], speeds: Sequence[float] = (READER,)) -> Finding:
    """(g): pace-aware beats FCFS in smooth goodput near saturation, for readers of these speeds."""
    rows = [row for speed in speeds for where in places for row in _near_saturation(where, speed)]
    return Finding(letter="g", claim="pace-aware scheduling beats FCFS near saturation", rows=rows)


def _near_saturation(where: Where, speed: float) -> list[Row]:
    peak = best(points(FCFS, where, speed))
    near = where.at(*(round(peak * factor, 6) for factor in NEAR))
    paced = replace(PACE, reader=Reader.from_speed(speed))
    found = [points(system, near, speed) for system in (FCFS, paced, CHUNKED_2048)]
    smooth = [by_rate(each) for each in found]
    idle = [
        mean_by_rate(each, lambda p: p.figures["user_idle_latency_ms"]["mean"] / 1e3)
        for each in found
    ]
    return [
        {
            "workload": where.workload,
            "reader, tokens/s": speed,
            "rate": rate,
            "smooth goodput: FCFS": smooth[0][rate],
            "pace-aware": smooth[1][rate],
            "chunked-2048": smooth[2][rate],
            "idle latency, s: FCFS": idle[0][rate],
            "pace-aware ": idle[1][rate],
            "chunked-2048 ": idle[2][rate],
            "holds": smooth[1][rate] > smooth[0][rate],
        }
        for rate in near.rates
    ]
