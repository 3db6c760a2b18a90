"""The figures of one group, each defined in METRICS 5."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sgengine.aggregate import spool
from sgengine.aggregate.attainment import YES
from sgengine.aggregate.distribution import Distribution, distribution
from sgengine.aggregate.settings import SummarySettings
from sgengine.aggregate.table import OK
from sgengine.aggregate.windows import Window
from sgengine.schema.enums import STATUSES

Bools = npt.NDArray[np.bool_]
Figures = dict[str, object]

_CUT = [STATUSES.index("cancelled"), STATUSES.index("incomplete")]


@dataclass(frozen=True, kw_only=True)
class Group:
    """All that a group's figures are made of."""

    kept: spool.Group
    itl: Distribution | None
    window: Window
    settings: SummarySettings

    def rate(self, amount: float | None) -> float | None:
        """``amount`` a second, None if it or T is unknown, or T is 0."""
        seconds = self.window.duration_s
        return None if amount is None or seconds is None else amount / seconds


def figures(group: Group) -> Figures:
    """Every figure of METRICS 5 but capacity and best_rate; latencies in ms, None for undefined."""
    return {
        **_counts(group),
        **_throughput(group),
        **_attainment(group),
        **_tokens(group),
        **_smooth(group),
        **distributions(group),
    }


def _counts(group: Group) -> Figures:
    kept = group.kept
    counts = np.bincount(kept.status, minlength=len(STATUSES))
    known = (kept.n_chunks >= 0) & (kept.n > 0)
    tokens = int(kept.n[known].sum(dtype=np.int64))
    chunks = int(kept.n_chunks[known].sum(dtype=np.int64))
    return {
        "requests": kept.n.size,
        "status": {name: int(counts[i]) for i, name in enumerate(STATUSES)},
        "duration_s": group.window.duration_s,
        "duration_source": group.window.source,
        "chunks_per_token": chunks / tokens if tokens else None,
    }


def _total(values: npt.NDArray[np.int32]) -> int | None:
    """The sum, or None if any is NULL (-1): never a sum over the rest."""
    return None if (values < 0).any() else int(values.sum(dtype=np.int64))


def _throughput(group: Group) -> Figures:
    kept = group.kept
    output = _total(kept.n)
    prompts = _total(kept.n_input[kept.n != 0])
    total = None if output is None or prompts is None else output + prompts
    return {
        "request_throughput": group.rate(int((kept.status == OK).sum())),
        "output_throughput": group.rate(output),
        "total_throughput": group.rate(total),
    }


def _attainment(group: Group) -> Figures:
    settings, kept = group.settings, group.kept
    names = ("attained", "slo_undetermined", "slo_attainment", "request_goodput", "token_goodput")
    if settings.slo is None:
        return dict.fromkeys(names)
    yes = kept.attained == YES
    among = in_denominator(kept, settings.denominator)
    share = int((yes & among).sum()) / int(among.sum()) if among.any() else None
    attained = int(yes.sum())
    return {
        "attained": attained,
        "slo_undetermined": int(kept.undetermined.sum()),
        "slo_attainment": share,
        "request_goodput": group.rate(attained),
        "token_goodput": group.rate(_total(kept.n[yes])),
        **_vacuous(group, yes),
    }


def _vacuous(group: Group, yes: Bools) -> Figures:
    """Attaining requests that pass a clause for want of a second token or chunk."""
    slo, kept = group.settings.slo, group.kept
    found: Figures = {}
    if slo is not None and slo.tpot_ns is not None:
        found["single_token_passes"] = int((yes & (kept.n == 1)).sum())
    if slo is not None and slo.tbt_ns is not None:
        single = (kept.n_chunks == 1) | ((kept.n_chunks < 0) & (kept.n == 1))
        found["single_chunk_passes"] = int((yes & single).sum())
    return found


def in_denominator(kept: spool.Group, name: str) -> Bools:
    """The requests that slo_attainment counts under a denominator; ``sent`` are all that arrived."""
    among = np.ones(kept.status.size, dtype=np.bool_)
    if name == "completed":
        among &= kept.status == OK
    if name == "determined":
        among &= ~kept.undetermined & ~np.isin(kept.status, _CUT)
    return among


def _tokens(group: Group) -> Figures:
    """Token-level figures for the measured reader, from late tokens; NULL if any are unknown."""
    kept = group.kept
    late = _total(kept.late[kept.n != 0])
    n = _total(kept.n)
    if late is None or n is None:
        return {"token_attainment": None, "on_time_token_goodput": None}
    return {
        "token_attainment": 1 - late / n if n else None,
        "on_time_token_goodput": group.rate(n - late),
    }


def _smooth(group: Group) -> Figures:
    kept = group.kept
    exact = group.rate(_sum(kept.benefit))
    low = high = None
    if exact is None:
        low, high = _sum(kept.benefit_min), _sum(kept.benefit_max)
    return {
        "smooth_goodput": exact,
        "smooth_goodput_min": group.rate(low),
        "smooth_goodput_max": group.rate(high),
    }


def _sum(values: npt.NDArray[np.float64]) -> float | None:
    """The exactly rounded sum, the same in any order; None if any value is NULL (NaN)."""
    if np.isnan(values).any():
        return None
    return math.fsum(values)


def distributions(group: Group) -> Figures:
    """The five latency distributions of the group, in ms."""
    kept, settings = group.kept, group.settings
    if settings.population == "ok":
        kept = kept.of(np.flatnonzero(kept.status == OK))
    several = (kept.n >= 2) & (kept.ttft >= 0) & (kept.e2e >= 0)
    tpot = (kept.e2e[several] - kept.ttft[several]) / (kept.n[several] - 1)
    itl = group.itl or Distribution(count=0)
    return {
        "ttft_ms": distribution(kept.ttft[kept.ttft >= 0]).in_ms(),
        "tpot_ms": distribution(tpot).in_ms(),
        "itl_ms": itl.in_ms(),
        "e2e_latency_ms": distribution(kept.e2e[kept.e2e >= 0]).in_ms(),
        "user_idle_latency_ms": distribution(kept.idle[kept.idle >= 0]).in_ms(),
    }
