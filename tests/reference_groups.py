"""The slow, obvious twin of a group's figures: docs/metrics.md, section 5."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from tests.reference_slo import (
    NS_PER_S,
    Benefit,
    Clause,
    Row,
    attains,
    has_open_clause,
    row_benefit,
)

STATUSES = ("ok", "failed", "timeout", "rejected", "cancelled", "incomplete")

QUANTILES = {
    "p50": Fraction(1, 2),
    "p90": Fraction(9, 10),
    "p95": Fraction(95, 100),
    "p99": Fraction(99, 100),
    "p99_9": Fraction(999, 1000),
}

DISTRIBUTIONS = {
    "ttft_ms": "ttft_ns",
    "tpot_ms": "tpot_ns",
    "e2e_latency_ms": "e2e_latency_ns",
    "user_idle_latency_ms": "user_idle_latency_ns",
}


# --- The window T --------------------------------------------------------------------------------


def span_ns(rows: Sequence[Row]) -> int | None:
    """Section 5, T (d): from the run's first arrival to its last sign of life.

    A request with neither a last chunk nor an end was last heard of at its arrival.
    """
    known = [row for row in rows if row["arrival_ns"] is not None]
    if not known:
        return None
    starts: list[int] = [row["arrival_ns"] for row in known]
    ends: list[int] = [row["arrival_ns"] + _last_sign(row) for row in known]
    return max(ends) - min(starts)


def _last_sign(row: Row) -> int:
    """Section 5, T (d): max(last chunk, end), since arrival; 0 if neither is known."""
    return max(row["last_chunk_ns"] or 0, row["end_ns"] or 0)


def window_ns(
    runs: Mapping[str, Sequence[Row]],
    run_stated_ns: Mapping[str, int | None] | None = None,
    stated_ns: int | None = None,
    time_slice: tuple[int, int] | None = None,
) -> tuple[int | None, str]:
    """Section 5, T: the first rule that applies, and which it was.

    ``runs`` holds every row of every run the group touches, also rows that are not of the group.
    """
    if stated_ns is not None:
        return stated_ns, "stated"
    if time_slice is not None:
        return time_slice[1] - time_slice[0], "slice"
    parts = [_run_window(rows, (run_stated_ns or {}).get(run)) for run, rows in runs.items()]
    lengths = [length for length, _ in parts]
    sources = sorted({source for _, source in parts})
    known = [length for length in lengths if length is not None]
    total = sum(known) if known and len(known) == len(lengths) else None
    return total, "+".join(sources)


def _run_window(rows: Sequence[Row], stated_ns: int | None) -> tuple[int | None, str]:
    """Section 5, T (c) and (d): one run's window."""
    return (span_ns(rows), "span") if stated_ns is None else (stated_ns, "run")


def rate(amount: Fraction | int | None, window: int | None) -> float | None:
    """Section 5: amount a second; undefined where T is unknown or 0."""
    if amount is None or not window:
        return None
    return float(Fraction(amount) * NS_PER_S / window)


# --- Distributions -------------------------------------------------------------------------------


def quantile(ordered: Sequence[Fraction], q: Fraction) -> Fraction:
    """Section 5: linear interpolation between order statistics."""
    place = (len(ordered) - 1) * q
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def distribution(values: Sequence[Fraction | int | float]) -> dict[str, float | int | None]:
    """Section 5: count, mean, std (ddof 0), percentiles, min and max."""
    out: dict[str, float | int | None] = {"count": len(values), "mean": None, "std": None}
    out |= dict.fromkeys([*QUANTILES, "min", "max"])
    if not values:
        return out
    ordered = sorted(Fraction(value) for value in values)
    mean = sum(ordered) / len(ordered)
    variance = sum((value - mean) ** 2 for value in ordered) / len(ordered)
    out |= {"mean": float(mean), "std": math.sqrt(variance)}
    out |= {name: float(quantile(ordered, q)) for name, q in QUANTILES.items()}
    return out | {"min": float(ordered[0]), "max": float(ordered[-1])}


def _distributions(rows: Sequence[Row], itl: Sequence[Sequence[Fraction]]) -> dict[str, Any]:
    """Section 5: the five distributions, in ms, over the rows that have the value."""
    out: dict[str, Any] = {}
    for name, column in DISTRIBUTIONS.items():
        known = [row[column] for row in rows if row[column] is not None]
        out[name] = distribution([Fraction(value) / 10**6 for value in known])
    out["itl_ms"] = distribution([sample / 10**6 for samples in itl for sample in samples])
    return out


# --- Sums ----------------------------------------------------------------------------------------


def total(values: Sequence[Fraction | int | None]) -> Fraction | int | None:
    """Section 5: a sum, undefined if any part is: never a sum over the rest."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _late(row: Row) -> int | None:
    """Section 5: a request's late tokens, 0 for a request without tokens."""
    return 0 if row["n_output_tokens"] == 0 else row["late_tokens"]


def _input(row: Row) -> int | None:
    """Section 5, total_throughput: the input tokens that count, those of requests with n >= 1."""
    return 0 if row["n_output_tokens"] == 0 else row["n_input_tokens"]


def _throughputs(rows: Sequence[Row], window: int | None) -> dict[str, float | None]:
    """Section 5: what was served a second."""
    finished = sum(row["status"] == "ok" for row in rows)
    out_tokens = total([row["n_output_tokens"] for row in rows])
    in_tokens = total([_input(row) for row in rows])
    both = None if out_tokens is None or in_tokens is None else out_tokens + in_tokens
    return {
        "request_throughput": rate(finished, window),
        "output_throughput": rate(out_tokens, window),
        "total_throughput": rate(both, window),
    }


def _token_figures(rows: Sequence[Row], window: int | None) -> dict[str, float | None]:
    """Section 5: token_attainment and on_time_token_goodput, for the measured reader."""
    n = total([row["n_output_tokens"] for row in rows])
    late = total([_late(row) for row in rows])
    if n is None or late is None:
        return {"token_attainment": None, "on_time_token_goodput": None}
    attainment = float(1 - Fraction(late, n)) if n else None
    return {"token_attainment": attainment, "on_time_token_goodput": rate(n - late, window)}


def _chunks_per_token(rows: Sequence[Row]) -> float | None:
    """Section 2: chunks / tokens over the rows where both are known, printed beside ITL."""
    known = [row for row in rows if row["n_chunks"] is not None and row["n_output_tokens"]]
    if not known:
        return None
    chunks: int = sum(row["n_chunks"] for row in known)
    tokens: int = sum(row["n_output_tokens"] for row in known)
    return chunks / tokens


def _smooth(
    rows: Sequence[Row], window: int | None, spec: Benefit, unfinished_ns: int
) -> dict[str, float | None]:
    """Section 5: smooth_goodput over all requests; bounds only where it is undefined."""
    exact = total([row_benefit(row, spec, unfinished_ns) for row in rows])
    out = {"smooth_goodput": rate(exact, window)}
    for bound in ("min", "max"):
        parts = [row_benefit(row, spec, unfinished_ns, bound) for row in rows]
        sum_of = None if exact is not None else total(parts)
        out[f"smooth_goodput_{bound}"] = rate(sum_of, window)
    return out


# --- SLOs ----------------------------------------------------------------------------------------


def in_denominator(row: Row, clauses: Sequence[Clause], denominator: str) -> bool:
    """Section 5: whether slo_attainment counts this request; no status says "never sent"."""
    keep: dict[str, Callable[[], bool]] = {
        "all": lambda: True,
        "sent": lambda: True,
        "completed": lambda: row["status"] == "ok",
        "determined": lambda: (
            row["status"] not in ("cancelled", "incomplete") and not has_open_clause(row, clauses)
        ),
    }
    return keep[denominator]()


def _slo(
    rows: Sequence[Row], window: int | None, clauses: Sequence[Clause], denominator: str
) -> dict[str, Any]:
    """Section 5: attainment and the goodputs that rest on it; all undefined without an SLO."""
    names = ("attained", "slo_undetermined", "slo_attainment", "request_goodput", "token_goodput")
    if not clauses:
        return dict.fromkeys(names)
    good = [row for row in rows if attains(row, clauses) is True]
    members = [row for row in rows if in_denominator(row, clauses, denominator)]
    attained = sum(attains(row, clauses) is True for row in members)
    return {
        "attained": len(good),
        "slo_undetermined": sum(has_open_clause(row, clauses) for row in rows),
        "slo_attainment": attained / len(members) if members else None,
        "request_goodput": rate(len(good), window),
        "token_goodput": rate(total([row["n_output_tokens"] for row in good]), window),
    }


# --- All of it -----------------------------------------------------------------------------------


def summarize(
    rows: Sequence[Row],
    *,
    window: int | None,
    clauses: Sequence[Clause] = (),
    spec: Benefit | None = None,
    unfinished_ns: int = 0,
    denominator: str = "all",
    population: str = "defined",
    itl: Sequence[Sequence[Fraction]] | None = None,
) -> dict[str, Any]:
    """Section 5: every figure of one group of REQUESTS rows, capacity and best_rate aside.

    ``itl`` holds the samples of each row, in the order of the rows, under the chosen chunk rule.
    """
    samples = [()] * len(rows) if itl is None else itl
    chosen = [
        (row, part)
        for row, part in zip(rows, samples, strict=True)
        if population == "defined" or row["status"] == "ok"
    ]
    out: dict[str, Any] = {
        "requests": len(rows),
        "status": {name: sum(row["status"] == name for row in rows) for name in STATUSES},
        "duration_s": None if window is None else window / NS_PER_S,
        "chunks_per_token": _chunks_per_token(rows),
    }
    out |= _throughputs(rows, window) | _token_figures(rows, window)
    out |= _slo(rows, window, clauses, denominator)
    out |= _smooth(rows, window, spec or Benefit(), unfinished_ns)
    return out | _distributions([row for row, _ in chosen], [part for _, part in chosen])
