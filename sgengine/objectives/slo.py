"""Service level objectives: clauses, their conjunction, and the spelling users know (METRICS 3).

``ttft:500 tpot:50 e2e:10s pace:200 first:1s tokens:0.9@100ms``: bare numbers are milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from sgengine.errors import UsageError
from sgengine.objectives.durations import format_duration, parse_duration_ns
from sgengine.objectives.reader import Reader

ALIASES = {
    "ttft": "ttft",
    "time_to_first_token": "ttft",
    "tpot": "tpot",
    "time_per_output_token": "tpot",
    "inter_token_latency": "tpot",
    "e2e": "e2e",
    "e2el": "e2e",
    "e2e_latency": "e2e",
    "request_latency": "e2e",
    "tbt": "tbt",
    "pace": "pace",
    "first": "first",
    "tokens": "tokens",
}
"""Accepted clause names. ``inter_token_latency`` is AIPerf's name for the per-request mean, our tpot."""

_AMBIGUOUS = {"itl": "give tbt for every gap, or tpot for a request's mean"}


@dataclass(frozen=True, kw_only=True)
class Slo:
    """A conjunction of clauses; a clause that is None is absent.

    A request attains it if its status is ok, n >= 1, and every clause holds with ``<=`` on whole ns.
    ``pace`` holds if user_idle_latency is 0 for that reader; ``tokens_share`` if
    n - late_tokens >= share * n for ``tokens_reader``.
    """

    ttft_ns: int | None = None
    tbt_ns: int | None = None
    tpot_ns: int | None = None
    e2e_ns: int | None = None
    pace: Reader | None = None
    tokens_share: Decimal | None = None
    tokens_reader: Reader | None = None

    def __post_init__(self) -> None:
        if not self.clauses():
            raise UsageError("the SLO has no clause: give one, as in ttft:500")
        if (self.tokens_share is None) != (self.tokens_reader is None):
            raise UsageError(
                "a tokens clause needs both a share and a pace, as in tokens:0.9@100ms"
            )
        if self.tokens_share is not None and not _is_share(self.tokens_share):
            raise UsageError(f"tokens share is {self.tokens_share}: give 0 to 1, as in 0.9")

    def clauses(self) -> tuple[str, ...]:
        """The clauses in the user's spelling, in the order of METRICS 3."""
        parts: list[str] = []
        for name in ("ttft", "tbt", "tpot", "e2e"):
            value = getattr(self, f"{name}_ns")
            if value is not None:
                parts.append(f"{name}:{format_duration(value)}")
        if self.pace is not None:
            parts.append(f"pace:{format_duration(self.pace.pace_ns)}{_first(self.pace)}")
        if self.tokens_share is not None and self.tokens_reader is not None:
            pace = format_duration(self.tokens_reader.pace_ns)
            parts.append(f"tokens:{self.tokens_share}@{pace}{_first(self.tokens_reader)}")
        return tuple(parts)


def _is_share(value: Decimal) -> bool:
    """Whether ``value`` is 0 to 1; NaN, which compares with nothing, is not."""
    return value.is_finite() and 0 <= value <= 1


def _first(reader: Reader) -> str:
    if reader.first_ns == reader.pace_ns:
        return ""
    return f" first:{format_duration(reader.first_ns)}"


def parse_slo(words: str | Iterable[str]) -> Slo:
    """The SLO of ``words`` such as ``ttft:500``; a word may hold several, split by blanks or commas.

    Raises UsageError for an unknown or repeated clause, a value that is no duration, or ``first``
    without a clause it applies to.
    """
    values: dict[str, str] = {}
    for word in _split(words):
        name, value = _clause(word)
        if name in values:
            raise UsageError(f"the SLO names {name} twice: give each clause once")
        values[name] = value
    return _build(values)


def _split(words: str | Iterable[str]) -> list[str]:
    given = [words] if isinstance(words, str) else words
    return [part for word in given for part in word.replace(",", " ").split()]


def _clause(word: str) -> tuple[str, str]:
    name, colon, value = word.partition(":")
    key = name.strip().lower()
    if key in _AMBIGUOUS:
        raise UsageError(f"SLO clause '{word}' can mean two things: {_AMBIGUOUS[key]}")
    if not colon or key not in ALIASES:
        known = "ttft, tbt, tpot, e2e, pace, first, tokens"
        raise UsageError(f"SLO clause '{word}' is not known: give NAME:VALUE with NAME of {known}")
    return ALIASES[key], value


def _build(values: dict[str, str]) -> Slo:
    first_ns = None
    if "first" in values:
        if not {"pace", "tokens"} & values.keys():
            raise UsageError("first:D belongs to a pace or tokens clause: give one, or use ttft:D")
        first_ns = parse_duration_ns(values["first"], "SLO clause first")
    share, tokens_reader = None, None
    if "tokens" in values:
        share, tokens_reader = _tokens(values["tokens"], first_ns)
    return Slo(
        ttft_ns=_bound(values, "ttft"),
        tbt_ns=_bound(values, "tbt"),
        tpot_ns=_bound(values, "tpot"),
        e2e_ns=_bound(values, "e2e"),
        pace=_reader(values["pace"], first_ns, "pace") if "pace" in values else None,
        tokens_share=share,
        tokens_reader=tokens_reader,
    )


def _bound(values: dict[str, str], name: str) -> int | None:
    return parse_duration_ns(values[name], f"SLO clause {name}") if name in values else None


def _reader(text: str, first_ns: int | None, name: str) -> Reader:
    pace_ns = parse_duration_ns(text, f"SLO clause {name}")
    return Reader(pace_ns=pace_ns, first_ns=pace_ns if first_ns is None else first_ns)


def _tokens(text: str, first_ns: int | None) -> tuple[Decimal, Reader]:
    share_text, at, pace = text.partition("@")
    try:
        share = Decimal(share_text)
    except InvalidOperation:
        share = Decimal(-1)
    if not at or not _is_share(share):
        raise UsageError(f"SLO clause tokens is '{text}': give SHARE@PACE, as in 0.9@100ms")
    return share, _reader(pace, first_ns, "tokens")
