"""The figures of some nights of one job, each under the settings that the night was scored with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sgengine.aggregate import flat_group, summary_of
from sgengine.analyze import AnalyzeSettings
from sgengine.analyze.stored import analyze_store
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
    wanted = Wanted(job=comparison.job, days=frozenset(comparison.days))
    summary = summary_of(comparison.night, by=("night", "system", "workload"))
    found: NightFigures = defaultdict(dict)
    for row in analyze_store(snapshot, settings.scoring(summary), wanted).groups:
        group = Group(system=str(row["system"]), workload=str(row["workload"]))
        found[date.fromisoformat(str(row["night"]))][group] = _flat(row)
    for night in _by_class(snapshot, wanted):
        group = Group(system=night["system"], slo_class=night["class"])
        found[night["day"]][group] = {n: v for n, v in night.items() if isinstance(v, int | float)}
    return found


def _by_class(snapshot: Snapshot, wanted: Wanted) -> list[dict[str, Any]]:
    """Rows of slo_by_class: each class under the settings of its own; none without classes."""
    if not any(wanted.has_night(*file.night) for file in snapshot.files["classes"]):
        return []
    from sgengine.views import open_store, run_query  # duckdb costs 0.1 s, for those with classes

    with open_store(snapshot, wanted=wanted) as connection:
        found = run_query(connection, "FROM slo_by_class WHERE class IS NOT NULL")
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _flat(group: Mapping[str, Any]) -> dict[str, float | None]:
    """A group of an analysis as figures by name, shares of statuses among them."""
    row = flat_group(group)
    found = {name: value for name, value in row.items() if isinstance(value, int | float | None)}
    shares = {f"{name}_share": row[f"n_{name}"] / row["requests"] for name in ("ok", "incomplete")}
    return found | shares
