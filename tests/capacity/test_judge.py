"""Capacity and best rate of given runs: by hand, and equal to the twin."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.capacity import BestRate, Capacity, RatedRun, best_rate_of_runs, capacity_of_runs
from tests.capacity import twins


def run(rate: float | None, share: float | None = None, smooth: Any = 0.0, **more: Any) -> RatedRun:
    """A run of 10 s; ``smooth``: its smooth goodput, or (min, max)."""
    low, high = smooth if isinstance(smooth, tuple) else (None, None)
    figures: dict[str, Any] = {
        "run": f"r{rate}",
        "rate": rate,
        "rate_source": "stated",
        "excluded": None if rate is not None else "closed loop",
        "requests": 10,
        "duration_s": 10.0,
        "output_throughput": 1.0,
        "slo_attainment": share,
        "slo_undetermined": 0,
        "request_goodput": None,
        "token_goodput": None,
        "smooth_goodput": None if isinstance(smooth, tuple) else smooth,
        "smooth_goodput_min": low,
        "smooth_goodput_max": high,
    }
    return RatedRun(**(figures | more))


SWEEP = [run(1.0, 0.99, 50.0), run(2.0, 0.95, 90.0), run(4.0, 0.9, 80.0), run(8.0, 0.2, -10.0)]


@pytest.mark.parametrize(
    ("least", "expected"),
    [
        (0.9, Capacity(verdict="found", rate=4.0)),
        (0.95, Capacity(verdict="found", rate=2.0)),
        (0.2, Capacity(verdict="open", at_least=8.0)),
        (1.0, Capacity(verdict="fails", below=1.0)),
    ],
)
def test_capacity_by_hand(least: float, expected: Capacity) -> None:
    """At, not above, the share passes; between two rates nothing is made up."""
    assert capacity_of_runs(SWEEP, least) == expected
    assert capacity_of_runs(SWEEP[::-1], least) == expected


def test_a_rate_that_passes_above_one_that_fails_is_no_capacity() -> None:
    runs = [run(1.0, 0.95), run(2.0, 0.5), run(4.0, 0.95)]
    assert capacity_of_runs(runs, 0.9) == Capacity(verdict="found", rate=1.0)


def test_of_several_runs_at_one_rate_all_must_pass() -> None:
    runs = [run(1.0, 0.95), run(2.0, 0.99), run(2.0, 0.89), run(4.0, 0.95)]
    assert capacity_of_runs(runs, 0.9) == Capacity(verdict="found", rate=1.0)


def test_an_undefined_share_passes_nothing() -> None:
    runs = [run(1.0, 0.95), run(2.0, None)]
    assert capacity_of_runs(runs, 0.9) == Capacity(verdict="found", rate=1.0)
    assert capacity_of_runs([run(1.0, None)], 0.9) == Capacity(verdict="no SLO")


def test_excluded_runs_say_nothing() -> None:
    runs = [*SWEEP, run(None, 0.0, 1000.0), run(0.5, 0.0, 1000.0, excluded="several rates")]
    assert capacity_of_runs(runs, 0.9) == capacity_of_runs(SWEEP, 0.9)
    assert best_rate_of_runs(runs) == best_rate_of_runs(SWEEP)
    assert capacity_of_runs([run(None)], 0.9) == Capacity(verdict="no run")
    assert best_rate_of_runs([run(None)]) == BestRate()


def test_capacity_per_gpu() -> None:
    assert Capacity(verdict="found", rate=6.0).per(4) == Capacity(verdict="found", rate=1.5)
    assert Capacity(verdict="open", at_least=6.0).per(2) == Capacity(verdict="open", at_least=3.0)
    assert Capacity(verdict="fails", below=6.0).per(3) == Capacity(verdict="fails", below=2.0)


def test_the_best_rate_by_hand() -> None:
    assert best_rate_of_runs(SWEEP) == BestRate(rate=2.0, smooth_goodput=90.0)


@pytest.mark.parametrize(
    ("values", "rate", "edge"),
    [
        ((3.0, 2.0, 1.0), 1.0, "lowest"),
        ((1.0, 2.0, 3.0), 4.0, "highest"),
        ((1.0, 3.0, 3.0), 2.0, None),
        ((3.0, 3.0, 3.0), 1.0, "lowest"),
        ((-3.0, -2.0, -2.5), 2.0, None),
    ],
)
def test_ties_go_to_the_lower_rate_and_edges_are_flagged(
    values: Sequence[float], rate: float, edge: str | None
) -> None:
    runs = [run(r, 1.0, v) for r, v in zip((1.0, 2.0, 4.0), values, strict=True)]
    found = best_rate_of_runs(runs)
    assert (found.rate, found.smooth_goodput, found.edge) == (rate, max(values), edge)
    assert best_rate_of_runs(runs[:1]) == BestRate(rate=1.0, smooth_goodput=values[0], edge="only")


def test_runs_at_one_rate_are_one_group() -> None:
    """(60 * 10 + 90 * 20) / 30 = 80: more than 79, less than the better of them alone."""
    runs = [run(1.0, 1.0, 79.0), run(2.0, 1.0, 60.0), run(2.0, 1.0, 90.0, duration_s=20.0)]
    assert best_rate_of_runs(runs) == BestRate(rate=2.0, smooth_goodput=80.0, edge="highest")
    runs[0] = run(1.0, 1.0, 80.0)
    assert best_rate_of_runs(runs).rate == 1.0


def test_bounds_decide_where_they_can() -> None:
    apart = [run(1.0, 1.0, (5.0, 9.0)), run(2.0, 1.0, (10.0, 20.0)), run(4.0, 1.0, 10.0)]
    assert best_rate_of_runs(apart) == BestRate(rate=2.0)
    overlap = [run(1.0, 1.0, (5.0, 10.0)), run(2.0, 1.0, (10.0, 20.0))]
    assert best_rate_of_runs(overlap) == BestRate()
    unknown = [run(1.0, 1.0, (None, None)), run(2.0, 1.0, 10.0)]
    assert best_rate_of_runs(unknown) == BestRate()
    assert best_rate_of_runs(unknown[:1]) == BestRate()
    assert best_rate_of_runs([run(1.0, 1.0, 5.0, duration_s=None)]) == BestRate()


# --- Against the twin ----------------------------------------------------------------------------

HALVES = st.integers(-40, 40).map(lambda k: Fraction(k, 2))


@st.composite
def swept(draw: st.DrawFn) -> list[twins.Run]:
    """Up to eight runs at a few rates; benefits exact, bounded or unknown; T a power of two."""
    runs = []
    for _ in range(draw(st.integers(0, 8))):
        requests = draw(st.integers(1, 40))
        bounds = sorted((draw(HALVES), draw(HALVES)))
        exact = (bounds[0], bounds[0])
        known = st.sampled_from([exact, exact, exact, (bounds[0], bounds[1]), None])
        runs.append(
            twins.Run(
                rate=draw(st.integers(1, 6).map(lambda k: Fraction(k, 2))),
                attained=draw(st.integers(0, requests)),
                requests=requests,
                length=draw(st.sampled_from([1, 2, 8])),
                benefit=draw(known) if draw(st.booleans()) else exact,
            )
        )
    return runs


def rated(each: twins.Run) -> RatedRun:
    """As the engine has it: rates a second, quotients rounded to doubles."""
    smooth: Any = (None, None)
    if each.benefit is not None:
        low, high = (float(benefit / each.length) for benefit in each.benefit)
        smooth = low if low == high else (low, high)
    share = each.attained / each.requests
    return run(float(each.rate), share, smooth, duration_s=float(each.length))


@given(swept(), st.integers(1, 100))
def test_capacity_equals_the_twin(runs: list[twins.Run], percent: int) -> None:
    found = capacity_of_runs([rated(each) for each in runs], percent / 100)
    verdict, rate = twins.capacity(runs, Fraction(percent, 100))
    assert found.verdict == verdict
    field = {"found": found.rate, "open": found.at_least, "fails": found.below, "no run": None}
    assert field[verdict] == (None if rate is None else float(rate))
    assert sum(v is not None for v in (found.rate, found.at_least, found.below)) == bool(runs)


@given(swept())
def test_the_best_rate_equals_the_twin(runs: list[twins.Run]) -> None:
    found = best_rate_of_runs([rated(each) for each in runs])
    wanted = twins.best_rate(runs) if runs else None
    if wanted is None:
        assert found == BestRate()
        return
    assert (found.rate, found.edge is not None) == (float(wanted[0]), wanted[1])
