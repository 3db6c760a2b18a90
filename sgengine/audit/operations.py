"""The two operations of an audit, and how a user writes them (METRICS 5, audits)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sgengine.errors import UsageError
from sgengine.objectives import Slo, format_duration, parse_slo


@dataclass(frozen=True, kw_only=True)
class Delay:
    """Each chunk is held back until ``threshold_ns`` after the chunk before it."""

    threshold_ns: int

    @property
    def text(self) -> str:
        """As ``--delay`` takes it."""
        return f"tbt:{format_duration(self.threshold_ns)}"

    @property
    def slo(self) -> Slo:
        """What it is done for."""
        return Slo(tbt_ns=self.threshold_ns)

    def describe(self) -> str:
        """In words."""
        held = format_duration(self.threshold_ns)
        return f"delay {self.text}: each chunk is held back until {held} after the one before it"


@dataclass(frozen=True, kw_only=True)
class Abandon:
    """Each request is cut at the moment at which it loses ``slo``: the first of its clauses."""

    slo: Slo

    def __post_init__(self) -> None:
        if self.slo.tokens_share is not None:
            raise UsageError(
                "abandon takes no tokens clause, which no single moment loses: give ttft, tbt, tpot, "
                "e2e or pace"
            )

    @property
    def text(self) -> str:
        """As ``--abandon`` takes it."""
        return " ".join(self.slo.clauses())

    def describe(self) -> str:
        """In words."""
        return f"abandon {self.text}: each request is cut at the moment at which it loses it"


Operation = Delay | Abandon


def parse_delay(text: str) -> Delay:
    """``tbt:G``; UsageError for anything else."""
    slo = parse_slo([text])
    if slo.tbt_ns is None or slo.clauses() != Slo(tbt_ns=slo.tbt_ns).clauses():
        raise UsageError(f"delay is '{text}': give the gap to hold chunks back to, as in tbt:100ms")
    return Delay(threshold_ns=slo.tbt_ns)


def parse_abandon(words: str | Iterable[str]) -> Abandon:
    """Clauses as ``--goodput`` takes them, but for tokens; UsageError otherwise."""
    return Abandon(slo=parse_slo([words] if isinstance(words, str) else words))
