"""Bytes of files: head, map and hash."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

BOM = b"\xef\xbb\xbf"
"""UTF-8 byte order mark: some editors put it first; it is no part of the JSON text."""

_HASHED = 2**18


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


@contextmanager
def hashing(path: str) -> Iterator[Callable[[], str]]:
    """Hash a file on a thread of its own meanwhile; what it gives waits for the sha256, in hex.

    Raises ``OSError`` if the file cannot be read. Whoever leaves before the end does not wait for it.
    """
    is_left = Event()
    with ThreadPoolExecutor(1) as pool:
        digest = pool.submit(_digest, path, is_left)
        try:
            yield digest.result
        finally:
            is_left.set()


def content_hash(path: str) -> str:
    """sha256 of the file's bytes, in hex."""
    return _digest(path, Event())


def _digest(path: str, is_left: Event) -> str:
    digest, room = hashlib.sha256(), memoryview(bytearray(_HASHED))
    with Path(path).open("rb", buffering=0) as file:
        while not is_left.is_set() and (size := file.readinto(room)):
            digest.update(room[:size])
    return digest.hexdigest()
