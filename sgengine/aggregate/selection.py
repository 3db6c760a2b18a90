"""Which part of each run counts: a window by time, a trimmed run, or its steady part.

The choice is the user's, in the user's terms; ``sections`` turns it into times of each run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from sgengine.errors import UsageError
from sgengine.objectives import format_duration, parse_duration_ns

DEFAULT_SHARE = Fraction(4, 5)

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?)?"
)
_EPOCH = re.compile(r"(\d{10,19})(?:\.(\d{1,9}))?")
_NS_PER_EPOCH_UNIT = ((11, 10**9), (14, 10**6), (17, 10**3), (19, 1))
"""Up to so many digits, a count since 1970 is in s, ms, us, ns."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A point in time: ns since the run's first arrival, or since the Unix epoch."""

    ns: int
    is_epoch: bool = False

    def describe(self) -> str:
        """How a user writes it."""
        if not self.is_epoch:
            return format_duration(self.ns)
        seconds, rest = divmod(self.ns, 10**9)
        fraction = f".{rest:09d}".rstrip("0").rstrip(".")
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


@dataclass(frozen=True, kw_only=True)
class TimeWindow:
    """The time from ``start`` to ``end``, the end left out; None: as far as the run goes."""

    start: Moment | None = None
    end: Moment | None = None
    kind = "window"
    source = "window of the run"

    def __post_init__(self) -> None:
        if self.start is None and self.end is None:
            raise UsageError("the window has neither start nor end: give START,END or one of them")
        both = self.start is not None and self.end is not None
        if both and self.start.is_epoch == self.end.is_epoch and self.start.ns >= self.end.ns:  # type: ignore[union-attr] # neither is None
            raise UsageError(f"the window {self.text} is empty: START comes before END")

    @property
    def text(self) -> str:
        """As ``--window`` takes it."""
        return ",".join("" if m is None else m.describe() for m in (self.start, self.end))

    def describe(self) -> str:
        """In words."""
        start = self.start.describe() if self.start else "the first arrival"
        end = self.end.describe() if self.end else "the end"
        return f"from {start} to {end} of each run, by arrival"


@dataclass(frozen=True, kw_only=True)
class Trim:
    """Each run without its first ``start_ns`` and its last ``end_ns``."""

    start_ns: int = 0
    end_ns: int = 0
    kind = "trim"
    source = "trimmed run"

    @property
    def text(self) -> str:
        """As ``--trim`` takes it."""
        return f"{format_duration(self.start_ns)},{format_duration(self.end_ns)}"

    def describe(self) -> str:
        """In words."""
        start, end = self.text.split(",")
        return f"each run without its first {start} and its last {end}, by arrival"


@dataclass(frozen=True, kw_only=True)
class Steady:
    """The longest time of each run with at least ``share`` of its most requests in flight."""

    share: Fraction = DEFAULT_SHARE
    kind = "steady"
    source = "steady part of the run"

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise UsageError(f"steady is {float(self.share):g}: give a share above 0 and up to 1")

    @property
    def text(self) -> str:
        """As ``--steady`` takes it."""
        return f"{float(self.share):g}"

    def describe(self) -> str:
        """In words."""
        return (
            f"the longest time of each run with {100 * float(self.share):g} % or more of its most "
            "requests in flight, by arrival"
        )


Selection = TimeWindow | Trim | Steady


def parse_window(text: str) -> TimeWindow:
    """``START,END``; each a duration since the first arrival, a time in ISO 8601, or since 1970.

    Either may be left out. ISO times without a zone are UTC. Raises UsageError for anything else.
    """
    start, end = _pair("window", text)
    return TimeWindow(start=_moment(start), end=_moment(end))


def parse_trim(text: str) -> Trim:
    """``START,END``: what to cut from each run; either may be left out. UsageError otherwise."""
    start, end = (parse_duration_ns(part, "trim") if part else 0 for part in _pair("trim", text))
    return Trim(start_ns=start, end_ns=end)


def parse_steady(share: str | float | Fraction | bool) -> Steady:
    """A share of the peak, or True for the default one. UsageError for anything but 0 < share <= 1."""
    if share is True:
        return Steady()
    try:
        number = share if isinstance(share, Fraction) else Fraction(Decimal(str(share)))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise UsageError(f"steady is '{share}': give a share of the peak, as in 0.8") from error
    return Steady(share=number)


def choose(
    window: str | None = None,
    trim: str | None = None,
    steady: str | float | Fraction | bool | None = None,
) -> Selection | None:
    """The selection that one of these asks for, None for none of them; UsageError for several."""
    given = {"window": window, "trim": trim, "steady": None if steady is False else steady}
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} are given: give one of window, trim and steady")
    if window is not None:
        return parse_window(window)
    if trim is not None:
        return parse_trim(trim)
    return None if steady is None or steady is False else parse_steady(steady)


def _pair(what: str, text: str) -> tuple[str, str]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not any(parts):
        raise UsageError(f"{what} is '{text}': give START,END, as in 10s,60s; one may be left out")
    return parts[0], parts[1]


def _moment(text: str) -> Moment | None:
    if not text:
        return None
    iso = _ISO.fullmatch(text)
    epoch = _EPOCH.fullmatch(text)
    if iso is not None:
        return Moment(ns=_iso_ns(text, iso), is_epoch=True)
    if epoch is not None:
        return Moment(ns=_epoch_ns(text, *epoch.groups()), is_epoch=True)
    try:
        return Moment(ns=parse_duration_ns(text, "window"))
    except UsageError as error:
        raise UsageError(
            f"{error}; or a time, as in 2026-01-31T12:00:00Z, or 1769860800"
        ) from error


def _iso_ns(text: str, found: re.Match[str]) -> int:
    day, clock, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone or 'Z'}")
    except ValueError as error:
        raise UsageError(f"window is '{text}': {error}") from error
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * 10**9 + int((fraction or "").ljust(9, "0"))


def _epoch_ns(text: str, whole: str, fraction: str | None) -> int:
    """Ns since 1970 of a count whose unit its digits tell: 10 are seconds, 13 ms, 16 us, 19 ns."""
    unit = next(unit for digits, unit in _NS_PER_EPOCH_UNIT if len(whole) <= digits)
    ns = Decimal(f"{whole}.{fraction or '0'}") * unit
    if ns != int(ns) or ns >= 2**63:
        raise UsageError(f"window is '{text}': give a time of whole nanoseconds before 2262")
    return int(ns)
