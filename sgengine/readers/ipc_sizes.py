"""Compressed record batches of Arrow IPC: each can only be decompressed as a whole, whatever it takes.

Arrow tells no sizes before it decompresses. They are in the messages: every compressed buffer begins with
its length (Arrow's format, "Compression"), and where buffers are is said by the message's metadata, a
FlatBuffer (Message.fbs: a message has a header of a type; a record batch has nodes, buffers, compression).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from mmap import mmap
from pathlib import Path

from sgengine.errors import DataError
from sgengine.readers.files import mapped
from sgengine.readers.flatbuffers import field, place, root

FILE_MAGIC = b"ARROW1"
_AFTER_MAGIC = 8
_MARKER = 0xFFFFFFFF
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_RECORD_BATCH = b"\x03"
_BUFFERS, _COMPRESSION = 2, 3


def check(path: str, limit: int | None) -> None:
    """Raise ``DataError`` for a compressed batch of more than ``limit`` bytes; ``None``: none is refused."""
    if limit is None:
        return
    for number, size in enumerate(_sizes(path)):
        if size > limit:
            raise DataError(
                f"{path}: record batch {number} is compressed, takes {-(-size >> 20)} MiB as a whole, "
                f"and a worker's share of the memory is {limit >> 20} MiB; write batches of fewer "
                "rows, or uncompressed, or Parquet, or give more --memory"
            )


def _sizes(path: str) -> Iterator[int]:
    """Bytes of each record batch once decompressed, 0 where it is not compressed.

    Ends at anything that is no message: what is wrong with it is told when it is read.
    """
    if not Path(path).stat().st_size:
        return
    with mapped(path) as file:
        at = _AFTER_MAGIC if file[: len(FILE_MAGIC)] == FILE_MAGIC else 0
        try:
            while (found := _message(file, at)) is not None:
                metadata, body, at = found
                if _is_record_batch(metadata):
                    yield _size(metadata, file, body)
        except (struct.error, OverflowError):  # a place that cannot be, in a damaged file
            return


def _message(file: mmap, at: int) -> tuple[bytes, int, int] | None:
    """The metadata of the message at this byte, where its body begins, and where the next one; None at the end.

    Walked here, for Arrow's reader of messages took 40 us each, half of planning a file of fifty.
    """
    marker, length = struct.unpack_from("<Ii", file, at)
    begin = at + 8
    if marker != _MARKER:  # as written before Arrow 0.15
        length, begin = marker, at + 4
    body = begin + length
    if length <= 0 or body > len(file):
        return None
    metadata = file[begin:body]
    said = field(metadata, root(metadata), _BODY_LENGTH)
    size = 0 if said is None else struct.unpack_from("<q", metadata, said)[0]
    return None if size < 0 else (metadata, body, body + size)


def _is_record_batch(metadata: bytes) -> bool:
    at = field(metadata, root(metadata), _HEADER_TYPE)
    return at is not None and metadata[at : at + 1] == _RECORD_BATCH


def _size(metadata: bytes, file: mmap, body: int) -> int:
    """The lengths that the compressed buffers of a record batch begin with; -1 is one stored as it is."""
    batch = place(metadata, root(metadata), _HEADER)
    if batch is None or place(metadata, batch, _COMPRESSION) is None:
        return 0
    buffers = place(metadata, batch, _BUFFERS)
    if buffers is None:
        return 0
    (count,) = struct.unpack_from("<I", metadata, buffers)
    size = 0
    for at, stored in struct.iter_unpack("<qq", metadata[buffers + 4 : buffers + 4 + 16 * count]):
        if stored > 0:
            (raw,) = struct.unpack_from("<q", file, body + at)
            size += stored if raw < 0 else raw
    return size
