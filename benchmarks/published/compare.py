"""Every published case simulated, and how the two compare."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

import sgengine
from benchmarks.published.sources import Case, Source
from sgengine.simulate import Simulated, System, simulate, single_turns
from sgengine.simulate.workloads import POISSON, Stream, arrivals_ns

FIGURES = {"throughput": "answer tokens/s", "ttft_ms": "mean TTFT, ms", "itl_ms": "mean ITL, ms"}
SEED = 1
LARGEST_BATCH = 4096
"""TensorRT-LLM's, as the page of its figures has it; memory holds fewer in most cases."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One figure of one case, published and simulated."""

    source: Source
    case: Case
    figure: str
    published: float
    simulated: float

    @property
    def ratio(self) -> float:
        """Simulated over published."""
        return self.simulated / self.published

    @property
    def is_within(self) -> bool:
        """Whether the ratio lies in the band of its figure."""
        low, high = self.source.bands[self.figure]
        return low <= self.ratio <= high


def system_of(source: Source, case: Case) -> System:
    """The nearest system: no more requests at once than memory holds to their ends.

    So TensorRT-LLM's default admits (``guaranteed no evict``). With one length nothing is preempted.
    """
    fits = source.cost.kv_capacity // (case.prompt + case.answer)
    return System(
        name="published",
        prefill="chunked" if source.chunked else "first",
        token_budget=source.budget,
        max_running=min(LARGEST_BATCH, fits),
        watermark=0.0,
    )


def simulated(source: Source, case: Case) -> Simulated:
    """The case as we have it: Poisson arrivals of one seed, or all requests at once."""
    times = np.zeros(case.requests, np.int64)
    if case.rate is not None:
        stream = Stream(SEED, "arrivals")
        times = arrivals_ns(POISSON, stream, rate=case.rate, requests=case.requests)
    prompts, answers = np.full(case.requests, case.prompt), np.full(case.requests, case.answer)
    load = single_turns("published", times, prompts, answers, case.rate)
    return simulate(system_of(source, case), load, source.cost, SEED)


def compared(source: Source, case: Case) -> list[Compared]:
    """Every figure that was published of the case."""
    run = simulated(source, case)
    ours = {"throughput": run.facts.tokens * 1e9 / run.facts.span_ns, **_latencies(run, case)}
    return [
        Compared(
            source=source,
            case=case,
            figure=figure,
            published=published,
            simulated=ours[figure],
        )
        for figure in FIGURES
        if (published := getattr(case, figure)) is not None
    ]


def _latencies(run: Simulated, case: Case) -> dict[str, float]:
    """Mean TTFT and ITL, if they were published: long runs of throughput alone are not measured."""
    asked = [name for name in ("ttft_ms", "itl_ms") if getattr(case, name) is not None]
    if not asked:
        return {}
    (group,) = sgengine.summarize(sgengine.measure(run.deliveries)).groups
    return {name: group[name]["mean"] for name in asked}


def every(sources: Sequence[Source]) -> list[Compared]:
    """Every figure of every case, in order."""
    return [one for source in sources for case in source.cases for one in compared(source, case)]


def by_band(found: Sequence[Compared]) -> list[list[Compared]]:
    """What shares a band: a figure of a source. Figure by figure, sources in order."""
    figures = list(FIGURES)
    ordered = sorted(found, key=lambda one: figures.index(one.figure))
    shared = groupby(ordered, key=lambda one: (one.figure, one.source))
    return [list(group) for _, group in shared]


def geometric_mean(found: Sequence[Compared]) -> float:
    """Of the ratios."""
    return math.exp(sum(math.log(one.ratio) for one in found) / len(found))
