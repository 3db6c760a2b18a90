"""The outcome of a check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sgengine.check.findings import Finding
from sgengine.check.kinds import SEVERITIES


@dataclass(frozen=True, kw_only=True)
class Checked:
    """Findings, the gravest first. ``requests``: rows that can be measured, or are in a store.

    ``rows``: all rows found, with those that are left out. ``sources`` and ``runs``: how many.
    """

    findings: tuple[Finding, ...]
    sources: int
    runs: int
    rows: int
    requests: int

    @property
    def is_clean(self) -> bool:
        """Whether no finding is an error."""
        return not any(found.is_error for found in self.findings)


def together(parts: Iterable[Checked]) -> Checked:
    """What was found in several looks, as one."""
    every = tuple(parts)
    findings = (found for part in every for found in part.findings)
    return Checked(
        findings=tuple(sorted(findings, key=lambda each: SEVERITIES.index(each.severity))),
        sources=sum(part.sources for part in every),
        runs=sum(part.runs for part in every),
        rows=sum(part.rows for part in every),
        requests=sum(part.requests for part in every),
    )
