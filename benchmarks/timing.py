"""Times one thing several times, first call apart, with the memory it takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds: the first call (which may compile or load compiled code), then median and spread."""

    first_s: float
    median_s: float
    low_s: float
    high_s: float
    repeats: int


def timed(action: Callable[[], Any], repeats: int) -> Timing:
    """``action`` once to warm up, then ``repeats`` times; low and high are the extremes."""
    first = _once(action)
    seconds = [_once(action) for _ in range(repeats)]
    return Timing(
        first_s=first,
        median_s=statistics.median(seconds),
        low_s=min(seconds),
        high_s=max(seconds),
        repeats=repeats,
    )


def _once(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
