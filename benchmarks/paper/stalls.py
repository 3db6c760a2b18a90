"""Finding (f): preemptions and migrations, in TPOT and in idle latency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

import sgengine
from benchmarks.paper.finding import Finding, Row
from benchmarks.paper.runs import deliveries
from benchmarks.paper.setting import PREFILL_FIRST, Where
from sgengine.simulate import SYSTEMS, System

DISAGGREGATED = SYSTEMS["disaggregated"]

LONG_ANSWERS = Where(workload="fixed:200/4000", rates=(1.5,), slo=("tpot:50ms",))
"""Answers that outgrow the memory while they are written: 256 of them would take 560,000 tokens of
411,000. Prompts alone do not preempt, for admission waits until there is room for them."""

SPEEDS = (5.0, 20.0)
HIDDEN = 1.5
"""A stall is hidden from TPOT if it raises the mean by less than half, while idle latency more than
doubles."""


def requests_of(system: System, where: Where, speed: float) -> pa.Table:
    """The measured requests of every run."""
    return sgengine.measure(deliveries(system, where), speed=speed).requests


def preempting(
    where: Where, systems: Sequence[System] = (PREFILL_FIRST,), speeds: Sequence[float] = SPEEDS
) -> Finding:
    """Preempted requests beside the others, seed by seed."""
    rows = [
        _preempted(system, replace(where, seeds=(seed,)), speed)
        for system in systems
        for speed in speeds
        for seed in where.seeds
    ]
    return Finding(
        letter="f1", claim="preemptions show in idle latency where TPOT hides them", rows=rows
    )


def _preempted(system: System, where: Where, speed: float) -> Row:
    requests = requests_of(system, where, speed)
    hit = pc.greater(requests["n_preemptions"], 0)
    sides = [requests.filter(pc.invert(hit)), requests.filter(hit)]
    tpot = [_mean(side, "tpot_ns") / 1e6 for side in sides]
    idle = [_mean(side, "user_idle_latency_ns") / 1e9 for side in sides]
    within = pc.less_equal(sides[1]["tpot_ns"], 1e9 / speed)
    return {
        "system": system.name,
        "reader, tokens/s": speed,
        "seed": where.seeds[0],
        "preempted": sides[1].num_rows,
        "others": sides[0].num_rows,
        "TPOT, ms: others": tpot[0],
        "preempted ": tpot[1],
        "within the reader's pace, %": 100 * pc.mean(pc.cast(within, pa.float64())).as_py(),
        "longest gap, s": _mean(sides[1], "itl_max_ns") / 1e9,
        "idle latency, s: others": idle[0],
        "preempted  ": idle[1],
        "holds": tpot[1] < HIDDEN * tpot[0] and idle[1] > 2 * idle[0],
    }


def _mean(requests: pa.Table, name: str) -> float:
    found: Any = pc.mean(requests[name]).as_py()
    return float(found)


FAST, SLOW = 25e9, (5e9, 1.25e9)
"""Bytes/s between the GPUs: 200, 40 and 10 Gbit/s."""


def migrating(
    places: Sequence[Where], links: Sequence[float] = SLOW, speed: float = 20.0
) -> Finding:
    """Prompts on one GPU and answers on another: slower links beside a fast one."""
    rows = [_migrated(where, link, speed) for where in places for link in links]
    return Finding(
        letter="f2", claim="migrations show in idle latency where TPOT hides them", rows=rows
    )


def _migrated(where: Where, link: float, speed: float) -> Row:
    fast, slow = (
        requests_of(
            DISAGGREGATED,
            replace(where, cost=replace(where.cost, transfer_bandwidth=bandwidth)),
            speed,
        )
        for bandwidth in (FAST, link)
    )
    tpot = [_mean(side, "tpot_ns") / 1e6 for side in (fast, slow)]
    idle = [_mean(side, "user_idle_latency_ns") / 1e9 for side in (fast, slow)]
    return {
        "workload": where.workload,
        "rate": where.rates[0],
        "tokens an answer": _mean(fast, "n_output_tokens"),
        "link, GB/s": link / 1e9,
        "longest gap, s": _mean(slow, "itl_max_ns") / 1e9,
        "TPOT, ms: fast link": tpot[0],
        "this link": tpot[1],
        "idle latency, s: fast link": idle[0],
        "this link ": idle[1],
        "TPOT grows by": tpot[1] / tpot[0],
        "idle latency by": idle[1] / idle[0],
        "holds": idle[1] / idle[0] > tpot[1] / tpot[0],
    }
