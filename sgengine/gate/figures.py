"""The figures of some nights of one job, each under the settings that the night was scored with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sgengine.aggregate import flat_group
from sgengine.analyze import AnalyzeSettings
from sgengine.analyze.stored import analyze_store, recorded_settings
from sgengine.analyze.stored_files import Wanted
from sgengine.gate.nights import Comparison
from sgengine.store import Snapshot

Figures = Mapping[str, float | None]
"""Figures of a group by name; a night's group without requests has none."""


@dataclass(frozen=True, kw_only=True, order=True)
class Group:
    """What is judged: a system and workload, or a system and SLO class."""

    system: str
    workload: str = ""
    slo_class: str = ""

    def __str__(self) -> str:
        return f"{self.system}/{self.workload or f'class {self.slo_class}'}"


NightFigures = dict[date, dict[Group, Figures]]


def figures_of(
    snapshot: Snapshot, comparison: Comparison, settings: AnalyzeSettings
) -> NightFigures:
    """By night, the figures of every group with requests."""
    found: NightFigures = defaultdict(dict)
    for row in _by_workload(snapshot, comparison, settings):
        group = Group(system=row["system"], workload=row["workload"])
        found[date.fromisoformat(row["night"])][group] = _flat(row)
    for row in _by_class(snapshot, comparison):
        group = Group(system=row["system"], slo_class=row["class"])
        found[row["day"]][group] = {n: v for n, v in row.items() if isinstance(v, int | float)}
    return found


def _by_workload(
    snapshot: Snapshot, comparison: Comparison, settings: AnalyzeSettings
) -> list[dict[str, Any]]:
    by = ("night", "system", "workload")
    summary = recorded_settings([comparison.night], by=by)
    chosen = AnalyzeSettings(
        summary=summary, executor=settings.executor, memory_bytes=settings.memory_bytes
    )
    wanted = Wanted(job=comparison.job, days=frozenset(comparison.days))
    return analyze_store(snapshot, chosen, wanted).groups


def _by_class(snapshot: Snapshot, comparison: Comparison) -> list[dict[str, Any]]:
    """Rows of slo_by_class; none where the night has no classes, nor then its baseline."""
    night = (comparison.job, comparison.night["day"])
    if not any(file.night == night for file in snapshot.files["classes"]):
        return []
    from sgengine.views import open_store, run_query  # duckdb costs 0.1 s, for those with classes

    days = ", ".join(f"DATE '{day}'" for day in comparison.days)
    since, until = comparison.days[0], comparison.days[-1]
    with open_store(snapshot, job=comparison.job, since=since, until=until) as connection:
        query = f"FROM slo_by_class WHERE class IS NOT NULL AND day IN ({days})"
        rows: list[dict[str, Any]] = run_query(connection, query).to_pylist()
        return rows


def _flat(group: Mapping[str, Any]) -> dict[str, float | None]:
    """A group of an analysis as figures by name, shares of statuses among them."""
    row = flat_group(group)
    found = {name: value for name, value in row.items() if isinstance(value, int | float | None)}
    shares = {f"{name}_share": row[f"n_{name}"] / row["requests"] for name in ("ok", "incomplete")}
    return found | shares
