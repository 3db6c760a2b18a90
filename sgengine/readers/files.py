"""Bytes of files: head, map and hash."""

from __future__ import annotations

import hashlib
import mmap
from pathlib import Path

BOM = b"\xef\xbb\xbf"
"""UTF-8 byte order mark: some editors put it first; it is no part of the JSON text."""


def head(path: str, size: int) -> bytes:
    """The first ``size`` bytes of a file, or fewer if it is shorter."""
    with Path(path).open("rb") as file:
        return file.read(size)


def mapped(path: str) -> mmap.mmap:
    """The file's bytes without reading them; the map is closed when nothing refers to it any more.

    Raises ``ValueError`` for an empty file, which cannot be mapped.
    """
    with Path(path).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def content_hash(path: str) -> str:
    """sha256 of the file's bytes, in hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
