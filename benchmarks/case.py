"""What a benchmark is made of: cases, what is timed; and budgets, what the times are held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Ratio = Literal["times", "times_least", "faster", "faster_each", "rate", "share", "seconds", "peak"]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A limit for the case that holds it; ``text`` says it as people read it, after the case's name.

    ``ratio`` is how it is measured, ``of`` names the cases it is measured against:

    ===============  =============================================================  ========
    ``times``        own median / sum of the medians of ``of``                      at most
    ``times_least``  own median / least median of ``of``                            at most
    ``faster``       least median of ``of`` / own median                            at least
    ``faster_each``  the same with medians divided by the cases' amounts            at least
    ``rate``         amount / own median, a second                                  at least
    ``share``        own bytes a second / bytes a second of ``of[0]``               at least
    ``seconds``      own median                                                     at most
    ``peak``         own peak memory in MiB                                         at most
    ===============  =============================================================  ========
    """

    text: str
    ratio: Ratio
    limit: float
    of: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing to time: ``amount`` tokens (or what ``unit`` says, if it does) go through ``action`` once.

    ``nbytes``: bytes that go through, where bytes a second mean something. ``against``: a case whose
    time is shown beside. ``repeats``: fewer than the run's, for what takes long. ``missing``: why it
    cannot be measured here. ``note``: shown after the name. An action that times itself, in another
    process, returns an ``Outcome``.
    """

    name: str
    amount: float
    action: Callable[[], Any]
    unit: str = "tokens"
    nbytes: int = 0
    against: str | None = None
    budgets: tuple[Budget, ...] = ()
    repeats: int | None = None
    missing: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an action measured itself: seconds, and if known the peak memory of its process in MiB."""

    seconds: float
    peak_mib: float | None = None


def missing(name: str, reason: str, budgets: tuple[Budget, ...] = ()) -> Case:
    """A case that cannot be measured here, and why: the table says so."""
    return Case(name=name, amount=0, action=lambda: None, missing=reason, budgets=budgets)
