"""Rates and concurrencies over time, as GuideLLM makes distributions of them.

Each is a set of values with the seconds that they held as weights. Times are seconds; moments that
lie within ``MERGE`` of the first of them count as one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sgengine.parity.statistics import Floats

MERGE_S = 1e-4
MERGE_S_03 = 1e-6
"""Events nearer than this are one event: since 0.5, and in 0.3."""

_LEAST_S = 1e-6


@dataclass(frozen=True, eq=False)
class Timeline:
    """Values, the seconds each held, and the count that GuideLLM prints beside them (None: theirs)."""

    values: Floats
    seconds: Floats
    count: float | None = None


_NOTHING = np.zeros(0)


def _merged(times: Floats, weights: Floats, within_s: float) -> tuple[Floats, Floats]:
    """Events in order; those within ``within_s`` of the first of their group are added to it."""
    distinct, places = np.unique(times, return_inverse=True)
    added = np.bincount(places, weights, distinct.size).astype(np.float64)
    starts = _group_starts(distinct, within_s)
    if starts.size in (0, distinct.size):
        return distinct, added
    return distinct[starts], np.add.reduceat(added, starts)


def _group_starts(times: Floats, within_s: float) -> npt.NDArray[np.int64]:
    """Where groups begin among times in order: one walk through each run of near ones."""
    begins = np.flatnonzero(np.append(True, np.diff(times) > within_s))
    if begins.size == times.size:
        return begins
    ends = np.append(begins[1:], times.size)
    ahead = np.searchsorted(times, times + within_s, side="right")
    starts: list[int] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        at = begin
        while at < end:
            starts.append(at)
            at = max(at + 1, int(ahead[at]))
    return np.array(starts, dtype=np.int64)


def rates(
    times: Floats,
    weights: Floats,
    window: tuple[float, float] | None,
    *,
    counts_lonely: bool = True,
) -> Timeline:
    """Events a second: the weight of each event over the time from midpoint to midpoint around it.

    ``window``: its two ends become events of weight 0, events outside are left out. Fewer than two
    events give no values; ``counts_lonely``: a single one is then counted all the same.
    """
    if window is not None:
        inside = (times >= window[0]) & (times <= window[1])
        times = np.concatenate([[window[0]], times[inside], [window[1]]])
        weights = np.concatenate([[0.0], weights[inside], [0.0]])
    times, weights = _merged(times, weights, MERGE_S)
    if times.size <= 1:
        return Timeline(_NOTHING, _NOTHING, times.size if counts_lonely else 0)
    middles = (times[1:] + times[:-1]) / 2
    seconds = np.empty_like(times)
    seconds[0] = middles[0] - times[0]
    seconds[1:-1] = middles[1:] - middles[:-1]
    seconds[-1] = max(times[-1] - middles[-1], _LEAST_S)
    return Timeline(weights / seconds, seconds, round(float(weights.sum())))


def concurrency(
    starts: Floats, ends: Floats, weights: Floats, window: tuple[float, float] | None
) -> Timeline:
    """How much was in flight, and how long: intervals with weights, cut to the window."""
    if window is not None:
        inside = (ends >= window[0]) & (starts <= window[1])
        starts, ends, weights = starts[inside], ends[inside], weights[inside]
    count = starts.size
    times, changes = _merged(
        np.concatenate([starts, ends]), np.concatenate([weights, -weights]), MERGE_S
    )
    if window is not None and times.size:
        times, changes = _cut(times, changes, window)
    levels = np.maximum(np.cumsum(changes), 0.0)
    if levels.size <= 1:
        return Timeline(levels[:1], np.ones(levels.size))
    seconds = np.maximum(np.diff(times), 0.0)
    if not (seconds > 0).any():
        return Timeline(_NOTHING, _NOTHING, count)
    return Timeline(levels[:-1], seconds, count)


def _cut(times: Floats, changes: Floats, window: tuple[float, float]) -> tuple[Floats, Floats]:
    """The changes within the window: what came before happens at its start."""
    first = int(np.searchsorted(times, window[0]))
    before = float(changes[:first].sum())
    times = np.concatenate([[window[0]], times[first:]])
    changes = np.concatenate([[before], changes[first:]])
    last = int(np.searchsorted(times, window[1], side="right"))
    return np.append(times[:last], window[1]), np.append(changes[:last], 0.0)


def held_rates(times: Floats, weights: Floats) -> Timeline:
    """GuideLLM 0.3: the weight of each event over the time to the next; the last has none."""
    times, weights = _merged(times, weights, MERGE_S_03)
    seconds = np.diff(times)
    return _levels(weights[:-1] / seconds, seconds)


def held_concurrency(starts: Floats, ends: Floats) -> Timeline:
    """GuideLLM 0.3: how many were in flight after each event, until the next."""
    changes = np.concatenate([np.ones(starts.size), -np.ones(ends.size)])
    times, changes = _merged(np.concatenate([starts, ends]), changes, MERGE_S_03)
    return _levels(np.cumsum(changes)[:-1], np.diff(times))


def _levels(values: Floats, seconds: Floats) -> Timeline:
    """Equal values as one."""
    distinct, places = np.unique(values, return_inverse=True)
    return Timeline(distinct, np.bincount(places, seconds, distinct.size).astype(np.float64))
