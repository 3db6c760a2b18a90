"""Compressed record batches of Arrow IPC: each can only be decompressed as a whole, whatever it takes.

Arrow tells no sizes before it decompresses. They are in the messages: every compressed buffer begins with
its length (Arrow's format, "Compression"), and where buffers are is said by the message's metadata, a
FlatBuffer (Message.fbs: a message has a header of a type; a record batch has nodes, buffers, compression).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pyarrow as pa

from sgengine.errors import DataError
from sgengine.readers.files import head

FILE_MAGIC = b"ARROW1"
_AFTER_MAGIC = 8
_HEADER = 2
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
    with pa.memory_map(path) as file:
        file.seek(_AFTER_MAGIC if head(path, len(FILE_MAGIC)) == FILE_MAGIC else 0)
        try:
            messages = pa.ipc.MessageReader.open_stream(file)
            while True:
                message = messages.read_next_message()
                if message.type == "record batch":
                    yield _size(message.metadata.to_pybytes(), message.body)
        except (StopIteration, pa.ArrowException, OSError, struct.error):
            return


def _size(metadata: bytes, body: pa.Buffer) -> int:
    """The lengths that the compressed buffers of a record batch begin with; -1 is one stored as it is."""
    message = struct.unpack_from("<I", metadata)[0]
    batch = _place(metadata, message, _HEADER)
    if batch is None or _place(metadata, batch, _COMPRESSION) is None:
        return 0
    buffers = _place(metadata, batch, _BUFFERS)
    if buffers is None:
        return 0
    (count,) = struct.unpack_from("<I", metadata, buffers)
    size = 0
    for at, stored in struct.iter_unpack("<qq", metadata[buffers + 4 : buffers + 4 + 16 * count]):
        if stored > 0:
            (raw,) = struct.unpack("<q", body[at : at + 8].to_pybytes())
            size += stored if raw < 0 else raw
    return size


def _place(data: bytes, table: int, field: int) -> int | None:
    """Where the field of a FlatBuffer's table leads; ``None`` if it is absent."""
    names = table - struct.unpack_from("<i", data, table)[0]
    (length,) = struct.unpack_from("<H", data, names)
    if 4 + 2 * field >= length:
        return None
    (offset,) = struct.unpack_from("<H", data, names + 4 + 2 * field)
    if offset == 0:
        return None
    at = table + int(offset)
    return at + int(struct.unpack_from("<I", data, at)[0])
