"""What a check finds, and every kind of it."""

from __future__ import annotations

from dataclasses import dataclass

from sgengine.check.kinds import ERROR, INFO, OWN_KINDS, Kind
from sgengine.check.store_kinds import STORE_KINDS
from sgengine.schema.rules import RULES, Rule


@dataclass(frozen=True, kw_only=True)
class Example:
    """Where to look: a source, and a run and a request (or place) of it where they are known."""

    source: str
    run: str | None = None
    request: str | None = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One finding over all inputs.

    ``count`` of ``of`` (rows, requests, runs, sources) are affected, a ``share`` of all there are
    (None: all there are is not known). ``message``: what was found and what to do about it.
    """

    name: str
    severity: str
    count: int
    of: str
    share: float | None
    example: Example | None
    message: str

    @property
    def is_error(self) -> bool:
        """Whether no figure of these inputs should be trusted."""
        return self.severity == ERROR


_RULE_ADVICE = {
    "negative_time": "the clock of the chunks and that of the arrivals differ, or stepped back: use "
    "one monotonic clock",
    "decreasing_times": "the clock stepped back within a request, or chunks were logged out of order",
    "duplicate_event": "the collector delivered events twice: nothing to do",
    "warmup": "nothing to do: the source marks them, and no figure has them",
}
_RULE_ADVICE_ELSE = "repair them where they are written: they are in no figure"


def _of_rule(rule: Rule) -> Kind:
    return Kind(
        name=rule.name,
        severity=ERROR if rule.is_error else INFO,
        of="rows",
        meaning=f"Rows that are left out: allowed is {rule.allowed}.",
        advice=_RULE_ADVICE.get(rule.name, _RULE_ADVICE_ELSE),
    )


KINDS = (*(_of_rule(rule) for rule in RULES if rule.name != "outside_window"), *OWN_KINDS)
"""Every kind of finding about traces; those of rows that break a rule have the rule's name."""

KIND_BY_NAME = {kind.name: kind for kind in (*KINDS, *STORE_KINDS)}


def finding(
    name: str,
    count: int,
    found: str,
    *,
    total: int | None = None,
    example: Example | None = None,
    severity: str | None = None,
) -> Finding:
    """A finding of the kind ``name``: ``found``, then what to do about it. ``total``: all there are."""
    kind = KIND_BY_NAME[name]
    return Finding(
        name=name,
        severity=severity or kind.severity,
        count=count,
        of=kind.of,
        share=count / total if total else None,
        example=example,
        message=f"{found}: {kind.advice}",
    )
