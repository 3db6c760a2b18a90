"""Results held against budgets: what was measured, what is allowed, and how far apart they are."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.case import Budget

Row = Mapping[str, Any]
"""One case as the results file has it."""

_AT_MOST = ("times", "times_least", "seconds", "peak")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One line of the table of budgets.

    ``margin``: how many times better than the limit (1 and more: met), or None, and then ``missing``
    says why there is no figure.
    """

    what: str
    measured: str
    budget: str
    margin: float | None
    missing: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the limit is kept; False where nothing was measured."""
        return self.margin is not None and self.margin >= 1


def verdicts(rows: Sequence[Row]) -> list[Verdict]:
    """Every budget of every case, in order."""
    by_name = {row["name"]: row for row in rows}
    return [
        _verdict(row, Budget(**{**budget, "of": tuple(budget["of"])}), by_name)
        for row in rows
        for budget in row["budgets"]
    ]


def _verdict(row: Row, budget: Budget, by_name: Mapping[str, Row]) -> Verdict:
    others = [by_name[name] for name in budget.of]
    missing = next((found["missing"] for found in (row, *others) if found["missing"]), "")
    sign = "at most" if budget.ratio in _AT_MOST else "at least"
    allowed = f"{sign} {budget.text}"
    if missing:
        return Verdict(what=row["name"], measured="", budget=allowed, margin=None, missing=missing)
    value = _value(row, budget, others)
    margin = budget.limit / value if budget.ratio in _AT_MOST else value / budget.limit
    return Verdict(
        what=row["name"], measured=_shown(value, row, budget), budget=allowed, margin=margin
    )


def median(row: Row) -> float:
    """The median time of a case, s."""
    return statistics.median(row["seconds"])


def _value(row: Row, budget: Budget, others: Sequence[Row]) -> float:
    own = median(row)
    match budget.ratio:
        case "times":
            return own / sum(map(median, others))
        case "times_least":
            return own / min(map(median, others))
        case "faster":
            return min(map(median, others)) / own
        case "faster_each":
            return min(median(found) / found["amount"] for found in others) / own * row["amount"]
        case "rate":
            return row["amount"] / own
        case "share":
            return row["nbytes"] / own / (others[0]["nbytes"] / median(others[0]))
        case "seconds":
            return own
        case "peak":
            return row["peak_mib"] or float("nan")


def _shown(value: float, row: Row, budget: Budget) -> str:
    match budget.ratio:
        case "rate":
            return f"{value / 1e6:,.0f} M {row['unit']}/s"
        case "share":
            return f"{100 * value:.0f} % ({row['nbytes'] / median(row) / 1e9:.1f} GB/s)"
        case "seconds":
            return f"{value:.2f} s"
        case "peak":
            return f"{value:,.0f} MiB"
        case "times" | "times_least":
            return f"{value:.2f} x"
        case _:
            return f"{value:,.1f} x"
