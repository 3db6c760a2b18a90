"""The whole evaluation: every finding, and every block of the page."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from benchmarks.paper import abandoned, elsewhere, overview, pace, page, policies, rates, stalls
from benchmarks.paper.finding import Finding, Row
from benchmarks.paper.setting import (
    ABANDONED,
    BURSTY,
    CLOSE,
    CODE,
    DELAYED,
    MIGRATED,
    OVERLOADED,
    PAYING,
    PAYING_ALPHAS,
    PAYING_IDLE_S,
    RULED,
    RULED_BY,
    SHAREGPT,
    SUMMARIZATION,
    WORKLOADS,
)


def findings() -> list[Finding]:
    """All of them, in the order of the page."""
    return [
        _timed(found)
        for found in (
            lambda: rates.rises_and_falls(WORKLOADS),
            lambda: rates.chunking_moves_the_peak(CLOSE),
            lambda: rates.chunking_helps_tails_more(WORKLOADS),
            lambda: rates.alpha_never_raises_the_best_rate(WORKLOADS),
            lambda: policies.delaying(DELAYED),
            lambda: policies.abandoning(ABANDONED),
            lambda: abandoned.gaining(RULED, RULED_BY),
            lambda: stalls.preempting(stalls.LONG_ANSWERS),
            lambda: stalls.migrating(MIGRATED),
            lambda: pace.pace_beats_fcfs(WORKLOADS, (5.0, 20.0)),
            lambda: elsewhere.pace_elsewhere(),
            lambda: elsewhere.pace_elsewhere(speed=20.0),
        )
    ]


def _timed(found: Callable[[], Finding]) -> Finding:
    start = time.perf_counter()
    finding = found()
    seconds = time.perf_counter() - start
    said = f"({finding.letter}) {finding.verdict}: {finding.holding} of {len(finding.rows)}"
    print(f"{said}, {seconds:.0f} s", file=sys.stderr)
    return finding


def blocks(found: list[Finding]) -> dict[str, str]:
    """Every block of the page, by name."""
    return {
        "summary": page.summary(found),
        **{f"finding-{finding.letter}": page.table(finding.rows) for finding in found},
        "paying": page.table(paying()),
        "best": page.table(overview.at_their_best(WORKLOADS)),
        "elsewhere": page.table(overview.elsewhere((SHAREGPT, CODE))),
        "two-gpus": page.table(overview.on_two_gpus((SHAREGPT, CODE, SUMMARIZATION))),
        "overload": page.table(overview.overloaded(OVERLOADED)),
        "bursts": page.table(overview.burstier(BURSTY)),
    }


def paying() -> list[Row]:
    """What abandonment gains, by alpha and U."""
    return policies.abandonment_that_pays(*PAYING, PAYING_ALPHAS, PAYING_IDLE_S)
