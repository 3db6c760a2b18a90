"""Numbers of many requests in bounded memory: beyond a limit they wait in a temporary file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.keys import Key
from sgengine.aggregate.number_file import NumberFile, Place

Float64s = npt.NDArray[np.float64]

BLOCK = 1 << 16
"""Numbers read at once of a part on disk."""

RUN = 1 << 9
"""Numbers read at once for a sample: each read takes as long as to sort a thousand."""


@dataclass(kw_only=True)
class Spool:
    """float64 numbers of every group, by name; all go to the file when they pass ``limit_bytes`` together.

    ``file``: spools of parts may share one, and what is written there is then merged without a look.
    """

    limit_bytes: int
    parts: dict[tuple[Key, str], list[Float64s | Place]] = field(default_factory=dict)
    held_bytes: int = 0
    file: NumberFile = field(default_factory=NumberFile)

    def add(self, key: Key, numbers: Mapping[str, Float64s]) -> None:
        """Take in some numbers of a group, by name, (S,) each."""
        for name, values in numbers.items():
            self._keep((key, name), values)

    def _keep(self, at: tuple[Key, str], values: Float64s) -> None:
        if values.size == 0:
            return
        self.parts.setdefault(at, []).append(values)
        self.held_bytes += values.nbytes
        if self.held_bytes > self.limit_bytes:
            self._write_all()

    def merge(self, other: Spool) -> None:
        """Take in all numbers of another spool."""
        for at, parts in other.parts.items():
            for part in parts:
                if not isinstance(part, Place):
                    self._keep(at, part)
                elif other.file is self.file:
                    self.parts.setdefault(at, []).append(part)
                else:
                    for first in range(0, part.size, BLOCK):
                        self._keep(at, other.file.get(part, first, BLOCK))

    def column(self, key: Key, name: str) -> Column:
        """One group's numbers of one name."""
        return Column(spool=self, parts=self.parts.get((key, name), []))

    def blocks_of(self, part: Float64s | Place, room: Float64s) -> Iterator[Float64s]:
        """The numbers of one part, those on disk as many at a time as ``room`` (S,) holds, in it."""
        if not isinstance(part, Place):
            yield part
            return
        for first in range(0, part.size, room.size):
            block = room[: part.size - first]
            self.file.read(part, first, block)
            yield block

    def loaded(self, part: Float64s | Place) -> Float64s:
        """The numbers of one part, wherever they are."""
        return self.file.get(part) if isinstance(part, Place) else part

    def _write_all(self) -> None:
        """Write what is held of each group and name as one: read in few blocks, it takes less Python."""
        held = {
            at: mine
            for at, parts in self.parts.items()
            if (mine := [part for part in parts if not isinstance(part, Place)])
        }
        places = self.file.put_all(list(held.values()))
        for at, place in zip(held, places, strict=True):
            written = [part for part in self.parts[at] if isinstance(part, Place)]
            self.parts[at] = [*written, place]
        self.held_bytes = 0


@dataclass(frozen=True, kw_only=True)
class Column:
    """Numbers that can be gone over any number of times, in any order."""

    spool: Spool
    parts: list[Float64s | Place]

    @property
    def size(self) -> int:
        """How many there are."""
        return sum(part.size for part in self.parts)

    def blocks(self) -> Iterator[Float64s]:
        """All of them, in blocks that fit in memory; one is read where the one before it was."""
        room = np.empty(min(BLOCK, max((part.size for part in self.parts), default=0)))
        for part in self.parts:
            yield from self.spool.blocks_of(part, room)

    def sample(self, size: int) -> Float64s:
        """About ``size`` of them, at least one where there are any: evenly from all, a few at a time."""
        step, before, found = max(self.size // size, 1), 0, [np.zeros(0)]
        for part in self.parts:
            if isinstance(part, Place):
                places = range(-before % (step * RUN), part.size, step * RUN)
                found += [self.spool.file.get(part, first, RUN) for first in places]
            else:
                found.append(part[-before % step :: step])
            before += part.size
        return np.concatenate(found)

    def whole(self) -> Float64s:
        """All of them as one array, not to be written to."""
        parts = [self.spool.loaded(part) for part in self.parts]
        return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0), *parts])
