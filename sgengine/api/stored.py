"""Which store is meant, and which nights of it, in a caller's spelling."""

from __future__ import annotations

from datetime import date
from os import PathLike

from sgengine.analyze.stored_files import Wanted
from sgengine.errors import UsageError
from sgengine.objectives import parse_day
from sgengine.store import Store

Day = date | str
"""A night, as a date or in ISO 8601."""


def store_of(source: Store | str | PathLike[str]) -> Store:
    """A store, or that at a path; UsageError for anything else, as a trace that was not measured."""
    if isinstance(source, Store):
        return source
    if not isinstance(source, str | PathLike):
        raise UsageError(
            f"the source is a {type(source).__name__}: give what sgengine.measure returns, or a store"
        )
    return Store.open(source)


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
    first, last = (since, until) if day is None else (day, day)
    return Wanted(
        job=job,
        since=None if first is None else as_day(first, "since" if day is None else "day"),
        until=None if last is None else as_day(last, "until" if day is None else "day"),
    )


def as_day(value: Day, what: str) -> date:
    """A day given as such or in ISO 8601; UsageError, naming ``what``, for anything else."""
    return value if isinstance(value, date) else parse_day(value, what)
