"""Map one function over tasks on a pool of threads: results in task order, bounded, stoppable."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

_AHEAD = 2
"""Finished results that may wait for an earlier one, so that a slow task does not idle the others."""


class StoppedError(Exception):
    """Raised inside a task whose results nobody waits for any more."""


@dataclass(frozen=True)
class Stop:
    """Tells running tasks that the caller has gone: after an error elsewhere, or Ctrl-C."""

    event: threading.Event

    def check(self) -> None:
        """Raise StoppedError if the caller has gone; tasks call it between batches."""
        if self.event.is_set():
            raise StoppedError


@dataclass(frozen=True, kw_only=True)
class Threads:
    """An executor of ``workers`` threads. Kernels and decoders release the GIL, so threads suffice."""

    workers: int

    def describe(self) -> str:
        """How a user asks for this executor."""
        return f"threads:{self.workers}"

    def run(
        self, function: Callable[[Task, Stop], Result], tasks: Iterable[Task]
    ) -> Generator[Result, None, None]:
        """``function(task, stop)`` of every task, in the order of ``tasks``.

        At most ``workers`` run and two more wait to be taken, so memory does not grow with the number
        of tasks. The first exception, a task's or the caller's, stops the rest.
        """
        stop = Stop(threading.Event())
        pending: deque[Future[Result]] = deque()
        queue = iter(tasks)
        with ThreadPoolExecutor(self.workers, thread_name_prefix="sgengine") as pool:
            try:
                while True:
                    for task in queue:
                        pending.append(pool.submit(function, task, stop))
                        if len(pending) >= self.workers + _AHEAD:
                            break
                    if not pending:
                        return
                    yield pending.popleft().result()
            finally:
                stop.event.set()
                pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True, kw_only=True)
class Serial:
    """An executor without threads, for debugging and tests."""

    def describe(self) -> str:
        """How a user asks for this executor."""
        return "serial"

    def run(
        self, function: Callable[[Task, Stop], Result], tasks: Iterable[Task]
    ) -> Generator[Result, None, None]:
        """``function(task, stop)`` of every task, one after the other."""
        stop = Stop(threading.Event())
        for task in tasks:
            yield function(task, stop)
