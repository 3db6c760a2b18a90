"""What became of a run of the job: an entry of its log at a time, an outcome a night, one line in all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

COMMITTED, UNCHANGED, FAILED = "committed", "unchanged", "failed"
INFO, WARNING, ERROR = "info", "warning", "error"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the log: what happened, as a word for machines and as a text for people."""

    event: str
    text: str
    level: str = INFO
    fields: Mapping[str, Any] = field(default_factory=dict)


Log = Callable[[Entry], None]
"""Takes each entry as it happens."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one night.

    ``requests`` to ``rows_outside`` are of the commit, None where there is none; ``rows_faulty`` are
    those of the rejected rows that are damaged, the others belong to other nights or are repeated.
    ``missing``: configured files that were not there, and may be missing. ``error``: why it failed.
    """

    day: date
    status: str
    seconds: float
    requests: int | None = None
    incomplete: int | None = None
    rows_in: int | None = None
    rows_measured: int | None = None
    rows_rejected: int | None = None
    rows_faulty: int = 0
    rows_outside: int | None = None
    missing: tuple[str, ...] = ()
    commit_id: str | None = None
    version: int | None = None
    outputs: tuple[str, ...] = ()
    error: str | None = None

    def describe(self) -> str:
        """For people, in one line."""
        if self.status == FAILED:
            return f"{self.day} failed: {self.error}"
        if self.status == UNCHANGED:
            return f"{self.day} unchanged"
        said = f"{self.requests} requests, {self.incomplete} incomplete"
        faulty = f", {self.rows_faulty} rows not measured" if self.rows_faulty else ""
        missing = f", {len(self.missing)} inputs missing" if self.missing else ""
        return f"{self.day} committed: {said}{faulty}{missing} (version {self.version})"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What became of a run of the job. ``allows_rejects``: damaged rows are no reason for exit code 1."""

    job: str
    store: str
    zone: str
    allows_rejects: bool
    nights: tuple[Outcome, ...]

    @property
    def exit_code(self) -> int:
        """0, or 1 if a night failed or had rows that could not be measured."""
        faulty = not self.allows_rejects and any(night.rows_faulty for night in self.nights)
        return 1 if faulty or self.count(FAILED) else 0

    def count(self, status: str) -> int:
        """How many nights ended so."""
        return sum(night.status == status for night in self.nights)

    def closing(self) -> str:
        """The line that a scheduler shows: what happened to how many nights, and the exit code."""
        span = " to ".join(dict.fromkeys(str(self.nights[i].day) for i in (0, -1)))
        requests = sum(night.requests or 0 for night in self.nights)
        incomplete = sum(night.incomplete or 0 for night in self.nights)
        faulty = sum(night.rows_faulty for night in self.nights)
        return (
            f"nightly {self.job} {span}: {self.count(COMMITTED)} committed ({requests} requests, "
            f"{incomplete} incomplete, {faulty} rows not measured), {self.count(UNCHANGED)} unchanged, "
            f"{self.count(FAILED)} failed; exit code {self.exit_code}"
        )

    def document(self) -> dict[str, Any]:
        """For machines."""
        return {
            "job": self.job,
            "store": self.store,
            "zone": self.zone,
            "exit_code": self.exit_code,
            "closing": self.closing(),
            "nights": [asdict(night) for night in self.nights],
        }
