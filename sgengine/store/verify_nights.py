"""What is wrong with nights: committed twice, untold in NIGHTS, or of other counts than told there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sgengine.store.damage import Damage
from sgengine.store.snapshot import DataFile, Unit, unit_of

Rows = Sequence[Mapping[str, Any]]

SUMMED = ("rows_in", "rows_measured", "rows_rejected")
"""Columns of NIGHTS that are the sums of those of RUNS."""


def doubled(live: Iterable[DataFile]) -> Iterator[Damage]:
    """Nights of which files of two commits or more are live."""
    commits: dict[tuple[str, ...], set[str]] = {}
    for file in live:
        commits.setdefault(file.values[:2], set()).add(file.commit_id)
    for night, ids in commits.items():
        if len(ids) > 1:
            told = f"live commits {', '.join(sorted(ids))}"
            yield Damage(kind="night_doubled", place=" ".join(night), found=told)


def night_damage(live: Sequence[DataFile], nights: Rows, runs: Rows) -> Iterator[Damage]:
    """Live files of requests beside the live rows of ``nights`` and ``runs``."""
    files, requests = Counter(map(unit_of, live)), Counter[Unit]()
    for file in live:
        requests[unit_of(file)] += file.rows
    told: dict[Unit, list[Mapping[str, Any]]] = {unit: [] for unit in files}
    for row in nights:
        told.setdefault(_unit(row), []).append(row)
    sums = _sums(runs)
    for unit, rows in told.items():
        place = " ".join(unit[1:])
        if len(rows) != 1:
            yield Damage(kind="night_untold", place=place, found=f"{len(rows)} rows in nights")
            continue
        counted = {"files": files[unit], "requests": requests[unit]} | sums.get(unit, _NO_RUNS)
        for name, count in counted.items():
            if rows[0][name] != count:
                found = f"{count} {name}, {rows[0][name]} told"
                yield Damage(kind="night_counts", place=place, found=found)


_NO_RUNS = dict.fromkeys(SUMMED, 0)


def _sums(runs: Rows) -> dict[Unit, dict[str, int]]:
    sums: dict[Unit, dict[str, int]] = {}
    for row in runs:
        of = sums.setdefault(_unit(row), dict(_NO_RUNS))
        for name in SUMMED:
            of[name] += row[name]
    return sums


def _unit(row: Mapping[str, Any]) -> Unit:
    return (row["commit_id"], row["job"], str(row["day"]))
