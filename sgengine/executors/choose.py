"""The executor that ``--on`` names."""

from __future__ import annotations

import os

from sgengine.errors import UsageError
from sgengine.executors.threads import Serial, Threads

Executor = Threads | Serial

MAX_WORKERS = 1024


def usable_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose_executor(text: str | None = None) -> Executor:
    """``threads:N``, ``threads`` (one a usable core, the default) or ``serial``. UsageError otherwise."""
    if text is None or text == "threads":
        return Threads(workers=usable_cores())
    if text == "serial":
        return Serial()
    kind, _, count = text.partition(":")
    if kind == "threads" and count.isdecimal() and 1 <= int(count) <= MAX_WORKERS:
        return Threads(workers=int(count))
    raise UsageError(f"on is '{text}': give threads:N with N of 1 to {MAX_WORKERS}, or serial")
