"""Which earlier nights a night can be compared with: those of its job that were scored alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sgengine.errors import DataError
from sgengine.gate.baseline import Limits
from sgengine.store import Night

Row = Mapping[str, Any]

_PARTS = {
    "reader": ("reader_first_ns", "reader_pace_ns"),
    "benefit": ("alpha", "penalty", "tau_s", "unfinished_idle_s"),
    "SLO": (
        "max_ttft_ns",
        "max_tbt_ns",
        "max_tpot_ns",
        "max_e2e_ns",
        "pace_first_ns",
        "pace_ns",
        "tokens_share_num",
        "tokens_share_den",
    ),
    "denominator": ("denominator",),
    "duration": ("duration_ns",),
}
"""The columns of SETTINGS by what a user calls them."""

_UNIT = ("job", "day", "commit_id")
"""Columns of a class that say which night's it is, not what it is."""


@dataclass(frozen=True, kw_only=True)
class Unlike:
    """An earlier night that cannot be compared, and what of its settings differs."""

    day: date
    differs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One night and its baseline.

    ``night``: its NIGHTS row. ``baseline``: rows of the last comparable nights, newest first.
    ``unlike``: the nights among them that were passed over.
    """

    night: Row
    baseline: tuple[Row, ...]
    unlike: tuple[Unlike, ...] = ()

    @property
    def job(self) -> str:
        """The job of all these nights."""
        return str(self.night["job"])

    @property
    def days(self) -> list[date]:
        """All nights that are read, in order."""
        return sorted(row["day"] for row in (self.night, *self.baseline))


def check_night(nights: Iterable[Night], day: date, job: str | None) -> None:
    """Raise DataError if no job, or not ``job``, has the night: not measured, which no gate may pass."""
    days = sorted(night.day for night in nights if job in (None, night.job))
    if day not in days:
        whose = f" of job {job}" if job else ""
        held = f"its nights are {days[0]} to {days[-1]}" if days else "it has none"
        raise DataError(f"night {day}{whose} is not in the store ({held}): measure it first")


def compare_nights(
    nights: Sequence[Row], classes: Sequence[Row], day: date, limits: Limits
) -> list[Comparison]:
    """The comparison of each job's night ``day``, from NIGHTS and CLASSES rows."""
    return [_compare(row, nights, classes, limits) for row in nights if row["day"] == day]


def _compare(
    night: Row, nights: Sequence[Row], classes: Sequence[Row], limits: Limits
) -> Comparison:
    earlier = [n for n in nights if n["job"] == night["job"] and n["day"] < night["day"]]
    earlier.sort(key=lambda row: row["day"], reverse=True)
    baseline: list[Row] = []
    unlike: list[Unlike] = []
    for row in earlier:
        if len(baseline) == limits.nights:
            break
        differs = differing(night, row, classes)
        if differs:
            unlike.append(Unlike(day=row["day"], differs=differs))
        else:
            baseline.append(row)
    return Comparison(night=night, baseline=tuple(baseline), unlike=tuple(unlike))


def differing(a: Row, b: Row, classes: Sequence[Row]) -> tuple[str, ...]:
    """What of the settings of two nights differs: figures of the two would not mean the same."""
    found = [
        part for part, names in _PARTS.items() if any(a.get(name) != b.get(name) for name in names)
    ]
    if _classes_of(a, classes) != _classes_of(b, classes):
        found.append("classes")
    return tuple(found)


def _classes_of(night: Row, classes: Sequence[Row]) -> frozenset[tuple[tuple[str, Any], ...]]:
    return frozenset(
        tuple(sorted((name, value) for name, value in row.items() if name not in _UNIT))
        for row in classes
        if (row["job"], row["day"]) == (night["job"], night["day"])
    )
