"""The first half of the shuffle: events of some files, held, or cut into buckets on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from sgengine.shuffle.columns import one_type_each, types_in
from sgengine.shuffle.join import merged, split_by_bucket
from sgengine.shuffle.pieces import Piece
from sgengine.shuffle.spill import Place, SpillFile

HELD_BYTES = 16
"""Of an event that is held, at the least: request, time and size."""

EVENT_BYTES = 3 * HELD_BYTES
"""Of an event of a bucket, while its requests are put together."""

MAX_BUCKETS = 1 << 14


@dataclass(frozen=True, kw_only=True)
class SplitTask:
    """What one split does with its events: small, hashable, picklable.

    It holds up to ``hold_bytes`` of them; beyond that all go to the file ``name`` in ``folder``, cut
    into ``buckets`` by the hash of run and request, a buffer of ``buffer_bytes`` at a time.
    """

    folder: str
    name: str
    buckets: int
    hold_bytes: int
    buffer_bytes: int


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitReceipt:
    """What a split leaves: the pieces it holds, or where those of each bucket lie.

    ``types``: the schemas of arrivals and ends that it saw. ``rows``: its events.
    """

    rows: int
    types: tuple[pa.Schema, ...]
    held: tuple[Piece, ...] = ()
    spilled: dict[int, list[Place]] = field(default_factory=dict)

    @property
    def held_bytes(self) -> int:
        """Memory that the held pieces take."""
        return sum(piece.nbytes for piece in self.held)


def split(task: SplitTask, pieces: Iterable[Piece]) -> SplitReceipt:
    """Hold or spill the pieces, one after the other."""
    rows = size = 0
    types: dict[pa.Schema, None] = {}
    spilled: dict[int, list[Place]] = {}
    buffer: list[Piece] = []
    with SpillFile(Path(task.folder) / f"{task.name}.arrows") as file:
        for piece in pieces:
            rows += piece.rows
            types.update(dict.fromkeys(types_in([piece])))
            buffer.append(piece)
            size += piece.nbytes
            if size > max(task.buffer_bytes, 0 if spilled else task.hold_bytes):
                _flush(buffer, task.buckets, file, spilled)
                size = 0
        if spilled or size > task.hold_bytes:
            _flush(buffer, task.buckets, file, spilled)
    return SplitReceipt(rows=rows, types=tuple(types), held=tuple(buffer), spilled=spilled)


def _flush(
    buffer: list[Piece], buckets: int, file: SpillFile, spilled: dict[int, list[Place]]
) -> None:
    """Write the buffered pieces, merged and cut, and empty the buffer."""
    if not buffer:
        return
    whole = merged(buffer, one_type_each(types_in(buffer)))
    buffer.clear()
    for bucket, piece in split_by_bucket(whole, buckets):
        spilled.setdefault(bucket, []).append(file.write(piece))


def buckets_for(events: int, bucket_bytes: int) -> int:
    """How many buckets a log of so many events needs for each to fit in ``bucket_bytes``."""
    return min(MAX_BUCKETS, max(1, -(-events * EVENT_BYTES // max(1, bucket_bytes))))
