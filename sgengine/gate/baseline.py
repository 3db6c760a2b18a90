"""A value beside its trailing baseline: median and MAD, and when a difference is a breach.

Of the values x of the comparable nights, m = median(x) and MAD = median(|x - m|), which one bad night
among them hardly moves. With w the difference from m in the bad direction, a value is a breach if all
of these hold: w > mads * MAD, w > min_percent / 100 * |m|, w > min_absolute. A MAD of 0, where more
than half of the nights are equal, leaves the decision to the least effects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sgengine.errors import UsageError
from sgengine.gate.metrics import Metric


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What it takes: ``nights`` of a baseline at most, ``least_nights`` at least, and ``mads`` MADs."""

    nights: int = 14
    least_nights: int = 7
    mads: float = 6.0

    def __post_init__(self) -> None:
        if not 1 <= self.least_nights <= self.nights:
            raise UsageError(
                f"the baseline is {self.nights} nights, at least {self.least_nights}: "
                "give --nights of 1 or more, and --min-nights of 1 to that"
            )
        if not 0 <= self.mads < float("inf"):
            raise UsageError(f"mads is {self.mads}: give a number of 0 or more, as in 6")


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What came of one value.

    ``nights``: how many values the baseline has. ``median``, ``mad``: of it, None if it has none.
    ``worse_by``: the difference from the median in the bad direction, below 0 for the better.
    ``verdict``: ``ok``, ``breach``, ``no baseline`` (too few nights have the value), ``undefined``
    (this night has no value and its baseline has: a breach, for nothing can be said for the night),
    or ``absent`` (neither has).
    """

    verdict: str
    nights: int
    value: float | None = None
    median: float | None = None
    mad: float | None = None
    worse_by: float | None = None

    @property
    def is_breach(self) -> bool:
        """Whether the gate closes on it."""
        return self.verdict in ("breach", "undefined")

    @property
    def percent(self) -> float | None:
        """``worse_by`` in percent of the median; None where that is 0."""
        if self.worse_by is None or not self.median:
            return None
        return 100 * self.worse_by / abs(self.median)

    @property
    def mads(self) -> float | None:
        """``worse_by`` in MADs; None where the MAD is 0."""
        return None if self.worse_by is None or not self.mad else self.worse_by / self.mad


def judge(
    metric: Metric, value: float | None, baseline: Sequence[float | None], limits: Limits
) -> Judgement:
    """``value`` beside the values of the comparable nights; None where a night has none."""
    known = [past for past in baseline if past is not None]
    if not known and value is None:
        return Judgement(verdict="absent", nights=0)
    if len(known) < limits.least_nights:
        return Judgement(verdict="no baseline", nights=len(known), value=value)
    centre = median(known)
    spread = median(abs(past - centre) for past in known)
    if value is None:
        return Judgement(verdict="undefined", nights=len(known), median=centre, mad=spread)
    worse_by = metric.worse * (value - centre)
    effects = (
        limits.mads * spread,
        metric.min_percent / 100 * abs(centre),
        metric.min_absolute,
    )
    return Judgement(
        verdict="breach" if worse_by > max(*effects, 0) else "ok",
        nights=len(known),
        value=value,
        median=centre,
        mad=spread,
        worse_by=worse_by,
    )
