"""The options that choose the part of each run whose requests count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sgengine.cli.commands import option
from sgengine.cli.words import STEADY

Decorator = Callable[[Any], Any]


def window_options(heading: str) -> tuple[Decorator, ...]:
    """``--window``, ``--trim`` and ``--steady``, under ``heading``; the library refuses two of them."""
    return (
        option(
            heading,
            "--window",
            metavar="START,END",
            help="Only requests that arrive from START to END, one of which may be left out: since each "
            "run's first arrival, in ms or with a unit, as in 10s,60s; or times of day, as in "
            "2026-01-31T12:00Z, or since 1970.  [default: all of each run]",
        ),
        option(
            heading,
            "--trim",
            metavar="START,END",
            help="Leave out each run's first START and last END, in ms or with a unit, as in 30s,10s.  "
            "[default: nothing]",
        ),
        option(
            heading,
            "--steady",
            metavar="[SHARE]",
            is_flag=False,
            flag_value=STEADY,
            help="Only the longest time of each run with SHARE or more of its most requests in flight; "
            f"{STEADY} if SHARE is left out.  [default: all of each run]",
        ),
    )
