"""Options with as many words behind them as there are: ``--goodput ttft:500 tpot:50``, ``--steady``.

click gives an option a fixed number of words, so they are joined to one before it looks: the first
word behind ``--goodput`` or ``--abandon`` is always a clause, further ones while they read as clauses.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from sgengine.objectives.slo import ALIASES

FLAGS = ("--goodput", "--abandon")

STEADY_FLAG = "--steady"
STEADY = "0.8"
"""The share that ``--steady`` alone means."""

_CLAUSE = re.compile(r"(\w+):([^\s:/=*?\[\]]+)")
_NAMES = frozenset({*ALIASES, "itl"})  # itl is refused with advice, but is no file either
_NUMBER = re.compile(r"[.\d]")


def joined(arguments: Sequence[str]) -> list[str]:
    """``arguments`` with the clauses behind each of ``FLAGS`` in one word, ``--goodput=A B``."""
    done: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            return [*done, word, *waiting]
        flag, equals, first = word.partition("=")
        is_alone = not equals and bool(waiting) and not waiting[0].startswith("-")
        if flag in FLAGS and (equals or is_alone):
            first = waiting.pop(0) if is_alone else first
            word = f"{flag}={' '.join([first, *_clauses(waiting)])}"
        done.append(word)
    return done


def with_share(arguments: Sequence[str]) -> list[str]:
    """``arguments`` with the share behind ``--steady``, if there is none: click would take an input."""
    done: list[str] = []
    for i, word in enumerate(arguments):
        if word == "--":
            return [*done, *arguments[i:]]
        follows = i > 0 and arguments[i - 1] == STEADY_FLAG
        if follows and _NUMBER.match(word) and not _exists(word):
            done[-1] = f"{STEADY_FLAG}={word}"
        else:
            done.append(f"{STEADY_FLAG}={STEADY}" if word == STEADY_FLAG else word)
    return done


def _clauses(waiting: list[str]) -> list[str]:
    """The clauses that ``waiting`` begins with, taken out of it."""
    taken = []
    while waiting and is_clause(waiting[0]):
        taken.append(waiting.pop(0))
    return taken


def is_clause(word: str) -> bool:
    """Whether ``word`` reads as clauses, split by commas or blanks, and is no file."""
    parts = word.replace(",", " ").split()
    return bool(parts) and all(_reads_as_clause(part) for part in parts) and not _exists(word)


def _reads_as_clause(text: str) -> bool:
    """NAME:VALUE of a known name; of an unknown one (to be refused by name) only with a number."""
    match = _CLAUSE.fullmatch(text)
    if match is None:
        return False
    return match[1].lower() in _NAMES or _NUMBER.match(match[2]) is not None


def _exists(word: str) -> bool:
    try:
        return os.path.lexists(word)
    except ValueError:
        return False
