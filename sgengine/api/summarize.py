"""``summarize``: the figures of a measured trace, or of the requests in a results store."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import Any, overload

from sgengine.aggregate.spelling import Duration, Share, summary_over
from sgengine.analyze import AnalyzeSettings
from sgengine.analyze.stored import analyze_store, recorded_settings
from sgengine.api.calls import summarize_measured
from sgengine.api.stored import Day, store_of, wanted_nights
from sgengine.api.values import Measured, Summary
from sgengine.errors import UsageError
from sgengine.objectives import Slo
from sgengine.store import Store

_OF_STORES = ("job", "day", "since", "until", "speed", "first_token")
_OF_TRACES = ("window", "trim", "steady")
_OBJECTIVES = (
    "speed",
    "first_token",
    "goodput",
    "alpha",
    "penalty",
    "unfinished_idle",
    "preset",
)
_CONVENTIONS = ("by", "denominator", "population", "duration")


@overload
def summarize(
    source: Measured,
    *,
    by: str | Iterable[str] | None = None,
    goodput: str | Iterable[str] | Slo | None = None,
    alpha: float | None = None,
    penalty: str | None = None,
    unfinished_idle: Duration | None = None,
    preset: str | None = None,
    denominator: str | None = None,
    population: str | None = None,
    duration: Duration | None = None,
    window: str | None = None,
    trim: str | None = None,
    steady: Share | None = None,
) -> Summary: ...


@overload
def summarize(
    source: Store | str | PathLike[str],
    *,
    job: str | None = None,
    day: Day | None = None,
    since: Day | None = None,
    until: Day | None = None,
    by: str | Iterable[str] | None = None,
    speed: float | None = None,
    first_token: Duration | None = None,
    goodput: str | Iterable[str] | Slo | None = None,
    alpha: float | None = None,
    penalty: str | None = None,
    unfinished_idle: Duration | None = None,
    preset: str | None = None,
    denominator: str | None = None,
    population: str | None = None,
    duration: Duration | None = None,
) -> Summary: ...


def summarize(source: Measured | Store | str | PathLike[str], **given: Any) -> Summary:
    """The figures of METRICS 5 for every group of a measured trace, or of stored requests.

    ``by``: columns (default system, workload; of a store ``job`` and ``night`` too). ``goodput``: SLO
    clauses, as in ``["ttft:500", "tpot:50"]``, in ms or with a unit. ``alpha``, ``penalty``
    (``NAME[:TAU]``) and ``unfinished_idle`` define the benefit. ``duration``: T, if the caller knows
    better.

    Of a trace the reader is the one that it was measured with, and one of ``window`` (``"10s,60s"``, or
    times of day in ISO 8601), ``trim`` (what to cut from start and end of each run, ``"30s,10s"``) and
    ``steady`` (True, or a share of the peak of requests in flight) chooses the part of each run whose
    requests count; ``Summary.windows`` says what came of it.

    Of a store (or its path) ``job``, and ``day`` or ``since`` and ``until``, choose nights, and ``speed``
    and ``first_token`` any reader; of reader, benefit, SLO and denominator, what nothing is given of is
    as the newest of these nights was scored with. ITL is approximate: ``itl_approx_ms``.

    Raises UsageError for a wrong value, DataError for a run that has no part of that kind.
    """
    known = (*_OBJECTIVES, *_CONVENTIONS, *_OF_STORES, *_OF_TRACES)
    unknown = sorted(given.keys() - set(known))
    if unknown:
        raise TypeError(f"summarize() got an unexpected keyword argument '{unknown[0]}'")
    given = {name: value for name, value in given.items() if value is not None}
    if isinstance(source, Measured):
        _refuse(given, _OF_STORES, "a store, and this is a measured trace")
        return summarize_measured(source, **given)
    _refuse(given, _OF_TRACES, "a trace: the runs of a store were cut into nights")
    return _summarize_store(store_of(source), given)


def _refuse(given: dict[str, Any], names: Iterable[str], whose: str) -> None:
    for name in names:
        if name in given:
            raise UsageError(f"{name} is for {whose}: leave it out")


def _summarize_store(store: Store, given: dict[str, Any]) -> Summary:
    nights = {name: given[name] for name in ("job", "day", "since", "until") if name in given}
    wanted = wanted_nights(**nights)
    snapshot = store.snapshot()
    objectives, conventions = (
        {name: value for name, value in given.items() if name in names}
        for names in (_OBJECTIVES, _CONVENTIONS)
    )
    summary = summary_over(recorded_settings(snapshot, wanted), objectives, conventions)
    found = analyze_store(snapshot, AnalyzeSettings().scoring(summary), wanted)
    return Summary(groups=found.groups, settings=found.settings.summary)
