"""What every executor promises: results in order, few tasks ahead, and an end at the first error."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from sgengine.errors import UsageError
from sgengine.executors import Executor, Serial, Stop, StoppedError, Threads, choose_executor

EXECUTORS: list[Executor] = [Serial(), Threads(workers=1), Threads(workers=3)]
AHEAD = 2
"""Results that may wait beside the running tasks."""

each = pytest.mark.parametrize(
    "executor", EXECUTORS, ids=[executor.describe() for executor in EXECUTORS]
)
threaded = pytest.mark.parametrize(
    "executor", EXECUTORS[1:], ids=[executor.describe() for executor in EXECUTORS[1:]]
)


def workers_of(executor: Executor) -> int:
    return executor.workers if isinstance(executor, Threads) else 1


def square(task: int, stop: Stop) -> int:
    stop.check()
    return task * task


@each
def test_no_task_gives_no_result(executor: Executor) -> None:
    assert list(executor.run(square, [])) == []


@each
@pytest.mark.parametrize("count", [1, 2, 7, 50])
def test_every_task_gives_its_result_in_order(executor: Executor, count: int) -> None:
    assert list(executor.run(square, iter(range(count)))) == [k * k for k in range(count)]


@each
def test_results_stay_in_order_when_later_tasks_are_shorter(executor: Executor) -> None:
    def slow_first(task: int, stop: Stop) -> int:
        time.sleep(0.03 if task % 3 == 0 else 0.001)
        return task

    assert list(executor.run(slow_first, range(12))) == list(range(12))


@each
def test_tasks_are_drawn_only_as_results_are_taken(executor: Executor) -> None:
    """Memory does not grow with the number of tasks: here there is no end of them."""
    drawn = 0

    def endless() -> Iterator[int]:
        nonlocal drawn
        while True:
            drawn += 1
            yield drawn

    results = executor.run(square, endless())
    for taken in range(1, 20):
        assert next(results) == taken * taken
        assert drawn <= taken + workers_of(executor) + AHEAD
    results.close()  # type: ignore[attr-defined] # a generator


@each
def test_no_more_tasks_run_at_once_than_there_are_workers(executor: Executor) -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def counted(task: int, stop: Stop) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1
        return task

    assert len(list(executor.run(counted, range(30)))) == 30
    assert most <= workers_of(executor)


def test_threads_run_tasks_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=60)

    def meet(task: int, stop: Stop) -> int:
        meeting.wait()
        return task

    assert list(Threads(workers=3).run(meet, range(6))) == list(range(6))


@each
def test_the_first_failing_task_raises_and_stops_the_rest(executor: Executor) -> None:
    started: list[int] = []

    def fails(task: int, stop: Stop) -> int:
        started.append(task)
        if task == 4:
            raise ValueError("broken")
        return task

    found: list[int] = []
    with pytest.raises(ValueError, match="broken"):
        found.extend(executor.run(fails, range(1000)))
    assert len(started) <= 5 + workers_of(executor) + AHEAD


@each
def test_results_before_a_failing_task_are_handed_out(executor: Executor) -> None:
    def fails(task: int, stop: Stop) -> int:
        if task == 2:
            raise ValueError("broken")
        return task

    results = executor.run(fails, range(9))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="broken"):
        next(results)


@threaded
def test_running_tasks_learn_that_the_caller_has_gone(executor: Threads) -> None:
    """As after Ctrl-C: the call returns only when they have ended."""
    ended: list[str] = []
    begun = threading.Event()

    def long(task: int, stop: Stop) -> int:
        if task == 0:
            return 0
        begun.set()
        for _ in range(10_000):
            try:
                stop.check()
            except StoppedError:
                ended.append("stopped")
                raise
            time.sleep(0.001)
        ended.append("ran to its end")
        return task

    results = executor.run(long, range(100))
    assert next(results) == 0
    assert begun.wait(timeout=60)
    results.close()  # type: ignore[attr-defined] # a generator
    assert set(ended) == {"stopped"}
    assert len(ended) <= executor.workers
    assert not [t for t in threading.enumerate() if t.name.startswith("sgengine")]


@each
def test_an_error_of_the_task_list_reaches_the_caller(executor: Executor) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        list(executor.run(square, broken()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("serial", Serial()), ("threads:1", Threads(workers=1)), ("threads:7", Threads(workers=7))],
)
def test_an_executor_is_named_as_it_describes_itself(text: str, expected: Executor) -> None:
    assert choose_executor(text) == expected
    assert expected.describe() == text


def test_the_default_is_a_thread_for_every_usable_core() -> None:
    chosen = choose_executor()
    assert chosen == choose_executor("threads")
    assert workers_of(chosen) >= 1


@pytest.mark.parametrize(
    "text", ["", "thread:2", "threads:", "threads:0", "threads:-1", "threads:x", "threads:1025"]
)
def test_another_executor_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="give threads:N") as caught:
        choose_executor(text)
    assert "\n" not in str(caught.value)


def _items(made: list[int], names: set[str], count: int = 6) -> Iterator[int]:
    for item in range(count):
        made.append(item)
        names.add(threading.current_thread().name)
        yield item


@each
def test_items_come_in_order_whoever_makes_them(executor: Executor) -> None:
    def add(task: int, stop: Stop) -> list[int]:
        return list(stop.ahead(range(task)))

    assert list(executor.run(add, range(20))) == [list(range(task)) for task in range(20)]


def test_a_lone_task_has_its_next_item_made_by_an_idle_worker() -> None:
    def use(task: int, stop: Stop) -> int:
        made: list[int] = []
        for item in stop.ahead(_items(made, names)):
            until = time.monotonic() + 60
            while item + 1 < 6 and item + 1 not in made and time.monotonic() < until:
                time.sleep(0.001)
            assert len(made) == min(item + 2, 6), "one ahead, and no more"
        return task

    names: set[str] = set()
    assert list(Threads(workers=2).run(use, [1])) == [1]
    assert len(names) == 2


@pytest.mark.parametrize("executor", [Serial(), Threads(workers=1)], ids=["serial", "threads:1"])
def test_without_idle_workers_a_task_makes_its_own_items(executor: Executor) -> None:
    names: set[str] = set()

    def use(task: int, stop: Stop) -> None:
        made: list[int] = []
        for item in stop.ahead(_items(made, names)):
            assert made[-1] == item

    list(executor.run(use, range(4)))
    assert len(names) == 1


@each
def test_a_task_that_leaves_its_items_closes_them(executor: Executor) -> None:
    closed: list[int] = []

    def items(task: int) -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.append(task)

    def use(task: int, stop: Stop) -> int:
        for item in stop.ahead(items(task)):
            if item == task:
                break
        return task

    assert list(executor.run(use, range(9))) == list(range(9))
    # A generator that is left is closed when it is collected, here at once.
    assert sorted(closed) == list(range(9))
    assert not [t for t in threading.enumerate() if t.name.startswith("sgengine")]


@each
def test_an_error_among_the_items_is_the_tasks(executor: Executor) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    def use(task: int, stop: Stop) -> int:
        return sum(stop.ahead(items()))

    with pytest.raises(ValueError, match="broken"):
        list(executor.run(use, range(3)))
