"""Days of a zone in time: when a night begins and ends, and which days a stretch of time touches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from sgengine.errors import UsageError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


def midnight_ns(day: date, zone: tzinfo) -> int:
    """When ``day`` begins in ``zone``, in ns since the epoch.

    Where a change of the clocks skips midnight, the day begins with the change; where midnight comes
    twice, with the first.
    """
    since = datetime.combine(day, time(), zone) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9


def night_ns(day: date, zone: tzinfo) -> tuple[int, int]:
    """[start, end) of a night: 23, 24 or 25 hours; UsageError for a day that the zone leaves out."""
    start, end = midnight_ns(day, zone), midnight_ns(day + _DAY, zone)
    if start >= end:
        raise UsageError(f"there is no {day} in zone {zone}: the zone went past it")
    return start, end


def day_of(ns: int, zone: tzinfo) -> date:
    """The day of ``zone`` on which a moment is; the inverse of ``night_ns``."""
    day = datetime.fromtimestamp(ns // 10**9, UTC).astimezone(zone).date()
    while midnight_ns(day + _DAY, zone) <= ns:
        day += _DAY
    while midnight_ns(day, zone) > ns:
        day -= _DAY
    return day


def days_of(start_ns: int, end_ns: int, zone: tzinfo) -> tuple[date, ...]:
    """The days of ``zone`` that [start, end) touches, none if it is empty."""
    if start_ns >= end_ns:
        return ()
    return tuple(days_between(day_of(start_ns, zone), day_of(end_ns - 1, zone)))


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from ``first`` to ``last``, both included."""
    return (first + _DAY * i for i in range((last - first).days + 1))
