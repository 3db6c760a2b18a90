"""Map one function over tasks on a pool of threads: results in task order, bounded, stoppable."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar, cast

Task = TypeVar("Task")
Result = TypeVar("Result")
Item = TypeVar("Item")

_END = object()

_AHEAD = 1
"""Finished results that may wait for an earlier one, so that a slow task does not idle the others.

With two, ``analyze --store`` of three million requests took 80 MiB more, and not less time."""


class StoppedError(Exception):
    """Raised inside a task whose results nobody waits for any more."""


class Stop:
    """What a task knows of the run that it is part of: whether the caller has gone, and idle workers."""

    def __init__(self, workers: int = 1) -> None:
        self._gone = threading.Event()
        self._idle = threading.BoundedSemaphore(workers)
        self._helpers = ThreadPoolExecutor(workers, thread_name_prefix="sgengine-ahead")

    def check(self) -> None:
        """Raise StoppedError if the caller has gone; tasks call it between batches."""
        if self._gone.is_set():
            raise StoppedError

    def set(self) -> None:
        """The caller goes."""
        self._gone.set()

    def close(self) -> None:
        """No task runs any more."""
        self._helpers.shutdown(wait=True, cancel_futures=True)

    def work(self, function: Callable[[Task, Stop], Result], task: Task) -> Result:
        """``function(task, self)`` as one of the workers, once one is idle."""
        with self._idle:
            return function(task, self)

    def ahead(self, items: Iterable[Item]) -> Generator[Item, None, None]:
        """The items in order; while the caller uses one, the next is made if a worker is idle.

        So a lone partition, or the last, is decoded by one worker and measured by another: one more of
        its batches is held.
        """
        source = iter(items)
        made: Future[Item | object] | None = None
        try:
            while (item := made.result() if made else next(source, _END)) is not _END:
                made = self._next(source)
                yield cast("Item", item)
                del item  # nothing of it is held when the source ends
        finally:
            # A generator cannot be closed while it makes an item.
            if made is not None and not made.cancel():
                wait([made])
            if isinstance(source, Generator):
                source.close()

    def _next(self, source: Iterator[Item]) -> Future[Item | object] | None:
        """The next item, being made by an idle worker; None if there is none."""
        if not self._idle.acquire(blocking=False):
            return None
        made = self._helpers.submit(next, source, _END)
        made.add_done_callback(lambda _: self._idle.release())
        return made


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

        At most ``workers`` run and one more waits to be taken, so memory does not grow with the number
        of tasks. The first exception, a task's or the caller's, stops the rest.
        """
        stop = Stop(self.workers)
        pending: deque[Future[Result]] = deque()
        queue = iter(tasks)
        with ThreadPoolExecutor(self.workers, thread_name_prefix="sgengine") as pool:
            try:
                while True:
                    for task in queue:
                        pending.append(pool.submit(stop.work, function, task))
                        if len(pending) >= self.workers + _AHEAD:
                            break
                    if not pending:
                        return
                    yield pending.popleft().result()
            finally:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                stop.close()


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
        stop = Stop()
        for task in tasks:
            yield stop.work(function, task)
