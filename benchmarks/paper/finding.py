"""A finding: what was claimed, what was found, as rows of a table, and in how much of it it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Row = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """``letter`` and ``claim`` of the paper or of the project; ``rows``: what was found, a case each.

    Every row has ``holds``: whether the claim is true of that case.
    """

    letter: str
    claim: str
    rows: Sequence[Row]

    @property
    def holding(self) -> int:
        """How many cases it holds in."""
        return sum(bool(row["holds"]) for row in self.rows)

    @property
    def verdict(self) -> str:
        """In words: what holds in less than half of the cases does not reproduce."""
        if self.holding == len(self.rows):
            return "reproduces"
        in_part = 2 * self.holding >= len(self.rows)
        return "reproduces in part" if in_part else "does not reproduce"
