"""The outcome: a row a figure, a list of rows a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

MATCH = "match"
BOUNDED = "bounded"
MISMATCH = "mismatch"
OPEN = "not recomputed"
VERDICTS = (MATCH, BOUNDED, MISMATCH, OPEN)
"""Recomputed within the tolerance; within the bounds that the detail gives; neither; not recomputable."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure of a file, or ``count`` of them that cannot be recomputed for the same reason.

    ``figure``: where the file states it. ``name``: what the client calls it. ``recomputed``, with
    ``recomputed_max`` where only bounds are known (infinite: no upper one). ``difference``: of
    recomputed and stated, relative. ``ours``: sgengine's figure, in the client's unit. ``why``: why
    ours differs; ``reason``: why it is not recomputed, or may differ from the stated value.
    """

    figure: str
    name: str
    stated: float
    verdict: str
    statistic: str | None = None
    recomputed: float | None = None
    recomputed_max: float | None = None
    difference: float | None = None
    tolerance: float | None = None
    ours: float | None = None
    why: str = ""
    reason: str = ""
    count: int = 1
    headline: bool = True


@dataclass(frozen=True, kw_only=True)
class RunParity:
    """One run: what its client stated beside what its own rules give. ``note``: why ours is missing."""

    source: str
    summary: str
    run: str
    client: str
    version: str
    rows: tuple[Row, ...]
    note: str | None = None

    @property
    def counts(self) -> Mapping[str, int]:
        """How many figures have each verdict."""
        counts: Counter[str] = Counter()
        for row in self.rows:
            counts[row.verdict] += row.count
        return {verdict: counts[verdict] for verdict in VERDICTS}


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A file of a folder or glob that states no figures of a client, or cannot be read; and why."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Every run of the inputs. ``failures``: files that are damaged; ``skipped``: other files."""

    runs: tuple[RunParity, ...]
    skipped: tuple[LeftOut, ...] = ()
    failures: tuple[LeftOut, ...] = ()

    @property
    def mismatches(self) -> int:
        """Figures that lie beyond their tolerance."""
        return sum(run.counts[MISMATCH] for run in self.runs)

    @property
    def is_clean(self) -> bool:
        """Whether every file could be read and no figure differs from its own client's rules."""
        return not self.failures and self.mismatches == 0
