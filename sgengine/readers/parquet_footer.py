"""The footer of a Parquet file: where the pages of each column are.

pyarrow reads footers too, but the metadata of a damaged column ends the process there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sgengine.kernels import thrift

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]

_MAGIC = b"PAR1"
_TAIL = 8

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


def chunks(
    file: int, columns: int, leaves: Sequence[int], wanted: Sequence[int]
) -> list[list[Chunk]]:
    """The chunks of each of the ``leaves`` in the ``wanted`` row groups of the open file.

    Each row group has ``columns`` chunks. Only those that are asked for are made: a file is read by a
    partition of a row group or so at a time, and to make all of 50 groups took 1.8 of 2.4 ms each time.
    """
    size = os.fstat(file).st_size
    tail = os.pread(file, _TAIL, max(size - _TAIL, 0))
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or length + _TAIL > size:
        raise UnreadableError("no footer")
    which, values, _ = fields(bytes_of(os.pread(file, length, size - _TAIL - length)), _FOOTER)
    group = np.cumsum(which == 0) - 1
    column = np.cumsum(which == 1) - 1
    groups, found = (
        int(group[-1]) + 1 if group.size else 0,
        int(column[-1]) + 1 if group.size else 0,
    )
    if found != groups * columns or (which == 3).any() or (which == 4).any():
        raise UnreadableError("columns elsewhere, or encrypted")
    rows = _by_index(which == 2, group, values, groups)
    codec, levels, raw, packed, first, dictionary = (
        _by_index(which == k, column, values, found) for k in range(5, 11)
    )
    start = np.where((dictionary > 0) & (dictionary < first), dictionary, first)
    if not all(0 <= k < groups for k in wanted):
        raise UnreadableError("fewer row groups than stated")

    def chunk(leaf: int, k: int) -> Chunk:
        at = k * columns + leaf
        return Chunk(
            rows=int(rows[k]),
            levels=int(levels[at]),
            codec=int(codec[at]),
            start=int(start[at]),
            size=int(packed[at]),
            raw_size=int(raw[at]),
        )

    return [[chunk(leaf, k) for k in wanted] for leaf in leaves]


def _by_index(chosen: npt.NDArray[np.bool_], index: Int64s, values: Int64s, size: int) -> Int64s:
    found = np.full(size, -1)
    found[index[chosen]] = values[chosen]
    return found
