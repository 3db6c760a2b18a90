"""Real processes that write to and read from a store, to be stopped at a step or killed.

They are forked from a server that has imported the libraries and started no thread of them, so that
a writer costs its commit and not half a second of imports.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from sgengine.errors import DataError
from sgengine.store import Night, NightConflict, NightFacts, Store
from sgengine.store.steps import EVENT
from tests.store import rows
from tests.store.rows import Told

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.store.actors", "duckdb"])

COMMITTED, CONFLICT, FAILED, CRASHED = 0, 3, 4, 9
"""Exit codes of a writer."""


def commit(root: Path, *nights: Told, ready: Callable[[], object] = lambda: None) -> None:
    """Write ``nights`` (of one job) as one commit; ``ready`` is called between staging and commit."""
    store = Store.create(root)
    ticket = store.begin([Night(job=told.job, day=told.day) for told in nights])
    with store.stage(ticket) as staging:
        for told in nights:
            staging.write(rows.requests(told), day=told.day)
            staging.gaps(rows.gaps(told), day=told.day)
            staging.rejects(rows.rejects(told), day=told.day)
            staging.runs(rows.runs(told), day=told.day)
        ready()
        store.commit(staging, NightFacts())


def started(target: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """A process that runs ``target``."""
    process = CONTEXT.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def ended(process: ForkServerProcess, within_s: float = 60) -> int:
    """Its exit code; one that does not end is a failure of the test."""
    process.join(within_s)
    assert process.exitcode is not None, "a process did not end"
    return process.exitcode


def writer(root: Path, nights: tuple[Told, ...], crash_at: int | None, told: Connection) -> None:
    """Commit, telling the name of every step; stop dead at step ``crash_at`` (from 0 on)."""
    seen = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event != EVENT:
            return
        told.send(arguments[0])
        if seen == crash_at:
            os._exit(CRASHED)
        seen += 1

    sys.addaudithook(watch)
    os._exit(_outcome(lambda: commit(root, *nights)))


def racer(root: Path, told: Told, barrier: Any) -> None:
    """Commit a night when the other racers have staged theirs."""
    os._exit(_outcome(lambda: commit(root, told, ready=lambda: barrier.wait(30))))


def _outcome(action: Callable[[], None]) -> int:
    try:
        action()
    except NightConflict:
        return CONFLICT
    except (DataError, OSError) as error:
        print(error, file=sys.stderr)
        return FAILED
    return COMMITTED
