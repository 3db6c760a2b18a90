"""docs/evaluation.md: prose written by hand, and between its marks what was found."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.paper.finding import Finding, Row

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "evaluation.md"
FIGURES = DOCS / "evaluation"

_BLOCK = re.compile(r"<!-- generated: ([\w-]+) -->\n.*?<!-- end -->", re.DOTALL)


def filled(page: str, blocks: Mapping[str, str]) -> str:
    """``page`` with every block between its marks; KeyError for marks that nobody fills."""
    return _BLOCK.sub(lambda match: _block(match[1], blocks[match[1]]), page)


def _block(name: str, text: str) -> str:
    return f"<!-- generated: {name} -->\n{text.strip()}\n<!-- end -->"


def names_in(page: str) -> list[str]:
    """The blocks of a page, in order."""
    return [match[1] for match in _BLOCK.finditer(page)]


def table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table, numbers at the right."""
    first = rows[0]
    bars = ["---:" if _is_number(value) else "---" for value in first.values()]
    lines = ["| " + " | ".join(first) + " |", "| " + " | ".join(bars) + " |"]
    return "\n".join([*lines, *map(line, rows)])


def line(row: Row) -> str:
    """One line of the table."""
    return "| " + " | ".join(map(cell, row.values())) + " |"


def cell(value: object) -> str:
    """Three or four figures, as many as noise allows to compare; - for undefined."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return str(value)
    decimals = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    return f"{value:,.{decimals}f}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def summary(findings: Sequence[Finding]) -> str:
    """The first table of the page: a line a finding."""
    return table(
        [
            {
                "": f"({found.letter[0]})",
                "finding": found.claim,
                "verdict": found.verdict,
                "holds in": f"{found.holding} of {len(found.rows)} cases",
            }
            for found in findings
        ]
    )
