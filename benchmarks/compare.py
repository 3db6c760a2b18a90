"""Two result files side by side: ``python -m benchmarks.compare old.json new.json``.

A change is called one only if all calls of the one run were slower than all of the other, by more than
the noise: shared machines vary from minute to minute. Between runs of different machines, or different
hours of a shared one, compare the budgets, which are ratios within a run.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.budgets import Row, median, verdicts

NOISE = 0.05


def compared(old: dict[str, Any], new: dict[str, Any], noise: float = NOISE) -> list[str]:
    """Markdown: cases that both have, then the ratios of the budgets that both have."""
    before = {row["name"]: row for row in old["cases"] if not row["missing"]}
    lines = ["| what | old | new | new / old | |", "| --- | --- | --- | --- | --- |"]
    lines += [
        _line(before[row["name"]], row, noise)
        for row in new["cases"]
        if row["name"] in before and not row["missing"]
    ]
    return [*lines, "", *_budgets(old, new)]


def _line(old: Row, new: Row, noise: float) -> str:
    then, now = median(old), median(new)
    return (
        f"| {new['name']} | {then * 1e3:,.1f} ms | {now * 1e3:,.1f} ms | {now / then:.2f} | "
        f"{verdict(old['seconds'], new['seconds'], noise)} |"
    )


def verdict(old: list[float], new: list[float], noise: float) -> str:
    """Whether the spreads lie apart by more than the noise."""
    if min(new) > max(old) * (1 + noise):
        return "slower"
    return "faster" if max(new) * (1 + noise) < min(old) else "same"


def _budgets(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    before = {(line.what, line.budget): line for line in verdicts(old["cases"])}
    lines = ["| budget | old ratio | new ratio | |", "| --- | --- | --- | --- |"]
    for line in verdicts(new["cases"]):
        then = before.get((line.what, line.budget))
        if then is None or then.margin is None or line.margin is None:
            continue
        change = (
            "" if then.is_met == line.is_met else "now met" if line.is_met else "**now missed**"
        )
        lines.append(
            f"| {line.what}: {line.budget} | {then.margin:.2f} | {line.margin:.2f} | {change} |"
        )
    return lines


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--noise", type=float, default=NOISE)
    arguments = parser.parse_args()
    read = (json.loads(path.read_text("utf-8")) for path in (arguments.old, arguments.new))
    print("\n".join(compared(*read, noise=arguments.noise)))


if __name__ == "__main__":
    main()
