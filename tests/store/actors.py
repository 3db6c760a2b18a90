"""Real processes that write to and read from a store, to be stopped at a step or killed.

They are forked from a server that has imported the libraries and started no thread of them, so that
a writer costs its commit and not half a second of imports.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from sgengine.errors import DataError
from sgengine.store import Commit, Night, NightConflict, NightFacts, Store
from sgengine.store.steps import EVENT
from tests.store import rows
from tests.store.rows import Told

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.store.actors", "tests.store.oracle"])

COMMITTED, CONFLICT, FAILED, CRASHED, KILLED = 0, 3, 4, 9, -9
"""Exit codes of a writer."""

FACTS = NightFacts(
    settings_row={"reader_first_ns": 0, "reader_pace_ns": 10**6}, code_version="tests"
)


def commit(root: Path, *nights: Told) -> Commit:
    """Write ``nights``, which are of one job, as one commit."""
    store = Store.create(root)
    ticket = store.begin([Night(told.job, told.day) for told in nights])
    with store.stage(ticket) as staging:
        for told in nights:
            staging.write(rows.requests(told), day=told.day)
            staging.gaps(rows.gaps(told), day=told.day)
            staging.rejects(rows.rejects(told), day=told.day)
            staging.runs(rows.runs(told), day=told.day)
        made = store.commit(staging, FACTS)
    store.publish_views(f"-- sgengine store, version {made.version}\n")
    return made


def started(target: Callable[..., None], *arguments: Any) -> ForkServerProcess:
    """A process that runs ``target``."""
    process = CONTEXT.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def ended(process: ForkServerProcess, within_s: float = 180) -> int:
    """Its exit code; one that does not end is a failure of the test."""
    process.join(within_s)
    assert process.exitcode is not None, "a process did not end"
    return process.exitcode


def writer(root: Path, nights: tuple[Told, ...], log: Path, crash_at: int = -1) -> None:
    """Commit ``nights``, a line in ``log`` for each step, and stop dead at step ``crash_at`` (from 0)."""
    seen = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event != EVENT:
            return
        with log.open("a") as lines:
            lines.write(f"{arguments[0]}\n")
        if seen == crash_at:
            os._exit(CRASHED)
        seen += 1

    sys.addaudithook(watch)
    os._exit(outcome(lambda: commit(root, *nights)))


def rewriter(root: Path, days: Sequence[date], first: int, log: Path, times: int = 10**6) -> None:
    """Commit ``days`` at revision ``first``, the next, ..., a line in ``log`` behind each commit."""
    for revision in range(first, first + times):
        commit(root, *(Told(revision=revision, day=each) for each in days))
        with log.open("a") as lines:
            lines.write(f"{revision}\n")
    os._exit(COMMITTED)


def racer(root: Path, told: Told, barrier: Any) -> None:
    """Commit a night; right before its transaction, wait until all racers are there."""
    waited = False

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal waited
        if (event, *arguments[:1]) == (EVENT, "swap") and not waited:
            waited = True
            barrier.wait(30)

    sys.addaudithook(watch)
    os._exit(outcome(lambda: commit(root, told)))


def outrun(root: Path, told: Told) -> None:
    """Commit a night; right before its transaction, another program compacts the table."""

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if (event, *arguments[:1]) == (EVENT, "swap"):
            DeltaTable(root / "requests").optimize.z_order(["request_id"])

    sys.addaudithook(watch)
    os._exit(outcome(lambda: commit(root, told)))


def patient(root: Path, told: Told, wait_s: float) -> None:
    """Commit a night while holding the lock of writers, which another may hold for a while."""

    def work() -> None:
        with Store.open(root).lock(wait_s):
            commit(root, told)

    os._exit(outcome(work))


def outcome(action: Callable[[], object]) -> int:
    """The exit code of a writer that does ``action``; what it says goes to stderr."""
    try:
        action()
    except NightConflict:
        return CONFLICT
    except (DataError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return FAILED
    return COMMITTED
