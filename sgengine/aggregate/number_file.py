"""Arrays of numbers on disk: where what does not fit in memory waits."""

from __future__ import annotations

import os
import tempfile
import weakref
from dataclasses import dataclass
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
    """A temporary file without a name: it goes with the process, however that ends."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    def put(self, numbers: npt.NDArray[Any]) -> Place:
        """Write an array (S,) at the end."""
        if self._file is None:
            # Closed by its owner's end, not by a block: it lives as long as what was put into it.
            self._file = tempfile.TemporaryFile()  # noqa: SIM115
            weakref.finalize(self, self._file.close)
        start = self._file.seek(0, 2)
        self._file.write(np.ascontiguousarray(numbers).data)
        self._file.flush()  # get reads past the buffer
        return Place(start=start, type=numbers.dtype, size=numbers.size)

    def get(self, place: Place, first: int = 0, count: int | None = None) -> npt.NDArray[Any]:
        """An array that was written, or ``count`` of its numbers from the ``first``.

        Several threads may read at once.
        """
        assert self._file is not None, "a place comes from put"
        left = place.size - first
        wanted = left if count is None else min(count, left)
        numbers = np.empty(wanted, dtype=place.type)
        at, room = place.start + first * place.type.itemsize, numbers.view(np.uint8).data
        while room:
            taken = os.preadv(self._file.fileno(), [room], at)
            at, room = at + taken, room[taken:]
        return numbers
