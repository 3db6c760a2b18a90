"""What the brute-force tests share: settings and arguments from the twin's value classes, scales."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from tests.reference_groups import STATUSES, window_ns
from tests.reference_slo import Clause, row_benefit
from tests.sql.support import (
    MS,
    S,
    differences,
)
from tests.strategies import HOUR, clauses, deliveries

TRACES = deliveries(max_size=10)
STATED = st.fixed_dictionaries(
    {run: st.one_of(st.none(), st.just(0), st.integers(1, 100 * S)) for run in ("a", "b")}
)
SPEEDS = st.sampled_from((0.5, 3.0, 5.0, 7.5, 20.0, 1e6, 1e9, 4e9))
UNFINISHED_S = st.sampled_from((0, 3, 600))
LIMITS = st.one_of(st.just(0), st.integers(0, 600 * MS), st.integers(0, HOUR))


@st.composite
def conjunctions(draw: st.DrawFn, reader=None) -> list[Clause]:
    """Up to three clauses of different kinds."""
    return draw(st.lists(clauses(reader), max_size=3, unique_by=lambda clause: clause.kind))


def clause_settings(some):
    """The columns of measured_settings that state these clauses."""
    found = {}
    for clause in some:
        if clause.kind == "pace":
            found |= {"pace_first_ns": clause.reader[0], "pace_ns": clause.reader[1]}
        elif clause.kind == "tokens":
            num, den = clause.share.as_integer_ratio()
            found |= {"tokens_share_num": num, "tokens_share_den": den}
        else:
            found[f"max_{clause.kind}_ns"] = clause.limit_ns
    return found


def benefit_settings(spec, unfinished_s):
    """The columns of measured_settings that state this benefit function."""
    return {
        "penalty": spec.shape,
        "alpha": float(spec.alpha),
        "tau_s": None if spec.tau_s is None else float(spec.tau_s),
        "unfinished_idle_s": float(unfinished_s),
    }


def benefit_arguments(spec, unfinished_s):
    """The same as arguments of a macro."""
    tau = "" if spec.tau_s is None else f", tau_s := {float(spec.tau_s)}"
    alpha = f"alpha := {float(spec.alpha)}, penalty := '{spec.shape}'"
    return f"{alpha}{tau}, unfinished_idle_s := {unfinished_s}"


def clause_arguments(limits):
    """SLO clauses as arguments of a macro: ms, exact to the ns below an hour."""
    return ", ".join(f"max_{kind}_ms := {ns / MS!r}" for kind, ns in limits.items())


def window_of(rows, every, stated, time_slice=None):
    """T of some rows among all, in ns; None where it is unknown or 0."""
    runs = {row["run"]: [r for r in every if r["run"] == row["run"]] for row in rows}
    return window_ns(runs, stated, time_slice=time_slice)[0] or None


def flat(figures):
    """The twin's figures under the names of the by_* views."""
    found = {f"n_{status}": figures["status"][status] for status in STATUSES}
    for name in ("ttft", "tpot", "e2e_latency", "user_idle_latency"):
        part = dict(figures[f"{name}_ms"])
        found[f"n_{name}"] = part.pop("count")
        found |= {f"{name}_{statistic}_ms": value for statistic, value in part.items()}
    plain = {key: value for key, value in figures.items() if not isinstance(value, dict)}
    plain["undetermined"] = plain.pop("slo_undetermined")
    return found | plain


def magnitude(rows, spec, unfinished_s, window):
    """How large the terms of the sums are that may cancel: what errors are relative to."""
    parts = [
        row_benefit(row, spec, unfinished_s * S, bound) for row in rows for bound in ("", "min")
    ]
    tokens = sum(row["n_output_tokens"] or 0 for row in rows)
    largest = sum(abs(part) for part in parts if part is not None) + tokens
    return float(largest * S / window) if window else 0.0


def check(actual, expected, scales):
    """Both equal, each difference relative to the scale of its column where it has one."""
    wrong = {
        name: pair
        for name, pair in differences(actual, expected).items()
        if differences(actual, {name: expected[name]}, scales(name))
    }
    assert not wrong


def scale_of(rows, spec, unfinished_s, window) -> Callable[[str], float]:
    """The scale of each column: std and benefit are differences of larger numbers."""
    largest = magnitude(rows, spec, unfinished_s, window)
    times = [row[name] or 0 for row in rows for name in ("e2e_latency_ns", "user_idle_latency_ns")]
    longest = max(times, default=0) / MS

    def scale(name: str) -> float:
        if name.startswith("smooth_goodput"):
            return largest
        return longest if name.endswith("_std_ms") else 0.0

    return scale
