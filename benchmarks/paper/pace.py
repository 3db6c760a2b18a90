"""Finding (g): serving whoever's reader is about to run dry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.paper.finding import Finding, Row
from benchmarks.paper.runs import READER, best, by_rate, mean_by_rate, points
from benchmarks.paper.setting import CHUNKED_2048, PACE, PREFILL_FIRST, Where

NEAR = (0.9, 1.0, 1.1)
"""Saturation: rates around the best one of the same system with a first-come-first-served queue."""

FCFS = replace(PACE, name="the same, FCFS", order="fcfs")


def pace_beats_fcfs(places: Sequence[Where], speed: float = READER) -> Finding:
    """(g): pace-aware beats FCFS in smooth goodput near saturation."""
    rows = [row for where in places for row in _near_saturation(where, speed)]
    return Finding(letter="g", claim="pace-aware scheduling beats FCFS near saturation", rows=rows)


def _near_saturation(where: Where, speed: float) -> list[Row]:
    peak = best(by_rate(points(FCFS, where, speed)))
    near = where.at(*(round(peak * factor, 6) for factor in NEAR))
    systems = (FCFS, PREFILL_FIRST, CHUNKED_2048, PACE)
    smooth = {system.name: by_rate(points(system, near, speed)) for system in systems}
    idle = {
        system.name: mean_by_rate(
            points(system, near, speed), lambda p: p.figures["user_idle_latency_ms"]["mean"] / 1e3
        )
        for system in (FCFS, PACE)
    }
    return [
        {
            "workload": where.workload,
            "reader, tokens/s": speed,
            "rate": rate,
            "smooth goodput: FCFS": smooth[FCFS.name][rate],
            "pace-aware": smooth[PACE.name][rate],
            "prefill-first": smooth[PREFILL_FIRST.name][rate],
            "chunked-2048": smooth[CHUNKED_2048.name][rate],
            "idle latency, s: FCFS": idle[FCFS.name][rate],
            "pace-aware ": idle[PACE.name][rate],
            "holds": smooth[PACE.name][rate] > smooth[FCFS.name][rate],
        }
        for rate in near.rates
    ]
