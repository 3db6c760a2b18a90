"""Moments and spans of time as sources write them, as whole nanoseconds, without a float between.

Decimal numbers of a unit (``1782187865.739901396``, ``17.5``) and ISO 8601 texts with any number of
decimals. What is finer than a nanosecond is rounded half to even.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from sgengine.readers.faults import one_line
from sgengine.readers.seconds import TooLongError

UNITS = {"ns": 0, "us": 3, "ms": 6, "s": 9}
"""Units of numbers; each is 10 to this power of nanoseconds."""

_LIMIT = 2**62
"""Differences of two such times still fit int64."""

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DIGITS = 100
_WIDE = Context(prec=4 * _DIGITS)
_EXACT = Context(prec=_DIGITS, traps=[InvalidOperation, Inexact])
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?"
    r" ?(Z|UTC|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


class TimestampError(ValueError):
    """A text or number that is no time, or a local time without a zone; the row is rejected."""


def number_ns(value: int | Decimal | str, unit: str) -> int:
    """A number of ``unit`` in whole ns. Raises ``TimestampError``, or ``TooLongError`` beyond int64."""
    power = UNITS[unit]
    if isinstance(value, int):
        return _checked(value * 10**power, value)
    number = _decimal(value) if isinstance(value, str) else value
    if not number.is_finite() or len(number.as_tuple().digits) > _DIGITS:
        raise TimestampError(f"{_shown(value)} is no number of {unit}")
    if number and number.adjusted() + power > 20:
        raise TooLongError(f"{_shown(value)} {unit} is beyond the range of int64 nanoseconds")
    scaled = _WIDE.scaleb(number, Decimal(power))
    return _checked(int(scaled.to_integral_value("ROUND_HALF_EVEN")), value)


def numbers_ns(values: Sequence[Decimal], unit: str) -> list[int]:
    """Some numbers of ``unit``, as ``number_ns`` gives them, at a fraction of its cost."""
    try:
        for bound in (min(values), max(values)) if values else ():
            number_ns(bound, unit)
        power = Decimal(UNITS[unit])
        scaled = [_EXACT.scaleb(value, power) for value in values]
        return [int(number.to_integral_value("ROUND_HALF_EVEN")) for number in scaled]
    except ArithmeticError:  # none to compare with, or one of very many digits
        return [number_ns(value, unit) for value in values]


def _decimal(text: str) -> Decimal:
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        raise TimestampError(f"{_shown(text)} is no number")
    try:
        return Decimal(stripped)
    except InvalidOperation as error:
        raise TooLongError(f"{_shown(text)} is beyond the range of numbers") from error


def iso_ns(text: str, zone: tzinfo | None) -> int:
    """An ISO 8601 date and time in ns since the epoch; ``zone`` is that of texts that name none.

    Raises ``TimestampError`` for other texts, for one without a zone where ``zone`` is None, and for
    a local time that a change of the clocks skips or repeats; ``TooLongError`` beyond int64.
    """
    found = _ISO.fullmatch(text.strip())
    if found is None:
        raise TimestampError(f"{_shown(text)} is no ISO 8601 date and time")
    day, hour, minute, second, decimals, named = found.groups()
    local = _local_seconds(text, day, int(hour), int(minute), int(second))
    offset = _named_offset(named) if named else _zone_offset(text, local, zone)
    fraction = number_ns(f"0.{decimals}", "s") if decimals else 0
    return _checked((local - offset) * 10**9 + fraction, text)


def is_naive(text: str) -> bool:
    """Whether this is an ISO 8601 date and time that names no zone."""
    found = _ISO.fullmatch(text.strip())
    return found is not None and found[6] is None


def zone_of(name: str) -> tzinfo:
    """The zone of this name: ``UTC``, an offset like ``+02:00``, or of the tz database.

    Raises ``ValueError`` if there is no such zone.
    """
    if name.upper() in ("UTC", "Z"):
        return UTC
    if _OFFSET.fullmatch(name):
        return timezone(timedelta(seconds=_named_offset(name)))
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{name!r} is no zone") from error


def json_moment(raw: msgspec.Raw | None, zone: tzinfo | None = UTC) -> int | None:
    """A moment in JSON, in ns since the epoch: ISO text, or seconds as a number or its text.

    ``None`` for an absent or null value. Raises ``TimestampError`` or ``TooLongError``.
    """
    text = "null" if raw is None else bytes(raw).decode()
    if text == "null":
        return None
    if not text.startswith('"'):
        return number_ns(text, "s")
    inner = msgspec.json.decode(text, type=str)
    return number_ns(inner, "s") if _NUMBER.fullmatch(inner.strip()) else iso_ns(inner, zone)


def _local_seconds(text: str, day: str, hour: int, minute: int, second: int) -> int:
    if hour > 23 or minute > 59 or second > 59:
        raise TimestampError(f"{_shown(text)} is no time of day")
    return _midnight(day) + hour * 3600 + minute * 60 + second


@lru_cache(maxsize=1024)
def _midnight(day: str) -> int:
    try:
        return (date.fromisoformat(day).toordinal() - _EPOCH_DAY) * 86400
    except ValueError as error:
        raise TimestampError(f"{day} is no day of the calendar") from error


def _named_offset(name: str) -> int:
    """Seconds east of UTC. Raises ``TimestampError`` for more than a day."""
    found = _OFFSET.fullmatch(name)
    if found is None:
        return 0
    hours, minutes = int(found[2]), int(found[3] or 0)
    if hours > 23 or minutes > 59:
        raise TimestampError(f"{name} is no offset from UTC")
    return (hours * 3600 + minutes * 60) * (-1 if found[1] == "-" else 1)


def _zone_offset(text: str, local: int, zone: tzinfo | None) -> int:
    if zone is None:
        raise TimestampError(f"{_shown(text)} names no zone, and none is given for such texts")
    if zone is UTC:
        return 0
    try:
        moment = datetime(1970, 1, 1, tzinfo=zone) + timedelta(seconds=local)
        before, after = (moment.replace(fold=fold).utcoffset() for fold in (0, 1))
    except OverflowError as error:
        raise TooLongError(f"{_shown(text)} is beyond the years of the calendar") from error
    if before is None or before != after:
        raise TimestampError(f"{_shown(text)} is skipped or happens twice in {zone}")
    return round(before.total_seconds())


def _checked(value: int, given: object) -> int:
    if not -_LIMIT < value <= _LIMIT:
        raise TooLongError(f"{_shown(given)} is beyond the range of int64 nanoseconds")
    return value


def _shown(value: object) -> str:
    return one_line(repr(value) if isinstance(value, str) else str(value), 60)
