"""What a gate says: verdicts, the lines for those that matter, and one that closes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from typing import Any

from sgengine.gate.baseline import Judgement, Limits
from sgengine.gate.figures import Group
from sgengine.gate.metrics import Metric
from sgengine.gate.nights import Comparison


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One figure of one group beside its baseline."""

    job: str
    group: Group
    metric: Metric
    judgement: Judgement

    def line(self, day: date) -> str:
        """In words, if it is a breach."""
        found, unit = self.judgement, _unit(self.metric.unit)
        head = f"breach: {self.job} {day} {self.group}: {self.metric.name}"
        nights = f"the median of {found.nights} nights"
        if found.value is None or found.worse_by is None:
            return f"{head} is undefined; {_text(found.median)}{unit} is {nights}"
        percent = "" if found.percent is None else f" ({found.percent:.1f} %)"
        mads = "MAD 0" if found.mads is None else f"{found.mads:.1f} MADs"
        return (
            f"{head} is {_text(found.value)}{unit}, worse by {_text(found.worse_by)}{percent} than "
            f"{_text(found.median)}, {nights}: {mads}"
        )


@dataclass(frozen=True, kw_only=True)
class Vanished:
    """A group that most nights of the baseline have, and this night has not."""

    job: str
    group: Group
    nights: int
    of: int

    def line(self, day: date) -> str:
        """In words."""
        return (
            f"breach: {self.job} {day} {self.group}: no requests; {self.nights} of {self.of} nights "
            "of the baseline have some"
        )


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """The outcome of a gate: the comparisons made, with all verdicts and the groups that vanished."""

    day: date
    limits: Limits
    metrics: tuple[Metric, ...]
    comparisons: tuple[Comparison, ...]
    verdicts: tuple[Verdict, ...]
    vanished: tuple[Vanished, ...]

    @property
    def breaches(self) -> list[Verdict | Vanished]:
        """Everything that the gate closes on."""
        return [*self.vanished, *(v for v in self.verdicts if v.judgement.is_breach)]

    @property
    def is_open(self) -> bool:
        """Whether there is no breach."""
        return not self.breaches

    def lines(self) -> Iterator[str]:
        """A line a breach, a line a group that cannot be judged, and the closing line."""
        for breach in self.breaches:
            yield breach.line(self.day)
        yield from self._without_baseline()
        judged = sum(v.judgement.verdict in ("ok", "breach", "undefined") for v in self.verdicts)
        groups = {(v.job, v.group) for v in self.verdicts}
        count = len(self.breaches)
        yield (
            f"gate: {self.day}: {count} {'breach' if count == 1 else 'breaches'}, "
            f"{_count(judged, 'figure')} of {_count(len(groups), 'group')} judged"
        )

    def _without_baseline(self) -> Iterator[str]:
        for comparison in self.comparisons:
            unlike = _unlike(comparison)
            mine = [verdict for verdict in self.verdicts if verdict.job == comparison.job]
            for group, verdicts in groupby(mine, key=lambda verdict: verdict.group):
                every = list(verdicts)
                lacking = [v for v in every if v.judgement.verdict == "no baseline"]
                if lacking:
                    names = ", ".join(verdict.metric.name for verdict in lacking)
                    what = "" if len(lacking) == len(every) else f" {names}:"
                    nights = min(verdict.judgement.nights for verdict in lacking)
                    yield (
                        f"no baseline: {comparison.job} {self.day} {group}:{what} "
                        f"{_count(nights, 'comparable night')}, {self.limits.least_nights} "
                        f"needed{unlike}"
                    )

    def document(self) -> dict[str, Any]:
        """All of it, as ``--json`` prints it."""
        return {
            "day": self.day,
            "limits": asdict(self.limits),
            "metrics": [asdict(metric) for metric in self.metrics],
            "jobs": [_comparison(comparison) for comparison in self.comparisons],
            "breaches": len(self.breaches),
            "vanished": [asdict(vanished) for vanished in self.vanished],
            "verdicts": [_verdict(verdict) for verdict in self.verdicts],
        }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "job": comparison.job,
        "commit_id": comparison.night["commit_id"],
        "baseline": [row["day"] for row in comparison.baseline],
        "not_comparable": [asdict(night) for night in comparison.unlike],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    judgement = verdict.judgement
    return {
        "job": verdict.job,
        **asdict(verdict.group),
        "metric": verdict.metric.name,
        **asdict(judgement),
        "percent": judgement.percent,
        "mads": judgement.mads,
    }


def _unlike(comparison: Comparison) -> str:
    if not comparison.unlike:
        return ""
    parts = sorted({part for night in comparison.unlike for part in night.differs})
    return f" ({_count(len(comparison.unlike), 'night')} scored otherwise: {', '.join(parts)})"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _unit(unit: str) -> str:
    return "" if unit in ("share", "requests") else f" {unit}"


def _text(value: float | None) -> str:
    """Two decimals, or as many as a small number needs to show anything."""
    if value is None:
        return "-"
    if value == int(value):
        return str(int(value))
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"
