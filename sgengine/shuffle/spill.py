"""Pieces on disk: Arrow IPC streams, packed with lz4, one after another in a file a split.

A piece is four streams: keys, chunks, arrivals, ends. Where a piece begins is kept apart, so a bucket
is read by seeking to its pieces, whatever else the files hold.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa

from sgengine.errors import DataError
from sgengine.shuffle.pieces import Piece

_PACKED = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_SIZE = b"size"
_ONE_THREAD = pa.ipc.IpcReadOptions(use_threads=False)


class Place(NamedTuple):
    """Where a piece lies: its file, and the bytes of it."""

    path: str
    start: int
    stop: int


class SpillFile:
    """Writes pieces to a file that is made when the first one comes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: pa.NativeFile | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, piece: Piece) -> Place:
        """Append a piece of chunks alone. Raises DataError if there is no room for it."""
        packed = pa.BufferOutputStream()
        for batch in (piece.keys, _chunks(piece), piece.arrivals, piece.ends):
            with pa.ipc.new_stream(packed, batch.schema, options=_PACKED) as writer:
                writer.write_batch(batch)
        try:
            if self._file is None:
                self._file = pa.OSFile(str(self.path), "wb")
            start = int(self._file.tell())
            self._file.write(packed.getvalue())
            stop = int(self._file.tell())
        except OSError as error:
            raise DataError(
                f"the events do not fit in memory, and {self.path.parent} cannot hold them: {error}; "
                "set TMPDIR to a folder with more room, or give more --memory"
            ) from error
        return Place(str(self.path), start, stop)


def load(place: Place) -> Piece:
    """The piece that lies there."""
    with pa.OSFile(place.path, "rb") as file:
        file.seek(place.start)
        packed = pa.BufferReader(file.read_buffer(place.stop - place.start))
    keys, chunks, arrivals, ends = (_next(packed) for _ in range(4))
    return Piece(
        keys=keys,
        codes=_flat(chunks, "code", np.int32),
        times=_flat(chunks, "time_ns", np.int64),
        sizes=_flat(chunks, "tokens", np.int32),
        size=int(chunks.schema.metadata[_SIZE]),
        seqs=_flat(chunks, "seq", np.int64),
        arrivals=arrivals,
        ends=ends,
    )


def _chunks(piece: Piece) -> pa.RecordBatch:
    columns = {"code": piece.codes, "time_ns": piece.times}
    if piece.sizes.size:
        columns["tokens"] = piece.sizes
    if piece.seqs.size:
        columns["seq"] = piece.seqs
    return pa.RecordBatch.from_pydict(columns, metadata={_SIZE: str(piece.size)})


def _next(packed: pa.NativeFile) -> pa.RecordBatch:
    # Read to its end, so that the next stream begins there.
    with pa.ipc.open_stream(packed, options=_ONE_THREAD) as reader:
        (batch,) = list(reader)
    return batch


def _flat(chunks: pa.RecordBatch, name: str, kind: type[np.generic]) -> np.ndarray:
    if name not in chunks.schema.names:
        return np.empty(0, dtype=kind)
    found: np.ndarray = chunks.column(name).to_numpy()
    return found
