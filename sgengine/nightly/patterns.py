"""Patterns of files with a day in them: checked once, and filled in for each day."""

from __future__ import annotations

import glob
import os
from datetime import date
from pathlib import Path
from string import Formatter

_PROBE = date(2026, 1, 31)
NEEDED = "a path or a glob, with {day} or {day:%Y/%m/%d} where the day stands"


def is_pattern(text: str) -> bool:
    """Whether ``text`` has no braces but those of ``{day}``, with a format of dates or without."""
    try:
        fields = [
            (name, turned) for _, name, _, turned in Formatter().parse(text) if name is not None
        ]
        return all(field == ("day", None) for field in fields) and bool(filled(text, _PROBE))
    except (ValueError, KeyError, IndexError):
        return False


def has_day(pattern: str) -> bool:
    """Whether the pattern differs from day to day."""
    return any(name is not None for _, name, _, _ in Formatter().parse(pattern))


def filled(pattern: str, day: date) -> str:
    """The pattern for one day; ``{day}`` is 2026-01-31."""
    return pattern.format(day=day)


def matches(path: str) -> tuple[str, ...]:
    """The files of a path or glob, sorted, with those in folders; hidden names are left out."""
    found: set[str] = set()
    for match in glob.glob(path, recursive=True):  # noqa: PTH207 - Path.glob refuses /a/*
        if Path(match).is_dir():
            found.update(_inside(match))
        else:
            found.add(match)
    return tuple(sorted(found))


def _inside(folder: str) -> list[str]:
    found = []
    for inner, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [str(Path(inner, name)) for name in names if not name.startswith(".")]
    return found
