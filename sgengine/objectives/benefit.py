"""Benefit of a request: its tokens less what its user's waiting costs (arXiv 2410.14257, Eq. 10)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sgengine.errors import UsageError
from sgengine.objectives.durations import format_duration, parse_duration_ns

PENALTIES = {
    "linear": "f = l in seconds",
    "quadratic": "f = l^2, l in seconds",
    "fraction": "f = n min(1, l / tau)",
    "exponential": "f = n (1 - exp(-l / tau))",
    "step": "f = n if l > 0, else 0",
}
"""The penalties f(l) by name. All are non-decreasing with f(0) = 0, which smooth goodput needs."""

NEEDS_TAU = ("fraction", "exponential")
DEFAULT_ALPHA = 2.5
"""Tokens a second waited, for ``linear`` alone: our reading of the paper's alpha = 2.5."""

MOST_ALPHA = 1e100
"""Sums of alpha f stay finite: f is at most 2e19, of 4.6e9 s squared, or the tokens of a request."""


@dataclass(frozen=True, kw_only=True)
class Benefit:
    """benefit = n - alpha * f(l'), with l' the user idle latency plus, if not ok, ``unfinished_idle_ns``.

    ``alpha``, from 0 to MOST_ALPHA, has a default only for ``linear``; ``tau_ns`` > 0 is needed by
    ``fraction`` and ``exponential`` and refused elsewhere. UsageError otherwise.
    """

    penalty: str = "linear"
    alpha: float = math.nan
    tau_ns: int | None = None
    unfinished_idle_ns: int = 0

    def __post_init__(self) -> None:
        if self.penalty not in PENALTIES:
            raise UsageError(f"penalty is '{self.penalty}': give one of {', '.join(PENALTIES)}")
        self._check_alpha()
        self._check_tau()
        if not 0 <= self.unfinished_idle_ns <= 2**62:
            raise UsageError(f"unfinished idle is {self.unfinished_idle_ns} ns: give 0 or more")

    def _check_alpha(self) -> None:
        if math.isnan(self.alpha):
            if self.penalty != "linear":
                raise UsageError(
                    f"penalty {self.penalty} has no default alpha: give one (--alpha 1)"
                )
            object.__setattr__(self, "alpha", DEFAULT_ALPHA)
        if not 0 <= self.alpha <= MOST_ALPHA:
            raise UsageError(
                f"alpha is {self.alpha}: give a number of 0 or more, up to {MOST_ALPHA:g}"
            )

    def _check_tau(self) -> None:
        needed = self.penalty in NEEDS_TAU
        if needed and (self.tau_ns is None or self.tau_ns <= 0):
            raise UsageError(
                f"penalty {self.penalty} needs a tau above 0, as in {self.penalty}:10s"
            )
        if not needed and self.tau_ns is not None:
            raise UsageError(f"penalty {self.penalty} takes no tau: leave it out")

    def describe(self) -> str:
        """One line for people."""
        tau = "" if self.tau_ns is None else f", tau = {format_duration(self.tau_ns)}"
        idle = self.unfinished_idle_ns
        unfinished = f", unfinished idle {format_duration(idle)}" if idle else ""
        return (
            f"{self.penalty} ({PENALTIES[self.penalty]}), alpha = {self.alpha:g}{tau}{unfinished}"
        )


def parse_penalty(text: str) -> tuple[str, int | None]:
    """``NAME[:TAU]`` as a penalty's name and tau in ns; a bare tau is in ms. UsageError otherwise."""
    name, colon, tau = text.partition(":")
    if not colon:
        return name, None
    return name, parse_duration_ns(tau, f"tau of penalty {name}")


DEFAULT_BENEFIT = Benefit()
