"""From where on abandoning pays, and from where on it stops to (METRICS 5, audits).

With the penalty ``linear`` the benefit of a group changes by alpha (D - U C) - L: L tokens are lost, D
seconds of waiting are spared, and C requests that were ok are not any more, U being
``unfinished_idle``. For one request whose reader waits no more that is the rule of METRICS 5: it gains
exactly if alpha (l - U) exceeds the tokens lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sgengine.audit.effects import NS_PER_S, Effects
from sgengine.objectives import Benefit


@dataclass(frozen=True, kw_only=True)
class BreakEven:
    """Where the change of a group's benefit is 0; in tokens, tokens a second, and seconds.

    ``benefit_change``: at the alpha and U of the audit. ``alpha``: smooth goodput rises for every
    alpha above it, at that U; None: for none, or unknown. ``unfinished_idle_s``: it rises for every U
    below it, at that alpha; None: for none, for all, or unknown. ``closed_s``: the least U at which no
    request gains; None where none depends on U. ``words``: the same as sentences.
    """

    benefit_change: float | None = None
    alpha: float | None = None
    unfinished_idle_s: float | None = None
    closed_s: float | None = None
    words: tuple[str, ...] = ()


def break_even(effects: Effects, benefit: Benefit) -> BreakEven:
    """Of a group's ``effects`` under ``benefit``; rounded once, from exact fractions."""
    if effects.unknown:
        return BreakEven(
            words=(f"unknown: {effects.unknown} changed requests have no idle latency",)
        )
    if not effects.cut:
        return BreakEven(
            benefit_change=float(effects.benefit_change), words=("nothing was abandoned",)
        )
    if benefit.penalty == "linear":
        return _linear(effects, benefit)
    return _other(effects, benefit)


def _spared(effects: Effects, benefit: Benefit) -> Fraction:
    """D - U C, in seconds."""
    charged = benefit.unfinished_idle_ns * effects.unfinished
    return Fraction(effects.spared_ns - charged, NS_PER_S)


def _linear(effects: Effects, benefit: Benefit) -> BreakEven:
    spared = _spared(effects, benefit)
    alpha = Fraction(effects.lost_tokens) / spared if spared > 0 else None
    idle = _idle(effects, benefit)
    closed = effects.widest_ns
    return BreakEven(
        benefit_change=float(effects.benefit_change),
        alpha=None if alpha is None else float(alpha),
        unfinished_idle_s=float(idle) if idle is not None and idle > 0 else None,
        closed_s=None if closed is None else float(max(closed, Fraction(0)) / NS_PER_S),
        words=(_of_alpha(alpha), _of_idle(effects, benefit, idle)),
    )


def _idle(effects: Effects, benefit: Benefit) -> Fraction | None:
    """The U at which nothing changes; None where no U does that."""
    if benefit.alpha == 0 or not effects.unfinished:
        return None
    worth = effects.lost_tokens / Fraction(benefit.alpha)
    return (Fraction(effects.spared_ns, NS_PER_S) - worth) / effects.unfinished


def _of_alpha(alpha: Fraction | None) -> str:
    if alpha is None:
        return "pays at no alpha: it spares no waiting beyond the unfinished idle"
    return f"pays at every alpha above {float(alpha):.6g}"


def _of_idle(effects: Effects, benefit: Benefit, idle: Fraction | None) -> str:
    at = f"at alpha {benefit.alpha:g}"
    if idle is None:
        pays = effects.benefit_change > 0
        return f"{at} {'pays' if pays else 'does not pay'}, whatever the unfinished idle"
    if idle <= 0:
        return f"{at} pays at no unfinished idle"
    return f"{at} pays while the unfinished idle is below {float(idle):.6g} s"


def _other(effects: Effects, benefit: Benefit) -> BreakEven:
    """f is not linear in l, but the benefit still is in alpha: its change is alpha F - L."""
    change, lost = effects.benefit_change, effects.lost_tokens
    alpha = Fraction(benefit.alpha)
    spared = (change + lost) / alpha if alpha else None
    even = lost / spared if spared is not None and spared > 0 else None
    words = _of_alpha(even) if alpha else "unknown: alpha is 0"
    return BreakEven(
        benefit_change=float(change), alpha=None if even is None else float(even), words=(words,)
    )
