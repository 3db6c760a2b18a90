"""``capacity``: from runs at several rates to the load that a system bears (METRICS 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from sgengine.aggregate import Aggregator
from sgengine.analyze import (
    Analysis,
    AnalyzeSettings,
    Fold,
    Passes,
    Progress,
    analysis_of,
    bounded,
    plan_sources,
    with_parts,
)
from sgengine.capacity.judge import (
    BestRate,
    Capacity,
    RatedRun,
    best_rate_of_runs,
    capacity_of_runs,
)
from sgengine.capacity.offers import Offer, Offers
from sgengine.errors import UsageError

DEFAULT_ATTAINMENT = 0.9

_RUN = "run"
_FIGURES = (
    "requests",
    "duration_s",
    "output_throughput",
    "slo_attainment",
    "slo_undetermined",
    "request_goodput",
    "token_goodput",
    "smooth_goodput",
    "smooth_goodput_min",
    "smooth_goodput_max",
)


@dataclass(frozen=True, kw_only=True)
class RatedGroup:
    """One group: its ``by`` columns, its runs by rate, the excluded ones last, and what they show.

    ``capacity_per_gpu``: DistServe's goodput (arXiv 2401.09670), None unless the GPUs are given.
    """

    key: dict[str, object]
    runs: tuple[RatedRun, ...]
    capacity: Capacity
    capacity_per_gpu: Capacity | None
    best_rate: BestRate


@dataclass(frozen=True, kw_only=True)
class CapacitySettings:
    """The share of requests that must attain the SLO, and by how many GPUs capacities are divided."""

    attainment: float = DEFAULT_ATTAINMENT
    gpus: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.attainment <= 1:
            raise UsageError(
                f"attainment is {self.attainment:g}: give a share above 0 and up to 1, as in 0.9"
            )
        if self.gpus is not None and self.gpus < 1:
            raise UsageError(f"gpus is {self.gpus}: give how many GPUs served the runs, 1 or more")


@dataclass(frozen=True, kw_only=True)
class Capacities:
    """The capacity of every group. ``analysis``: what was read, and what was left out of it."""

    asked: CapacitySettings
    settings: AnalyzeSettings
    groups: tuple[RatedGroup, ...]
    analysis: Analysis | None = None


def capacity(
    inputs: Sequence[str],
    settings: AnalyzeSettings | None = None,
    *,
    asked: CapacitySettings | None = None,
    progress: Progress | None = None,
) -> Capacities:
    """Capacity and best rate of ``inputs`` (files, folders, globs, ``label=PATH``), by group.

    A run's offered rate is that of all its requests, also where ``by`` cuts the run. Raises UsageError
    for a wrong call, DataError if nothing could be read.
    """
    asked, settings = asked or CapacitySettings(), settings or AnalyzeSettings()
    each = of_runs(settings)
    plans, skipped, failures = plan_sources(inputs, each)
    with ExitStack() as stack:
        plans, parts = with_parts(plans, each, stack)
        passes = Passes(each, parts, progress)
        fold = Fold(each, plans, passes.sections())
        offers = Offers(limit_bytes=each.share_bytes)
        passes.measure(fold, offers, keep_requests=False, itl=False)
    analysis = analysis_of(fold, [], skipped, failures)
    offers.add_runs(analysis.runs)
    groups = groups_of(fold.aggregate, fold.ledger.stated_ns(), offers, settings.summary.by, asked)
    return Capacities(asked=asked, settings=settings, groups=groups, analysis=analysis)


def capacity_of(
    requests: Iterable[pa.RecordBatch],
    runs: pa.Table | None = None,
    settings: AnalyzeSettings | None = None,
    *,
    asked: CapacitySettings | None = None,
) -> Capacities:
    """The same of REQUESTS that are measured already, for the reader of the settings.

    ``runs``: the RUNS table, for the rates and durations that runs state; what rows state in a
    dimension ``request_rate`` counts too.
    """
    asked, settings = asked or CapacitySettings(), settings or AnalyzeSettings()
    aggregate = Aggregator(settings=of_runs(settings).summary)
    offers = Offers(limit_bytes=settings.share_bytes)
    for batch in requests:
        aggregate.add(batch)
        offers.write(batch)
    stated: dict[str, int] = {}
    if runs is not None:
        offers.add_runs(runs)
        for row in runs.select([_RUN, "stated_duration_ns"]).to_pylist():
            if row["stated_duration_ns"] is not None:
                stated[row[_RUN]] = max(stated.get(row[_RUN], 0), row["stated_duration_ns"])
    groups = groups_of(aggregate, stated, offers, settings.summary.by, asked)
    return Capacities(asked=asked, settings=settings, groups=groups)


def of_runs(settings: AnalyzeSettings) -> AnalyzeSettings:
    """The settings, bounded, for the figures of each run in each group."""
    by = settings.summary.by
    summary = replace(settings.summary, by=by if _RUN in by else (*by, _RUN))
    measure = replace(settings.measure, gaps=False)
    return bounded(replace(settings, measure=measure, summary=summary))


def groups_of(
    aggregate: Aggregator,
    stated_ns: Mapping[str, int],
    offers: Offers,
    by: tuple[str, ...],
    asked: CapacitySettings,
) -> tuple[RatedGroup, ...]:
    """The groups, each with its runs; the columns that were grouped by come first in the figures."""
    found: dict[tuple[tuple[str, object], ...], list[RatedRun]] = {}
    rated = {run: offers.of(run) for run in offers.requests}
    for figures in aggregate.finish(stated_ns, {}):
        values = dict(zip(aggregate.settings.by, figures.values(), strict=False))
        run = str(values[_RUN])
        key = tuple((name, values[name]) for name in by)
        found.setdefault(key, []).append(_rated(run, figures, rated[run]))
    return tuple(_group(dict(key), runs, asked) for key, runs in found.items())


def _rated(run: str, figures: Mapping[str, Any], offer: Offer) -> RatedRun:
    return RatedRun(
        run=run,
        rate=offer.rate,
        rate_source=offer.source,
        excluded=offer.excluded,
        **{name: figures[name] for name in _FIGURES},
    )


def _group(key: dict[str, object], runs: list[RatedRun], asked: CapacitySettings) -> RatedGroup:
    ordered = sorted(runs, key=lambda r: (r.excluded is not None, r.rate or 0.0, r.run))
    found = capacity_of_runs(ordered, asked.attainment)
    return RatedGroup(
        key=key,
        runs=tuple(ordered),
        capacity=found,
        capacity_per_gpu=found.per(asked.gpus) if asked.gpus else None,
        best_rate=best_rate_of_runs(ordered),
    )
