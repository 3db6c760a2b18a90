"""The figures of one group, each defined in METRICS 5."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sgengine.aggregate.distribution import Distribution
from sgengine.aggregate.settings import SummarySettings
from sgengine.aggregate.spool import Column
from sgengine.aggregate.tally import Totals
from sgengine.aggregate.windows import Window
from sgengine.kernels import totals as sums
from sgengine.schema.enums import STATUSES

Figures = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Group:
    """All that a group's figures are made of; ``column`` gives its numbers by name (tally.NUMBERS).

    ``latencies``: their distributions, by the same names.
    """

    totals: Totals
    latencies: Mapping[str, Distribution]
    column: Callable[[str], Column]
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
    totals = group.totals
    counts = totals.statuses
    tokens = totals.count(sums.CHUNKED_TOKENS)
    return {
        "requests": sum(counts),
        "status": dict(zip(STATUSES, counts, strict=True)),
        "duration_s": group.window.duration_s,
        "duration_source": group.window.source,
        "chunks_per_token": totals.count(sums.CHUNKS) / tokens if tokens else None,
    }


def _throughput(group: Group) -> Figures:
    totals = group.totals
    output = totals.known(sums.TOKENS, sums.TOKENS_UNKNOWN)
    prompts = totals.known(sums.INPUT, sums.INPUT_UNKNOWN)
    total = None if output is None or prompts is None else output + prompts
    return {
        "request_throughput": group.rate(totals.count(sums.OK)),
        "output_throughput": group.rate(output),
        "total_throughput": group.rate(total),
    }


def _attainment(group: Group) -> Figures:
    settings, totals = group.settings, group.totals
    names = ("attained", "slo_undetermined", "slo_attainment", "request_goodput", "token_goodput")
    if settings.slo is None:
        return dict.fromkeys(names)
    among = totals.count(sums.COUNTED)
    attained = totals.count(sums.ATTAINED)
    return {
        "attained": attained,
        "slo_undetermined": totals.count(sums.UNDETERMINED),
        "slo_attainment": totals.count(sums.COUNTED_ATTAINED) / among if among else None,
        "request_goodput": group.rate(attained),
        "token_goodput": group.rate(totals.known(sums.ATTAINED_TOKENS, sums.ATTAINED_UNKNOWN)),
        **_vacuous(group),
    }


def _vacuous(group: Group) -> Figures:
    """Attaining requests that pass a clause for want of a second token or chunk."""
    slo, totals = group.settings.slo, group.totals
    found: Figures = {}
    if slo is not None and slo.tpot_ns is not None:
        found["single_token_passes"] = totals.count(sums.ONE_TOKEN)
    if slo is not None and slo.tbt_ns is not None:
        found["single_chunk_passes"] = totals.count(sums.ONE_CHUNK)
    return found


def _tokens(group: Group) -> Figures:
    """Token-level figures for the measured reader, from late tokens; NULL if any are unknown."""
    late = group.totals.known(sums.LATE, sums.LATE_UNKNOWN)
    n = group.totals.known(sums.TOKENS, sums.TOKENS_UNKNOWN)
    if late is None or n is None:
        return {"token_attainment": None, "on_time_token_goodput": None}
    return {
        "token_attainment": 1 - late / n if n else None,
        "on_time_token_goodput": group.rate(n - late),
    }


def _smooth(group: Group) -> Figures:
    exact = group.rate(group.totals.benefit())
    low = high = None
    if exact is None:
        low, high = group.totals.benefit_bounds()
    return {
        "smooth_goodput": exact,
        "smooth_goodput_min": group.rate(low),
        "smooth_goodput_max": group.rate(high),
    }


def distributions(group: Group) -> Figures:
    """The five latency distributions of the group, in ms."""
    itl = group.itl or Distribution(count=0)
    return {
        "ttft_ms": group.latencies["ttft"].in_ms(),
        "tpot_ms": group.latencies["tpot"].in_ms(),
        "itl_ms": itl.in_ms(),
        "e2e_latency_ms": group.latencies["e2e"].in_ms(),
        "user_idle_latency_ms": group.latencies["idle"].in_ms(),
    }
