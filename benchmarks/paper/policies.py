"""Findings (d), (e): delaying tokens and abandoning requests, done to traces and built into systems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import sgengine
from benchmarks.paper.finding import Finding, Row
from benchmarks.paper.runs import READER, deliveries
from benchmarks.paper.setting import ALPHA, CHUNKED_2048, PREFILL_FIRST, Where
from sgengine import audit
from sgengine.analyze import AnalyzeSettings
from sgengine.api import resolve, summary_settings
from sgengine.compute import MeasureSettings
from sgengine.objectives import parse_slo
from sgengine.simulate import Abandon, Delay, System

MS = 1_000_000
GAPS_MS = (50, 100, 200, 400)
ALL_AT_ONCE = ("workload",)
"""Seeds together: one figure a case."""


def audited(
    system: System,
    where: Where,
    operation: audit.Operation,
    *,
    speed: float = READER,
    alpha: float = ALPHA,
    unfinished_s: float = 0.0,
) -> audit.AuditedGroup:
    """What an operation does to the runs of a system."""
    aims = resolve(speed=speed, alpha=alpha, unfinished_idle=f"{unfinished_s:g}s")
    settings = AnalyzeSettings(
        measure=MeasureSettings(reader=aims.reader, gaps=False),
        summary=summary_settings(aims, by=ALL_AT_ONCE),
    )
    (group,) = audit.audit_table(_deliveries(system, where), [operation], settings).groups
    return group


@cache
def _deliveries(system: System, where: Where) -> Any:
    return deliveries(system, where)


def delaying(
    places: Sequence[Where], gaps_ms: Sequence[int] = GAPS_MS, speeds: Sequence[float] = (5.0, 20.0)
) -> Finding:
    """(d): delaying to a threshold improves tail TBT and TBT attainment, never smooth goodput."""
    rows = [_delayed(where, gap, speed) for where in places for gap in gaps_ms for speed in speeds]
    return Finding(
        letter="d",
        claim="delaying tokens to the threshold improves tail TBT and TBT attainment, and never "
        "smooth goodput",
        rows=rows,
    )


def _delayed(where: Where, gap_ms: int, speed: float) -> Row:
    group = audited(PREFILL_FIRST, where, audit.Delay(threshold_ns=gap_ms * MS), speed=speed)
    before: dict[str, Any] = dict(group.before)
    after: dict[str, Any] = dict(group.after)
    tails = [side["itl_ms"]["p99_9"] for side in (before, after)]
    attained = [side["slo_attainment"] for side in (before, after)]
    smooth = [side["smooth_goodput"] for side in (before, after)]
    return {
        "workload": where.workload,
        "rate": where.rates[0],
        "held to, ms": gap_ms,
        "reader, tokens/s": speed,
        "TBT p99.9, ms": tails[0],
        "held": tails[1],
        "TBT attainment, %": 100 * attained[0],
        "held ": 100 * attained[1],
        "smooth goodput": smooth[0],
        "held  ": smooth[1],
        "holds": tails[1] < tails[0] and attained[1] > attained[0] and smooth[1] <= smooth[0],
    }


def delaying_is_the_same_built_in(where: Where, gap_ms: int) -> bool:
    """Whether a server that delays attains exactly what the audit says of one that does not."""
    group = audited(PREFILL_FIRST, where, audit.Delay(threshold_ns=gap_ms * MS))
    built_in = replace(PREFILL_FIRST, delivery=Delay(gap_ns=gap_ms * MS))
    measured = sgengine.measure(deliveries(built_in, where))
    (found,) = sgengine.summarize(measured, by=ALL_AT_ONCE, goodput=f"tbt:{gap_ms}").groups
    return bool(found["slo_attainment"] == group.after["slo_attainment"])


def abandoning(places: Sequence[tuple[Where, str]]) -> Finding:
    """(e), as an audit: over served work attainment rises; over all it stays."""
    rows = [_abandoned(where, clause) for where, clause in places]
    return Finding(
        letter="e1",
        claim="abandoning late requests raises attainment over served work, while attainment over all "
        "requests stays",
        rows=rows,
    )


def _abandoned(where: Where, clause: str) -> Row:
    group = audited(PREFILL_FIRST, where, audit.Abandon(slo=parse_slo([clause])))
    before: dict[str, Any] = dict(group.before)
    after: dict[str, Any] = dict(group.after)
    even = group.break_even
    sides = (before, after)
    served = [100 * side["slo_attainment_completed"] for side in sides]
    everyone = [100 * side["slo_attainment"] for side in sides]
    return {
        "workload": where.workload,
        "rate": where.rates[0],
        "abandoned at": clause,
        "requests cut, %": 100 * group.effects.cut / before["requests"],
        "attainment of served, %": served[0],
        "abandoning": served[1],
        "of all, %": everyone[0],
        "abandoning ": everyone[1],
        "smooth goodput": before["smooth_goodput"],
        "abandoning  ": after["smooth_goodput"],
        "pays above alpha": even.alpha,
        "pays below U, s": even.unfinished_idle_s,
        "holds": served[1] > served[0] and everyone[1] == everyone[0],
    }


def abandonment_that_pays(
    where: Where,
    clause: str,
    alphas: Sequence[float],
    unfinished_s: Sequence[float],
    system: System = CHUNKED_2048,
) -> list[Row]:
    """(e), built in: smooth goodput with abandonment less without, by alpha and U.

    Unlike the audit's, the abandoned requests leave room for others here.
    """
    stopping = replace(system, delivery=Abandon(slo=parse_slo([clause])))
    sides = [sgengine.measure(_deliveries(each, where)) for each in (stopping, system)]
    rows: list[Row] = []
    for alpha in alphas:
        row: dict[str, object] = {"alpha": alpha}
        for idle in unfinished_s:
            found = [_smooth(side, alpha, idle) for side in sides]
            row[f"U = {idle:g} s"] = found[0] - found[1]
        rows.append(row)
    return rows


def _smooth(measured: Any, alpha: float, unfinished_s: float) -> float:
    summary = sgengine.summarize(
        measured, by=ALL_AT_ONCE, alpha=alpha, unfinished_idle=f"{unfinished_s:g}s"
    )
    return float(summary.groups[0]["smooth_goodput"])
