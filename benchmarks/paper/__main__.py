"""Runs the evaluation and writes it into docs/evaluation.md and docs/evaluation/: ``make paper``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import polars as pl

from benchmarks.paper import figures, overview, pace, page, policies, rates, stalls
from benchmarks.paper.finding import Finding
from benchmarks.paper.setting import (
    CODE,
    CONVERSATION,
    LOOGLE,
    PREFILL_FIRST,
    SHAREGPT,
    SUMMARIZATION,
    WORKLOADS,
)

DELAYED = (SHAREGPT.at(2.0), CODE.at(4.0))
ABANDONED = (
    (SHAREGPT.at(2.75), "ttft:2s"),
    (SHAREGPT.at(3.5), "ttft:2s"),
    (SHAREGPT.at(3.5), "ttft:30s"),
    (CODE.at(4.0), "ttft:2s"),
    (CODE.at(5.0), "ttft:2s"),
    (LOOGLE.at(0.3), "ttft:15s"),
)
PAYING = (SHAREGPT.at(3.5), "ttft:15s")
PAYING_ALPHAS = (0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
PAYING_IDLE = (0.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
MIGRATED = (SHAREGPT.at(2.0), SUMMARIZATION.at(1.0), CODE.at(4.0))
BURSTY = replace(CONVERSATION, rates=CONVERSATION.rates[6:17])


def findings() -> list[Finding]:
    """All of them, in the order of the page."""
    return [
        _timed(found)
        for found in (
            lambda: rates.rises_and_falls(WORKLOADS),
            lambda: rates.chunking_moves_the_peak(WORKLOADS),
            lambda: rates.chunking_helps_tails_more(WORKLOADS),
            lambda: rates.alpha_never_raises_the_best_rate(WORKLOADS),
            lambda: policies.delaying(DELAYED),
            lambda: policies.abandoning(ABANDONED),
            lambda: stalls.preempting(stalls.LONG_ANSWERS),
            lambda: stalls.migrating(MIGRATED),
            lambda: pace.pace_beats_fcfs(WORKLOADS),
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
    paying = policies.abandonment_that_pays(*PAYING, PAYING_ALPHAS, PAYING_IDLE)
    return {
        "summary": page.summary(found),
        **{f"finding-{finding.letter}": page.table(finding.rows) for finding in found},
        "paying": page.table(paying),
        "best": page.table(overview.at_their_best(WORKLOADS)),
        "elsewhere": page.table(overview.elsewhere((SHAREGPT, CODE))),
        "bursts": page.table(overview.burstier(BURSTY)),
    }


def draw(found: list[Finding]) -> None:
    """Every figure of the page."""
    by_letter = {finding.letter: finding for finding in found}
    folder = page.FIGURES
    folder.mkdir(exist_ok=True)
    figures.smooth_goodput_and_throughput(WORKLOADS, folder / "rates.svg")
    figures.smooth_goodput_by_alpha(WORKLOADS, folder / "alpha.svg")
    figures.delayed(by_letter["d"].rows, folder / "delay.svg")
    paying = policies.abandonment_that_pays(*PAYING, PAYING_ALPHAS, PAYING_IDLE)
    figures.abandonment(paying, folder / "abandon.svg")
    requests = pl.DataFrame(
        stalls.requests_of(PREFILL_FIRST, stalls.LONG_ANSWERS, 20.0).select(
            ["tpot_ns", "user_idle_latency_ns", "n_preemptions"]
        )
    )
    figures.stalls(
        requests.select(
            (pl.col("tpot_ns") / 1e6).alias("tpot"),
            (pl.col("user_idle_latency_ns") / 1e9).alias("idle"),
            pl.when(pl.col("n_preemptions") > 0)
            .then(pl.lit("preempted"))
            .otherwise(pl.lit("never preempted"))
            .alias("request"),
        ),
        folder / "stalls.svg",
    )
    figures.pace(WORKLOADS, folder / "pace.svg")


def main() -> None:
    """Run everything; write the page and its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-figures", action="store_true", help="write the tables alone")
    arguments = parser.parse_args()
    start = time.perf_counter()
    found = findings()
    page.PAGE.write_text(page.filled(page.PAGE.read_text("utf-8"), blocks(found)), "utf-8")
    if not arguments.no_figures:
        draw(found)
    print(f"{time.perf_counter() - start:.0f} s in all", file=sys.stderr)


if __name__ == "__main__":
    main()
