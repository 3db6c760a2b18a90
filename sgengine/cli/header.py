"""What an analysis depends on, a line each, above its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sgengine
from sgengine.cli.tables import Page
from sgengine.objectives import preset

if TYPE_CHECKING:
    from sgengine.aggregate import SummarySettings
    from sgengine.analyze import Analysis

_DENOMINATORS = {
    "all": "all requests, of any status",
    "sent": "all requests that were sent",
    "completed": "requests with status ok",
    "determined": "requests with every clause determined, not cancelled or incomplete",
}
_POPULATIONS = {"defined": "every request that has the value", "ok": "requests with status ok"}
_ITL_RULES = {
    "chunk": "a gap between chunks is one sample",
    "spread": "a gap is shared by the tokens of the chunk behind it, a sample each",
    "token": "a gap is one sample, further tokens of the chunk behind it are zeros",
    "divide": "a gap divided by the tokens of the chunk behind it is one sample",
}


def print_settings(page: Page, analysis: Analysis) -> None:
    """What the figures depend on, a line each."""
    settings = analysis.settings
    summary = settings.summary
    clauses = " ".join(summary.slo.clauses()) if summary.slo else "none given"
    lines = {
        "store": _stored(analysis),
        "reader": summary.reader.describe(),
        "benefit": f"tokens - alpha * f(l): {summary.benefit.describe()}",
        "SLO": clauses,
        "SLO met": f"of {_DENOMINATORS[summary.denominator]}" if summary.slo else None,
        "preset": f"{settings.preset}: {preset(settings.preset).source}"
        if settings.preset
        else None,
        "target": _target(summary),
        "latencies": f"of {_POPULATIONS[summary.population]}",
        "window": summary.selection.describe() if summary.selection else _whole(analysis),
        "itl": f"chunk rule '{summary.itl_rule}': {_ITL_RULES[summary.itl_rule]}",
    }
    page.line(f"sgengine {sgengine.__version__}", "bold")
    for name, text in lines.items():
        if text is not None:
            page.line(f"{name}: {text}")


def _whole(analysis: Analysis) -> str:
    """What counts where no part of a run is chosen."""
    return "all of each run" if analysis.stored is None else "all of each night"


def _stored(analysis: Analysis) -> str | None:
    """Which nights of a store were read."""
    stored = analysis.stored
    if stored is None:
        return None
    days = sorted({night["day"] for night in stored.nights})
    jobs = sorted({night["job"] for night in stored.nights})
    span = f"{days[0]} to {days[-1]}" if len(days) > 1 else f"{days[0]}"
    return (
        f"{stored.root}, version {stored.version}: {len(stored.nights)} "
        f"night{'s'[: len(stored.nights) > 1]}, {span}, of job{'s'[: len(jobs) > 1]} "
        f"{', '.join(jobs)}"
    )


def _target(summary: SummarySettings) -> str | None:
    target = summary.target
    if target is None:
        return None
    share = f"{100 * float(target.share):g} %"
    if target.metric == "marginal":
        return f"the percentile at {share} of each clause's metric is within the clause"
    least = "" if target.at_least is None else f" >= {target.at_least:g}"
    return f"{target.metric}{least} for {share}"
