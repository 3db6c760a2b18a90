"""Arrays of numbers on disk: where what does not fit in memory waits."""

from __future__ import annotations

import os
import tempfile
import weakref
from dataclasses import dataclass
from threading import Lock
from typing import IO, Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an array is in a file: its first byte, its type, its numbers."""

    start: int
    type: np.dtype[Any]
    size: int


class NumberFile:
    """A temporary file without a name: it goes with the process, however that ends.

    Several threads may write and read at once.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._end = 0
        self._lock = Lock()

    def put(self, *parts: npt.NDArray[Any]) -> Place:
        """Write arrays (S,) of one type, one behind the other: they are one array from then on."""
        size = sum(part.size for part in parts)
        type_ = parts[0].dtype
        file, start = self._room(size * type_.itemsize)
        at = start
        for part in parts:
            at = _write(file, np.ascontiguousarray(part).view(np.uint8).data, at)
        return Place(start=start, type=type_, size=size)

    def get(self, place: Place, first: int = 0, count: int | None = None) -> npt.NDArray[Any]:
        """An array that was written, or ``count`` of its numbers from the ``first``."""
        left = place.size - first
        numbers = np.empty(left if count is None else min(count, left), dtype=place.type)
        self.read(place, first, numbers)
        return numbers

    def read(self, place: Place, first: int, out: npt.NDArray[Any]) -> None:
        """Fill ``out`` (S,), of the place's type, with its numbers from the ``first`` on."""
        assert self._file is not None, "a place comes from put"
        at, room = place.start + first * place.type.itemsize, out.view(np.uint8).data
        while room:
            taken = os.preadv(self._file.fileno(), [room], at)
            at, room = at + taken, room[taken:]

    def _room(self, size: int) -> tuple[int, int]:
        """The file, and where its next ``size`` bytes are, which are nobody else's."""
        with self._lock:
            if self._file is None:
                # Closed by its owner's end, not by a block: it lives as long as what was put into it.
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
                weakref.finalize(self, self._file.close)
            start, self._end = self._end, self._end + size
            return self._file.fileno(), start


def _write(file: int, room: memoryview, at: int) -> int:
    """Write all bytes of ``room`` from ``at`` on; where they end."""
    while room:
        taken = os.pwrite(file, room, at)
        at, room = at + taken, room[taken:]
    return at
