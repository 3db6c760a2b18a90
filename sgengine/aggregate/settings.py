"""What group figures depend on, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass

from sgengine.aggregate.selection import Selection
from sgengine.errors import UsageError
from sgengine.objectives import DEFAULT_BENEFIT, DEFAULT_READER, Benefit, Reader, Slo, Target
from sgengine.schema.enums import DENOMINATORS, ITL_RULES, POPULATIONS

DEFAULT_BY = ("system", "workload")


@dataclass(frozen=True, kw_only=True)
class SummarySettings:
    """Grouping, objectives and conventions of a summary (METRICS 5).

    ``by``: REQUESTS columns, dimensions, or ``hour`` and ``day`` (UTC, of arrivals on a unix clock).
    ``reader`` must be the one that the requests were measured with. ``duration_ns``: a T stated by
    the caller, for every group. ``pool_bytes``: memory for pooled ITL samples before they are counted
    in buckets and taken in further passes over the tokens. ``kept_bytes``: memory for the numbers of
    requests before they wait on disk. ``selection``: the part of each run whose requests are
    summarised; None: all of it.
    """

    by: tuple[str, ...] = DEFAULT_BY
    reader: Reader = DEFAULT_READER
    benefit: Benefit = DEFAULT_BENEFIT
    slo: Slo | None = None
    target: Target | None = None
    denominator: str = "all"
    population: str = "defined"
    itl_rule: str = "chunk"
    duration_ns: int | None = None
    selection: Selection | None = None
    pool_bytes: int = 256 << 20
    kept_bytes: int = 256 << 20

    def __post_init__(self) -> None:
        _one_of("denominator", self.denominator, DENOMINATORS)
        _one_of("population", self.population, POPULATIONS)
        _one_of("itl rule", self.itl_rule, ITL_RULES)
        if len(set(self.by)) != len(self.by):
            raise UsageError(f"by is {','.join(self.by)}: name each column once")
        if self.duration_ns is not None and self.duration_ns <= 0:
            raise UsageError(f"the duration is {self.duration_ns} ns: give more than 0")
        self._check_tokens_reader()

    def _check_tokens_reader(self) -> None:
        reader = self.slo.tokens_reader if self.slo else None
        if reader is None:
            return
        measured = (self.reader.first_ns, self.reader.pace_ns)
        if (reader.first_ns, reader.pace_ns) != measured:
            raise UsageError(
                "a tokens clause holds for the measured reader alone: give --speed "
                f"{1e9 / max(reader.pace_ns, 1):g} and --first-token {reader.first_ns}ns beside it"
            )


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{what} is '{value}': give one of {', '.join(allowed)}")
