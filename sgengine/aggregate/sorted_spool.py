"""Whole numbers by key, given back in order, in bounded memory: beyond a limit they wait on disk."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.number_file import NumberFile, Place

Int64s = npt.NDArray[np.int64]

BLOCK = 1 << 16
"""Numbers read at once of each sorted part on disk."""


@dataclass(kw_only=True, eq=False)
class SortedSpool:
    """int64 numbers of many keys; all go to the file, sorted, when they pass ``limit_bytes`` together."""

    limit_bytes: int
    held: dict[Hashable, list[Int64s]] = field(default_factory=dict)
    written: dict[Hashable, list[Place]] = field(default_factory=dict)
    held_bytes: int = 0
    file: NumberFile = field(default_factory=NumberFile)

    def add(self, key: Hashable, numbers: Int64s) -> None:
        """Take in ``numbers`` (S,) int64 of ``key``, in any order."""
        if numbers.size == 0:
            return
        self.held.setdefault(key, []).append(numbers)
        self.held_bytes += numbers.nbytes
        if self.held_bytes > self.limit_bytes:
            self._write_all()

    def merge(self, other: SortedSpool) -> None:
        """Take in all numbers of another spool."""
        for key, parts in other.held.items():
            for part in parts:
                self.add(key, part)
        for key, written in other.written.items():
            for part_on_disk in written:
                for block in other._blocks(part_on_disk):
                    self.add(key, block)

    def aligned(self, *keys: Hashable) -> Iterator[list[Int64s]]:
        """The numbers of each key in ascending order, in steps.

        A step has the next numbers of every key, sorted, and all of them are less than any number of
        a later step. It is about ``BLOCK`` numbers for each part that was written to disk.
        """
        cursors = [[_Cursor(blocks) for blocks in self._sorted(key)] for key in keys]
        while lasts := [cursor.last for mine in cursors for cursor in mine if cursor.block.size]:
            horizon = min(lasts)
            yield [
                np.sort(np.concatenate([_NONE, *(cursor.take(horizon) for cursor in mine)]))
                for mine in cursors
            ]

    def _sorted(self, key: Hashable) -> Iterator[Iterator[Int64s]]:
        """The key's sorted parts, each as its blocks."""
        if key in self.held:
            yield iter([np.sort(np.concatenate(self.held[key]))])
        for part in self.written.get(key, []):
            yield self._blocks(part)

    def _write_all(self) -> None:
        for key, parts in self.held.items():
            numbers = np.sort(np.concatenate(parts))
            self.written.setdefault(key, []).append(self.file.put(numbers))
        self.held = {}
        self.held_bytes = 0

    def _blocks(self, part: Place) -> Iterator[Int64s]:
        for first in range(0, part.size, BLOCK):
            yield self.file.get(part, first, BLOCK)


_NONE: Int64s = np.zeros(0, dtype=np.int64)


class _Cursor:
    """Walks along the blocks of one sorted part."""

    def __init__(self, blocks: Iterator[Int64s]) -> None:
        self._blocks = blocks
        self.block = next(blocks, _NONE)

    @property
    def last(self) -> int:
        """The last number of the block at hand."""
        return int(self.block[-1])

    def take(self, horizon: int) -> Int64s:
        """The next numbers up to and including ``horizon``."""
        taken = [_NONE]
        while self.block.size:
            cut = int(np.searchsorted(self.block, horizon, side="right"))
            taken.append(self.block[:cut])
            self.block = self.block[cut:]
            if self.block.size:
                break
            self.block = next(self._blocks, _NONE)
        return np.concatenate(taken)
