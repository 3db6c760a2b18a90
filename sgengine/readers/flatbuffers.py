"""Where things are in a FlatBuffer, the format of Arrow's metadata. What is damaged raises ``struct.error``."""

from __future__ import annotations

import struct


def root(data: bytes) -> int:
    """Where the outermost table is."""
    return int(struct.unpack_from("<I", data)[0])


def place(data: bytes, table: int, number: int) -> int | None:
    """Where the field of a table leads; ``None`` if it is absent."""
    at = field(data, table, number)
    return None if at is None else at + int(struct.unpack_from("<I", data, at)[0])


def field(data: bytes, table: int, number: int) -> int | None:
    """Where the field of a table is; ``None`` if it is absent."""
    names = table - struct.unpack_from("<i", data, table)[0]
    (length,) = struct.unpack_from("<H", data, names)
    if 4 + 2 * number >= length:
        return None
    (offset,) = struct.unpack_from("<H", data, names + 4 + 2 * number)
    return table + int(offset) if offset else None
