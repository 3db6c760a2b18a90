"""Numbers that wait in one file of several spools: each is read as it was written."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any
from unittest.mock import patch

import numpy as np

from sgengine.aggregate import number_file
from sgengine.aggregate.number_file import NumberFile, Place
from sgengine.aggregate.spool import Spool

Floats = np.ndarray[Any, np.dtype[np.float64]]


def test_several_arrays_are_one_place() -> None:
    file = NumberFile()
    file.put(np.arange(3, dtype=np.int32))
    place = file.put(np.array([1.5, 2.5]), np.zeros(0), np.arange(6.0)[::2])
    assert place == Place(start=12, type=np.dtype(np.float64), size=5)
    assert file.get(place).tolist() == [1.5, 2.5, 0.0, 2.0, 4.0]
    assert file.get(place, 1, 2).tolist() == [2.5, 0.0]
    assert file.get(place, 4, 9).tolist() == [4.0]


def test_threads_write_side_by_side() -> None:
    """Each to a place of its own, also where the system writes a part of what it was given."""
    file = NumberFile()
    write, calls = number_file.os.pwritev, count()

    def short(fd: int, rooms: list[memoryview], at: int) -> int:
        *some, last = rooms[:2]
        half = last[: len(last) // 2 or 1]
        return write(fd, [*some, half] if next(calls) % 3 else rooms, at)

    def work(k: int) -> tuple[Place, Floats]:
        numbers = np.random.default_rng(k).random(1 + 37 * k)
        return file.put(*np.array_split(numbers, k % 5 + 1)), numbers

    with (
        patch.object(number_file.os, "pwritev", short),
        patch.object(number_file, "_MOST_AT_ONCE", 3),
        ThreadPoolExecutor(4) as pool,
    ):
        written = list(pool.map(work, range(60)))
    for place, numbers in written:
        assert np.array_equal(file.get(place), numbers)


def test_arrays_that_are_written_at_once_are_places_of_their_own() -> None:
    file = NumberFile()
    file.put(np.arange(3.0))
    arrays = [[np.arange(2.0), np.zeros(0), np.arange(3.0)], [np.arange(4, dtype=np.int32)]]
    places = file.put_all(arrays)
    assert places == [
        Place(start=24, type=np.dtype(np.float64), size=5),
        Place(start=64, type=np.dtype(np.int32), size=4),
    ]
    assert [file.get(place).tolist() for place in places] == [[0, 1, 0, 1, 2], [0, 1, 2, 3]]


def test_spools_of_one_file_merge_without_copying() -> None:
    file = NumberFile()
    whole = Spool(limit_bytes=1 << 20, file=file)
    numbers: Mapping[str, Floats] = {"ttft": np.arange(10.0), "e2e": np.arange(5.0)}
    for _ in range(3):
        part = Spool(limit_bytes=199, file=file)
        part.add(("a",), numbers)
        part.add(("a",), numbers)
        whole.merge(part)
    assert whole.held_bytes == 3 * 8 * 5
    with patch.object(file, "put", side_effect=AssertionError("nothing is written anew")):
        assert whole.column(("a",), "ttft").size == 60
        assert (
            np.sort(whole.column(("a",), "e2e").whole()).tolist()
            == np.repeat(np.arange(5.0), 6).tolist()
        )
    other = Spool(limit_bytes=1 << 20)
    other.merge(whole)
    assert other.column(("a",), "ttft").whole().sum() == 6 * 45
