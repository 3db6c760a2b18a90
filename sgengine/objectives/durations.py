"""Days, and durations as the field writes them: ``500`` (milliseconds), ``500ms``, ``0.5s``, ``20us``, ``7ns``."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal

from sgengine.errors import UsageError

_NS_PER = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_PATTERN = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s)?")
_AGES = {"d": timedelta(days=1), "h": timedelta(hours=1), "min": timedelta(minutes=1)}
_AGE = re.compile(r"([0-9]{1,8})(d|h|min)")
_OLDEST = timedelta(days=36500)
_MAX_NS = 2**62
"""Largest duration taken, 146 years: sums of two stay inside int64."""


def parse_duration_ns(text: str, what: str = "duration") -> int:
    """Whole nanoseconds of ``text``; a bare number is in milliseconds, as in ``vllm bench serve``.

    Raises UsageError, naming ``what``, for anything else, for a fraction of a nanosecond, and for
    more than 146 years.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"{what} is '{text}': give a number with ns, us, ms or s (a bare number is ms), as in 500ms"
        )
    ns = Decimal(match[1]) * _NS_PER[match[2] or "ms"]
    if ns != int(ns):
        raise UsageError(f"{what} is '{text}': times are whole nanoseconds, round it to one")
    if ns > _MAX_NS:
        raise UsageError(f"{what} is '{text}': at most 146 years are allowed")
    return int(ns)


def parse_age(text: str, what: str = "age") -> timedelta:
    """The age that ``text`` names, in days, hours or minutes: ``30d``, ``12h``, ``90min``.

    A unit is needed: what is told by its age is to be removed. UsageError, naming ``what``, for
    anything else, and for more than 36500 days.
    """
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{what} is '{text}': give a number with d, h or min, as in 30d")
    age = int(match[1]) * _AGES[match[2]]
    if age > _OLDEST:
        raise UsageError(f"{what} is '{text}': at most 36500d are allowed")
    return age


def parse_day(text: str, what: str = "day") -> date:
    """A day of the calendar, as in ``2026-01-31``; UsageError, naming ``what``, for anything else."""
    with suppress(ValueError):
        day = date.fromisoformat(text)
        if str(day) == text:  # Python also reads 20260131 and 2026-W05-6
            return day
    raise UsageError(f"{what} is '{text}': give a day, as in 2026-01-31")


def format_duration(ns: int) -> str:
    """The shortest exact spelling of ``ns`` that ``parse_duration_ns`` reads back: ``1.5s``, ``20ms``."""
    if ns == 0:
        return "0ms"
    for unit in ("s", "ms", "us"):
        value = Decimal(ns) / _NS_PER[unit]
        if value >= 1:
            text = f"{value:f}"
            return f"{text.rstrip('0').rstrip('.') if '.' in text else text}{unit}"
    return f"{ns}ns"
