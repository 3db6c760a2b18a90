"""The footer of a Parquet file: where the pages of each column are.

pyarrow reads footers too, but the metadata of a damaged column ends the process there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sgengine.kernels import thrift

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]

_MAGIC = b"PAR1"
_TAIL = 8

FILES_KNOWN = 2
"""Files whose footers are kept, by all their bytes, for the next partition: two workers may be in as many."""

_GROUP = thrift.path(4)
_COLUMN = thrift.path(4, 1)
_FOOTER = np.array(
    [
        _GROUP,
        _COLUMN,
        thrift.path(4, 3),
        thrift.path(4, 1, 1),
        thrift.path(4, 1, 8),
        *(thrift.path(4, 1, 3, field) for field in (4, 5, 6, 7, 9, 11)),
    ]
)


class UnreadableError(Exception):
    """These pages are damaged, or of a kind that is left to Arrow; never shown to a user."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A column of one row group: its bytes in the file, and what they hold."""

    rows: int
    levels: int
    codec: int
    start: int
    size: int
    raw_size: int


def bytes_of(data: Any) -> UInt8s:
    """Bytes for a kernel: read-only, so that kernels are compiled once."""
    found = np.frombuffer(data, np.uint8)
    found.flags.writeable = False
    return found


def fields(data: UInt8s, wanted: Int64s) -> tuple[Int64s, Int64s, int]:
    """Indices in ``wanted`` and numbers in order, and where the structure ends."""
    which, values = np.empty(data.size, np.int64), np.empty(data.size, np.int64)
    stack = np.zeros((thrift.DEPTH, 4), np.int64)
    count, end = thrift.fields(data, 0, wanted, stack, which, values)
    if end < 0:
        raise UnreadableError("not a structure")
    return which[:count], values[:count], end


@dataclass(frozen=True, kw_only=True, eq=False)
class Footer:
    """Of G row groups: ``rows`` (G,), and of all their chunks, group by group, what Chunk has of one."""

    columns: int
    rows: Int64s
    levels: Int64s
    codec: Int64s
    start: Int64s
    size: Int64s
    raw_size: Int64s

    def chunks(self, column: int, groups: Iterable[int]) -> list[Chunk]:
        """A column's chunks of these row groups; UnreadableError if there are not so many."""
        return [self._chunk(column, group) for group in groups]

    def _chunk(self, column: int, group: int) -> Chunk:
        if not 0 <= group < self.rows.size:
            raise UnreadableError("fewer row groups than stated")
        at = group * self.columns + column
        return Chunk(
            rows=int(self.rows[group]),
            levels=int(self.levels[at]),
            codec=int(self.codec[at]),
            start=int(self.start[at]),
            size=int(self.size[at]),
            raw_size=int(self.raw_size[at]),
        )


def footer_bytes(path: str) -> bytes:
    """The footer of a file, its length and the magic number, by which it is known; no more than it has."""
    with Path(path).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - _TAIL, 0))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(size - _TAIL - length, 0))
        return file.read()


@lru_cache(maxsize=FILES_KNOWN)
def footer_of(data: bytes, columns: int) -> Footer:
    """What ``footer_bytes`` say, for ``columns`` of each row group; UnreadableError if it is not known here.

    Kept: each partition of a file asks for it, and one of 50 row groups takes 0.6 ms.
    """
    length = int.from_bytes(data[-_TAIL:-4], "little")
    if data[-4:] != _MAGIC or length + _TAIL != len(data):
        raise UnreadableError("no footer")
    which, values, _ = fields(bytes_of(data[:length]), _FOOTER)
    group = np.cumsum(which == 0) - 1
    column = np.cumsum(which == 1) - 1
    groups, found = (
        int(group[-1]) + 1 if group.size else 0,
        int(column[-1]) + 1 if group.size else 0,
    )
    if found != groups * columns or (which == 3).any() or (which == 4).any():
        raise UnreadableError("columns elsewhere, or encrypted")
    codec, levels, raw, packed, first, dictionary = (
        _by_index(which == k, column, values, found) for k in range(5, 11)
    )
    return Footer(
        columns=columns,
        rows=_by_index(which == 2, group, values, groups),
        levels=levels,
        codec=codec,
        start=np.where((dictionary > 0) & (dictionary < first), dictionary, first),
        size=packed,
        raw_size=raw,
    )


def _by_index(chosen: npt.NDArray[np.bool_], index: Int64s, values: Int64s, size: int) -> Int64s:
    found = np.full(size, -1)
    found[index[chosen]] = values[chosen]
    return found
