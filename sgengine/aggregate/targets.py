"""Whether a group meets the target of a published preset (METRICS 7)."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor

from sgengine.aggregate.distribution import interpolate
from sgengine.aggregate.figures import Figures, Group
from sgengine.aggregate.moments import Moments
from sgengine.aggregate.settings import SummarySettings
from sgengine.aggregate.spool import Column
from sgengine.aggregate.streamed import order_statistics
from sgengine.aggregate.tally import Totals
from sgengine.kernels import totals as sums

OK_ALONE = "ok_"
"""Before the names of numbers that are kept of requests that are ok alone."""


def needs_ok_alone(settings: SummarySettings) -> bool:
    """Whether numbers of the ok requests are wanted apart from those of the population."""
    target = settings.target
    return target is not None and target.metric == "marginal" and settings.population != "ok"


def target_met(group: Group, figures: Figures) -> bool | None:
    """True, False, or None where nothing decides it (no request, or a value that is NULL)."""
    target = group.settings.target
    if target is None:
        return None
    if target.metric == "marginal":
        return _marginal(group, target.share)
    if target.metric == "fluidity":
        return _fluid(group.totals, target.share)
    value = figures.get(target.metric)
    return None if value is None else bool(value >= target.share)  # type: ignore[operator] # a number by construction


def _fluid(totals: Totals, share: float) -> bool | None:
    """Whether that share of the requests with a fluidity reaches the wanted one."""
    known = totals.count(sums.FLUID_KNOWN)
    return totals.count(sums.FLUID) / known >= share if known else None


def _marginal(group: Group, share: float) -> bool | None:
    """Whether each clause's metric has its percentile within the clause, each by itself, over ok requests."""
    verdicts = []
    for column, bound, whole in _bounded(group):
        if column.size == 0:
            return None
        verdicts.append(_quantile(column, share, whole=whole) <= bound)
    return all(verdicts) if verdicts else None


def _bounded(group: Group) -> Iterator[tuple[Column, int, bool]]:
    """The numbers of ok requests that a clause bounds, its bound, and whether they are whole ns."""
    slo = group.settings.slo
    if slo is None:
        return
    prefix = OK_ALONE if needs_ok_alone(group.settings) else ""
    bounds = {"ttft": slo.ttft_ns, "tpot": slo.tpot_ns, "e2e": slo.e2e_ns}
    for name, bound in bounds.items():
        if bound is not None:
            yield group.column(prefix + name), bound, name != "tpot"


def _quantile(column: Column, q: float, *, whole: bool) -> float:
    at = q * (column.size - 1)
    low = floor(at)
    high = min(low + 1, column.size - 1)
    found = order_statistics(column, [low, high], Moments(whole=whole))
    return interpolate(found[low], found[high], at - low)
