"""Times written as decimal numbers of some unit, as whole nanoseconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NANOS = 1e9
"""Nanoseconds in a second."""

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
