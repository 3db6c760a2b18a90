"""Benefit functions: what is allowed of alpha and tau, their spelling, and their shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.aggregate.benefits import penalty
from sgengine.errors import UsageError
from sgengine.objectives import DEFAULT_BENEFIT, PENALTIES, Benefit, parse_penalty

SECOND = 10**9
NEEDS_TAU = ("fraction", "exponential")


def benefit(name: str, alpha: float = 1.0) -> Benefit:
    return Benefit(penalty=name, alpha=alpha, tau_ns=2 * SECOND if name in NEEDS_TAU else None)


def test_the_default_is_linear_with_two_and_a_half_tokens_a_second() -> None:
    assert DEFAULT_BENEFIT.penalty == "linear"
    assert DEFAULT_BENEFIT.alpha == 2.5
    assert DEFAULT_BENEFIT.unfinished_idle_ns == 0
    assert Benefit() == DEFAULT_BENEFIT


@pytest.mark.parametrize("name", [name for name in PENALTIES if name != "linear"])
def test_only_linear_has_a_default_alpha(name: str) -> None:
    with pytest.raises(UsageError, match=f"penalty {name} has no default alpha"):
        Benefit(penalty=name, tau_ns=SECOND if name in NEEDS_TAU else None)


@pytest.mark.parametrize(
    ("given_values", "message"),
    [
        ({"alpha": -0.1}, "alpha is -0.1: give a number of 0 or more"),
        ({"alpha": math.inf}, "alpha is inf"),
        ({"alpha": 1e101}, "up to 1e.100"),  # sums of alpha f would be infinite
        ({"penalty": "cubic"}, "penalty is 'cubic': give one of linear, quadratic"),
        ({"penalty": "fraction", "alpha": 1.0}, "needs a tau above 0"),
        ({"penalty": "exponential", "alpha": 1.0, "tau_ns": 0}, "needs a tau above 0"),
        ({"penalty": "exponential", "alpha": 1.0, "tau_ns": -5}, "needs a tau above 0"),
        ({"tau_ns": 5}, "penalty linear takes no tau"),
        ({"penalty": "step", "alpha": 1.0, "tau_ns": 5}, "penalty step takes no tau"),
        ({"unfinished_idle_ns": -1}, "unfinished idle is -1 ns"),
        ({"unfinished_idle_ns": 2**62 + 1}, "unfinished idle is"),
    ],
    ids=range(11),
)
def test_a_benefit_that_means_nothing_is_refused(
    given_values: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Benefit(**given_values)


def test_alpha_0_is_allowed() -> None:
    assert Benefit(alpha=0.0).alpha == 0.0


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("linear", ("linear", None)),
        ("fraction:10s", ("fraction", 10 * SECOND)),
        ("exponential:500", ("exponential", SECOND // 2)),
        ("anything:1ns", ("anything", 1)),
    ],
)
def test_a_penalty_is_named_with_its_tau(text: str, parsed: tuple[str, int | None]) -> None:
    assert parse_penalty(text) == parsed


@pytest.mark.parametrize("text", ["fraction:", "fraction:x", "fraction:1m"])
def test_a_tau_that_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="tau of penalty fraction"):
        parse_penalty(text)


def test_a_benefit_describes_its_formula_and_parameters() -> None:
    assert DEFAULT_BENEFIT.describe() == "linear (f = l in seconds), alpha = 2.5"
    whole = Benefit(
        penalty="fraction", alpha=1.0, tau_ns=10 * SECOND, unfinished_idle_ns=2 * SECOND
    )
    assert whole.describe() == (
        "fraction (f = n min(1, l / tau)), alpha = 1, tau = 10s, unfinished idle 2s"
    )


@pytest.mark.parametrize("name", list(PENALTIES))
def test_no_wait_costs_nothing(name: str) -> None:
    assert penalty(np.array([7.0]), np.zeros(1), benefit(name)).tolist() == [0.0]


@pytest.mark.parametrize("name", list(PENALTIES))
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(0, 10**15), min_size=2, max_size=8).map(sorted),
)
def test_a_longer_wait_never_costs_less(name: str, n: int, idle: list[int]) -> None:
    costs = penalty(np.full(len(idle), float(n)), np.array(idle) / 1e9, benefit(name))
    assert (np.diff(costs) >= -1e-12 * n).all()


@pytest.mark.parametrize(
    ("name", "cost"),
    [
        ("linear", 3.0),
        ("quadratic", 9.0),
        ("fraction", 8.0),
        ("exponential", 8 * (1 - math.exp(-1.5))),
        ("step", 8.0),
    ],
)
def test_three_seconds_cost_eight_tokens_what_the_formula_says(name: str, cost: float) -> None:
    """tau is 2 s."""
    found = penalty(np.array([8.0]), np.array([3.0]), benefit(name))
    assert found[0] == pytest.approx(cost, rel=1e-15)
