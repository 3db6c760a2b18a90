"""Benefit functions and SLO clauses, one request at a time: docs/metrics.md, sections 3 and 5."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.reference import idle_of_points

Row = Mapping[str, Any]

NS_PER_S = 10**9


@dataclass(frozen=True, kw_only=True)
class Benefit:
    """Section 5, benefit: which f, its weight alpha, and tau (seconds) where f has one."""

    shape: str = "linear"
    alpha: Fraction = Fraction(5, 2)
    tau_s: Fraction | None = None


@dataclass(frozen=True, kw_only=True)
class Clause:
    """Section 3: one SLO clause, e.g. ``ttft:T`` has kind "ttft" and limit_ns T.

    For ``pace`` and ``tokens`` the limit is V, and first_ns is D (None: D = V); share is Q.
    """

    kind: str
    limit_ns: int
    first_ns: int | None = None
    share: Fraction = Fraction(1)

    @property
    def reader(self) -> tuple[int, int]:
        """Section 3: (d_1, V) of a ``pace`` or ``tokens`` clause."""
        return self.limit_ns if self.first_ns is None else self.first_ns, self.limit_ns


def penalty(spec: Benefit, n: int, idle_ns: int) -> Fraction:
    """Section 5: f(l') of a request of n tokens; the exponential is rounded to a double."""
    idle = Fraction(idle_ns, NS_PER_S)
    if spec.shape == "linear":
        return idle
    if spec.shape == "quadratic":
        return idle**2
    if spec.shape == "step":
        return Fraction(n if idle > 0 else 0)
    assert spec.tau_s is not None, "fraction and exponential need tau"
    if spec.shape == "fraction":
        return n * min(Fraction(1), idle / spec.tau_s)
    if spec.shape == "exponential":
        return n * Fraction(-math.expm1(-float(idle / spec.tau_s)))
    raise ValueError(spec.shape)


def benefit(spec: Benefit, n: int, idle_ns: int) -> Fraction:
    """Section 2: n - alpha f(l'), given l' in ns."""
    return n - spec.alpha * penalty(spec, n, idle_ns)


def row_benefit(row: Row, spec: Benefit, unfinished_ns: int, bound: str = "") -> Fraction | None:
    """Section 2: the benefit of a REQUESTS row; ``bound`` is "", "min" or "max", of the benefit.

    An exact idle latency serves for both bounds; otherwise the least benefit comes from the
    greatest idle latency, and the other way round.
    """
    n = row["n_output_tokens"]
    if n is None:
        return None
    idle = 0 if n == 0 else row["user_idle_latency_ns"]
    if idle is None and bound:
        other = {"min": "max", "max": "min"}[bound]
        idle = row[f"user_idle_latency_ns_{other}"]
    if idle is None:
        return None
    return benefit(spec, n, idle + (0 if row["status"] == "ok" else unfinished_ns))


def clause_holds(row: Row, clause: Clause) -> bool | None:
    """Section 3: whether a REQUESTS row keeps a clause; None where its timing leaves it open.

    A request without tokens keeps no clause: that is decided, whatever its times.
    """
    if row["n_output_tokens"] == 0:
        return False
    if clause.kind == "ttft":
        return _at_most(row["ttft_ns"], clause.limit_ns)
    if clause.kind == "e2e":
        return _at_most(row["e2e_latency_ns"], clause.limit_ns)
    decide = {"tbt": _tbt, "tpot": _tpot, "pace": _pace, "tokens": _tokens}[clause.kind]
    return decide(row, clause)


def _at_most(value: int | None, limit: int) -> bool | None:
    """Section 3: value <= limit, open where there is no value."""
    return None if value is None else value <= limit


def _span(row: Row) -> int | None:
    """Section 2: t_n - t_1."""
    first, last = row["ttft_ns"], row["e2e_latency_ns"]
    return None if first is None or last is None else last - first


def _tbt(row: Row, clause: Clause) -> bool | None:
    """Section 3: every gap between chunks <= G; one chunk passes.

    Without chunk times the gaps sum to the span: none is longer, and the longest of at most
    n - 1 is not shorter than their mean.
    """
    n, span = row["n_output_tokens"], _span(row)
    if row["n_chunks"] == 1 or (n == 1 and row["n_chunks"] is None):
        return True
    if row["n_chunks"] is not None:
        return _at_most(row["itl_max_ns"], clause.limit_ns)
    if span is None:
        return None
    if span <= clause.limit_ns:
        return True
    return False if n is not None and span > clause.limit_ns * (n - 1) else None


def _tpot(row: Row, clause: Clause) -> bool | None:
    """Section 3: t_n - t_1 <= P (n - 1); one token passes."""
    n, span = row["n_output_tokens"], _span(row)
    if n == 1:
        return True
    return None if n is None or span is None else span <= clause.limit_ns * (n - 1)


def _pace(row: Row, clause: Clause) -> bool | None:
    """Section 3: no idle latency at the clause's reader; bounds decide it where they can."""
    if row["envelope"] is not None:
        return idle_of_points(row["envelope"], *clause.reader) == 0
    least, most = row["envelope_min"], row["envelope_max"]
    if most is not None and idle_of_points(most, *clause.reader) == 0:
        return True
    if least is not None and idle_of_points(least, *clause.reader) > 0:
        return False
    return None


def _tokens(row: Row, clause: Clause) -> bool | None:
    """Section 3: n - late_tokens >= Q n, only for the reader that late_tokens was counted with."""
    if (row["reader_first_ns"], row["reader_pace_ns"]) != clause.reader:
        raise ValueError("late_tokens was counted with another reader (section 4)")
    n, late = row["n_output_tokens"], row["late_tokens"]
    return None if n is None or late is None else n - late >= clause.share * n


def attains(row: Row, clauses: Sequence[Clause]) -> bool | None:
    """Section 3: ok, n >= 1 and every clause holds; None where only open clauses prevent it."""
    if row["status"] != "ok" or row["n_output_tokens"] == 0:
        return False
    results = [clause_holds(row, clause) for clause in clauses]
    if False in results:
        return False
    return None if None in results else True


def has_open_clause(row: Row, clauses: Sequence[Clause]) -> bool:
    """Section 3: whether some clause is undetermined for this row, whatever its status."""
    return any(clause_holds(row, clause) is None for clause in clauses)
