"""Numbers of many requests in bounded memory: beyond a limit they wait in a temporary file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.columns import Kept, names
from sgengine.aggregate.keys import Key
from sgengine.aggregate.number_file import NumberFile, Place

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class OnDisk:
    """One part that was written down: where each column is."""

    places: dict[str, Place]


@dataclass(kw_only=True)
class Spool:
    """The kept numbers of every group; all go to the file when they pass ``limit_bytes`` together."""

    limit_bytes: int
    parts: dict[Key, list[Kept | OnDisk]] = field(default_factory=dict)
    held_bytes: int = 0
    file: NumberFile = field(default_factory=NumberFile)

    def add(self, key: Key, part: Kept | OnDisk) -> None:
        """Take in one part of a group."""
        self.parts.setdefault(key, []).append(part)
        if isinstance(part, Kept):
            self.held_bytes += part.nbytes
        if self.held_bytes > self.limit_bytes:
            self._write_all()

    def merge(self, other: Spool) -> None:
        """Take in all parts of another spool."""
        for key, parts in other.parts.items():
            for part in parts:
                self.add(key, part if isinstance(part, Kept) else other.load(part))

    def load(self, part: OnDisk) -> Kept:
        """All columns of a part that was written down."""
        return Kept(**{name: self.file.get(part.places[name]) for name in names()})

    def of(self, key: Key) -> Group:
        """The numbers of one group."""
        return Group(spool=self, key=key)

    def column(self, key: Key, name: str) -> npt.NDArray[Any]:
        """One column of a group, in the order in which its parts came."""
        return np.concatenate(
            [
                getattr(part, name) if isinstance(part, Kept) else self.file.get(part.places[name])
                for part in self.parts[key]
            ]
        )

    def _write_all(self) -> None:
        for parts in self.parts.values():
            parts[:] = [self._write(part) if isinstance(part, Kept) else part for part in parts]
        self.held_bytes = 0

    def _write(self, part: Kept) -> OnDisk:
        return OnDisk(places={name: self.file.put(getattr(part, name)) for name in names()})


@dataclass(frozen=True, kw_only=True)
class Group:
    """The numbers of one group, a column at a time, by the names of Kept; ``rows`` chooses some."""

    spool: Spool
    key: Key
    rows: Int64s | None = None

    def __getattr__(self, name: str) -> npt.NDArray[Any]:
        """One column, read when asked for: a group's columns need not fit in memory together."""
        if name not in names():
            raise AttributeError(name)
        column = self.spool.column(self.key, name)
        return column if self.rows is None else column[self.rows]

    def of(self, rows: Int64s) -> Group:
        """The numbers of some rows of a whole group."""
        assert self.rows is None, "chosen from a whole group"
        return Group(spool=self.spool, key=self.key, rows=rows)
