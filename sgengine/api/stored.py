"""``summarize`` over a results store: the same figures, from requests that were measured before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from os import PathLike
from typing import Any

from sgengine.aggregate.spelling import resolve_over, summary_settings
from sgengine.analyze import Analysis, AnalyzeSettings
from sgengine.analyze.stored import analyze_store, recorded_settings
from sgengine.analyze.stored_files import Wanted
from sgengine.api.values import Summary
from sgengine.errors import UsageError
from sgengine.objectives import parse_day
from sgengine.store import Store

Place = Store | str | PathLike[str]

Day = date | str
"""A night, as a date or in ISO 8601."""


def summarize_store(
    place: Place, objectives: dict[str, Any], conventions: dict[str, Any], nights: dict[str, Any]
) -> Summary:
    """The figures of the stored requests of ``nights`` (job, day, since, until; None for all of them).

    Of reader, benefit, SLO and denominator, what nothing is given of is as the newest of these nights
    was scored with.
    """
    store = place if isinstance(place, Store) else Store.open(place)
    analysis = _analyzed(store, objectives, conventions, wanted_nights(**nights))
    return Summary(groups=analysis.groups, settings=analysis.settings.summary)


def _analyzed(
    store: Store, objectives: dict[str, Any], conventions: dict[str, Any], wanted: Wanted
) -> Analysis:
    snapshot = store.snapshot()
    recorded = recorded_settings(snapshot, wanted)
    given = {name: value for name, value in conventions.items() if value is not None}
    summary = summary_settings(resolve_over(recorded, **objectives), **given)
    if "denominator" not in given:
        summary = replace(summary, denominator=recorded.denominator)
    if "duration" not in given:
        summary = replace(summary, duration_ns=recorded.duration_ns)
    return analyze_store(snapshot, AnalyzeSettings().scoring(summary), wanted)


def wanted_nights(
    *,
    job: str | None = None,
    day: Day | None = None,
    since: Day | None = None,
    until: Day | None = None,
) -> Wanted:
    """The nights of a job, one of them or a range; UsageError for both, or for what is no day."""
    if day is not None and not since is until is None:
        raise UsageError("day and since or until are given: give one night, or a range")
    first, last = since if day is None else day, until if day is None else day
    return Wanted(
        job=job,
        since=None if first is None else as_day(first, "since" if day is None else "day"),
        until=None if last is None else as_day(last, "until" if day is None else "day"),
    )


def as_day(value: Day, what: str) -> date:
    """A day given as such or in ISO 8601, as in 2026-01-31; UsageError, naming ``what``, otherwise."""
    return value if isinstance(value, date) else parse_day(value, what)
