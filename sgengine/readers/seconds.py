"""Times written as decimal numbers of some unit, as whole nanoseconds."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from sgengine.kernels import numbers

NANOS = 1e9
"""Nanoseconds in a second."""

POWERS = {1.0: 0, 1e3: 3, 1e6: 6, NANOS: 9}
"""Powers of ten that units of so many nanoseconds are."""

_LIMIT = 2.0**62
"""Sums of two such times still fit int64."""


class TooLongError(ValueError):
    """A number that int64 nanoseconds (or int32 tokens) cannot hold; the row is rejected."""


def nanoseconds(value: float, unit: float) -> int:
    """One time in whole ns, half to even. ``unit`` is ns in one of it. Raises ``TooLongError``."""
    scaled = value * unit
    if not abs(scaled) < _LIMIT:
        raise TooLongError(f"{value} is beyond the range of int64 nanoseconds")
    return round(scaled)


def chunk_times(first: float, gaps: Sequence[float], unit: float) -> np.ndarray:
    """Times (int64 ns, one more than gaps): the first, then each gap added.

    Each number is rounded before the sum, as it was a whole number of ns before it was written.
    """
    scaled = np.empty(len(gaps) + 1, dtype=np.float64)
    scaled[0] = first
    scaled[1:] = gaps
    with np.errstate(over="ignore"):  # an overflow is infinite, and refused below
        scaled *= unit
        total = float(np.abs(scaled).sum())
    if not total < _LIMIT:
        raise TooLongError(f"a time of {first} and {len(gaps)} gaps is beyond int64 nanoseconds")
    return np.rint(scaled).astype(np.int64).cumsum()


def times_of(first: float, gaps: msgspec.Raw, unit: float) -> np.ndarray:
    """``chunk_times`` of gaps that are a JSON array still.

    Raises ``msgspec.DecodeError`` if they are none, or no numbers, and ``TooLongError``.
    """
    text = np.frombuffer(gaps, dtype=np.uint8)
    # A number and its comma are two bytes at the least.
    times, ends = np.empty(text.size // 2 + 2, dtype=np.int64), np.full(1, numbers.UNSURE)
    if abs(first * unit) < _LIMIT / 2:
        row = np.array([[0], [text.size], [round(first * unit)], [POWERS[unit]]])
        numbers.running_sums(text, row[0], row[1], row[2], row[3], times, ends)
    if ends[0] == numbers.UNSURE:
        return chunk_times(first, msgspec.json.decode(gaps, type=list[float]), unit)
    return times[: ends[0]].copy()
