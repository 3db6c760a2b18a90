"""Whether a group meets the target of a published preset (METRICS 7)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sgengine.aggregate import spool
from sgengine.aggregate.distribution import interpolate
from sgengine.aggregate.figures import Figures, Group
from sgengine.aggregate.table import OK


def target_met(group: Group, figures: Figures) -> bool | None:
    """True, False, or None where nothing decides it (no request, or a value that is NULL)."""
    target = group.settings.target
    if target is None:
        return None
    if target.metric == "marginal":
        return _marginal(group, target.share)
    if target.metric == "fluidity":
        return _fluid(group.kept, target.share)
    value = figures.get(target.metric)
    return None if value is None else bool(value >= target.share)  # type: ignore[operator] # a number by construction


def _fluid(kept: spool.Group, share: float) -> bool | None:
    """Whether that share of the requests with a fluidity reaches the wanted one."""
    known = kept.fluid[kept.fluid >= 0]
    return bool(np.mean(known) >= share) if known.size else None


def _marginal(group: Group, share: float) -> bool | None:
    """Whether each clause's metric has its percentile within the clause, each by itself, over ok requests."""
    verdicts = []
    for values, bound in _bounded(group):
        if values.size == 0:
            return None
        verdicts.append(_quantile(np.sort(values), share) <= bound)
    return all(verdicts) if verdicts else None


def _bounded(group: Group) -> Iterator[tuple[npt.NDArray[np.float64], int]]:
    slo = group.settings.slo
    if slo is None:
        return
    kept = group.kept.of(np.flatnonzero(group.kept.status == OK))
    if slo.ttft_ns is not None:
        yield kept.ttft[kept.ttft >= 0].astype(np.float64), slo.ttft_ns
    if slo.tpot_ns is not None:
        several = (kept.n >= 2) & (kept.ttft >= 0) & (kept.e2e >= 0)
        span = kept.e2e[several] - kept.ttft[several]
        yield span / (kept.n[several] - 1), slo.tpot_ns
    if slo.e2e_ns is not None:
        yield kept.e2e[kept.e2e >= 0].astype(np.float64), slo.e2e_ns


def _quantile(ordered: npt.NDArray[np.float64], q: float) -> float:
    at = q * (ordered.size - 1)
    low = int(at)
    high = min(low + 1, ordered.size - 1)
    return interpolate(float(ordered[low]), float(ordered[high]), at - low)
