"""Runs the evaluation and writes it into docs/evaluation.md and docs/evaluation/: ``make paper``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from benchmarks.paper import figures, page, stalls
from benchmarks.paper.evaluation import blocks, findings, paying
from benchmarks.paper.finding import Finding
from benchmarks.paper.setting import PREFILL_FIRST, WORKLOADS


def draw(found: Sequence[Finding]) -> None:
    """Every figure of the page."""
    by_letter = {finding.letter: finding for finding in found}
    folder = page.FIGURES
    folder.mkdir(exist_ok=True)
    figures.smooth_goodput_and_throughput(WORKLOADS, folder / "rates.svg")
    figures.smooth_goodput_by_alpha(WORKLOADS, folder / "alpha.svg")
    figures.delayed(by_letter["d"].rows, folder / "delay.svg")
    figures.abandonment(paying(), folder / "abandon.svg")
    requests = pl.DataFrame(
        stalls.requests_of(PREFILL_FIRST, replace(stalls.LONG_ANSWERS, seeds=(1,)), 20.0).select(
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
    filling = blocks(found)  # first: the prose may be edited meanwhile
    page.PAGE.write_text(page.filled(page.PAGE.read_text("utf-8"), filling), "utf-8")
    if not arguments.no_figures:
        draw(found)
    print(f"{time.perf_counter() - start:.0f} s in all", file=sys.stderr)


if __name__ == "__main__":
    main()
