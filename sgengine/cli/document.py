"""The JSON document of ``sgengine analyze --json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import sgengine
from sgengine.objectives import preset

if TYPE_CHECKING:
    from sgengine.aggregate import SummarySettings
    from sgengine.analyze import Analysis, AnalyzeSettings
    from sgengine.objectives import Reader


def document(analysis: Analysis) -> dict[str, Any]:
    """Settings, sources, groups and what was left out."""
    return {
        "settings": settings_of(analysis.settings),
        **_store(analysis),
        "sources": analysis.runs.to_pylist(),
        "groups": analysis.groups,
        "rejected": [asdict(reject) for reject in analysis.rejected],
        "skipped": [asdict(file) for file in analysis.skipped],
        "failures": [asdict(failure) for failure in analysis.failures],
    }


def _store(analysis: Analysis) -> dict[str, Any]:
    """What was read of a store, if the requests are from one."""
    stored = analysis.stored
    if stored is None:
        return {}
    names = ("job", "day", "commit_id", "requests", "incomplete")
    nights = [{name: night[name] for name in names} for night in stored.nights]
    return {"store": {"root": stored.root, "version": stored.version, "nights": nights}}


def settings_of(settings: AnalyzeSettings) -> dict[str, Any]:
    """All that the figures depend on, durations in the unit of their name."""
    summary = settings.summary
    return {
        "sgengine": sgengine.__version__,
        **_objectives(summary),
        "preset": _preset(settings.preset),
        "by": list(summary.by),
        "denominator": summary.denominator,
        "population": summary.population,
        "itl_rule": summary.itl_rule,
        "duration_s": None if summary.duration_ns is None else summary.duration_ns / 1e9,
        "window": _window(summary),
        "on": settings.executor.describe(),
        "memory_bytes": settings.memory_bytes,
    }


def _window(summary: SummarySettings) -> dict[str, str] | None:
    """The part of each run that was asked for, None for all of it; what came of it is in sources."""
    chosen = summary.selection
    if chosen is None:
        return None
    return {"kind": chosen.kind, "value": chosen.text, "means": chosen.describe()}


def _objectives(summary: SummarySettings) -> dict[str, Any]:
    benefit = summary.benefit
    return {
        "reader": _reader(summary.reader),
        "benefit": {
            "penalty": benefit.penalty,
            "alpha": benefit.alpha,
            "tau_s": None if benefit.tau_ns is None else benefit.tau_ns / 1e9,
            "unfinished_idle_s": benefit.unfinished_idle_ns / 1e9,
        },
        "slo": list(summary.slo.clauses()) if summary.slo else None,
        "target": asdict(summary.target) if summary.target else None,
    }


def _reader(reader: Reader) -> dict[str, Any]:
    pace = reader.pace_ns
    return {"first_ns": reader.first_ns, "pace_ns": pace, "speed": 1e9 / pace if pace else None}


def _preset(name: str | None) -> dict[str, str] | None:
    return {"name": name, "source": preset(name).source} if name else None
