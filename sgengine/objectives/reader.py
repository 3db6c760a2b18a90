"""The reader: when each token is due to whoever reads the answer (METRICS 3)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sgengine.errors import UsageError
from sgengine.objectives.durations import format_duration

DEFAULT_SPEED = 5.0
"""Tokens a second of the default reader (arXiv 2410.14257 v2, section 5.2)."""

MAX_READER_NS = 2**62


def pace_from_speed_ns(speed: float) -> int:
    """V in ns a token of ``speed`` in tokens a second: round_half_even(1e9 / speed).

    Raises UsageError unless ``speed`` is a finite number above 0 and V fits 62 bits.
    """
    if not (math.isfinite(speed) and speed > 0 and 1e9 / speed <= MAX_READER_NS):
        raise UsageError(f"reading speed is {speed}: give tokens a second above 0, as in 5")
    return round(1e9 / speed)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Accepts the first token by ``first_ns`` and reads one token every ``pace_ns``.

    Token i (1-based) is due at ``first_ns + (i - 1) * pace_ns`` ns after the arrival. ``first_ns``
    follows ``pace_ns`` unless given, which makes it the paper's d_i = V i (Eq. 5).
    ``skip_first`` concerns fluidity alone: its first deadline is the first token's own time.
    """

    pace_ns: int
    first_ns: int = -1
    skip_first: bool = False

    def __post_init__(self) -> None:
        if self.first_ns == -1:
            object.__setattr__(self, "first_ns", self.pace_ns)
        for name, value in (("pace", self.pace_ns), ("first-token allowance", self.first_ns)):
            if not 0 <= value <= MAX_READER_NS:
                raise UsageError(f"the reader's {name} is {value} ns: give 0 to 2^62 ns")

    @classmethod
    def from_speed(
        cls, speed: float, *, first_ns: int | None = None, skip_first: bool = False
    ) -> Reader:
        """The reader of ``speed`` tokens a second; see ``pace_from_speed_ns``."""
        pace = pace_from_speed_ns(speed)
        return cls(
            pace_ns=pace, first_ns=pace if first_ns is None else first_ns, skip_first=skip_first
        )

    def describe(self) -> str:
        """One line for people: both times, and the speed they mean."""
        speed = "unlimited" if self.pace_ns == 0 else f"{1e9 / self.pace_ns:.6g} tokens/s"
        first = format_duration(self.first_ns)
        return f"{speed} (V = {format_duration(self.pace_ns)} a token), first token by {first}"


DEFAULT_READER = Reader.from_speed(DEFAULT_SPEED)
