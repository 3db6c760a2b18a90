"""Where a store is: a folder of this machine. Every write is new, whole and on disk before it is told."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple, ParamSpec, Protocol, TypeVar

import pyarrow as pa

from sgengine.errors import DataError
from sgengine.store.layout import LOCK, LOG

_READ_ONLY = 0o444
_POLL_S = 0.05


P = ParamSpec("P")
R = TypeVar("R")


class Found(NamedTuple):
    """A file below a place: its path from there, bytes, and when it was last written."""

    path: str
    size: int
    modified_ns: int
    read_only: bool


class Place(Protocol):
    """Where a store is. Paths are relative to it, with slashes, and as they are on disk."""

    root: str
    options: Mapping[str, str]

    def uri(self, path: str) -> str:
        """What deltalake and readers open for ``path``."""

    def exists(self, path: str) -> bool:
        """Whether there is a file ``path``."""

    def names(self) -> set[str]:
        """The names of what is in the place."""

    def size(self, path: str) -> int:
        """The bytes of a file."""

    def read(self, path: str) -> bytes:
        """The content of a file; FileNotFoundError if there is none."""

    def open(self, path: str) -> pa.NativeFile:
        """A file to read from at any place; FileNotFoundError if there is none."""

    def new_file(self, path: str) -> AbstractContextManager[IO[bytes]]:
        """A file to write, which must not exist; it is on disk at the end, its folder is not."""

    def sync_folders(self, paths: Iterable[str]) -> None:
        """Bring the entries of these files, and of the folders above them, onto the disk."""

    def sync_entry(self, table: str, version: int) -> None:
        """Bring a log entry and its checkpoint onto the disk: deltalake leaves that to others."""

    def publish(self, path: str, content: bytes) -> None:
        """Put a file in place of what was there, at once."""

    def delete(self, path: str) -> None:
        """Remove a file; one that is gone is no error."""

    def walk(self, path: str) -> Iterator[Found]:
        """All files below ``path``, in no order."""

    def lock(self, wait_s: float) -> AbstractContextManager[None]:
        """Wait for, and hold, the lock of writers; DataError after ``wait_s``."""


def told(function: Callable[P, R]) -> Callable[P, R]:
    """``function``, with a DataError of one line for what the file system refuses it."""

    @wraps(function)
    def telling(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except OSError as error:
            raise DataError(f"the store cannot be written: {error}") from error

    return telling


class Folder:
    """A store on a local file system."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)  # noqa: PTH100 - links stay as they were given
        self.options: Mapping[str, str] = {}

    def uri(self, path: str) -> str:
        """What deltalake and readers open for ``path``."""
        return f"{self.root}/{path}"

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder ``path``."""
        return Path(self.uri(path)).exists()

    def names(self) -> set[str]:
        """The names of what is in the place; none if it is not there yet."""
        root = Path(self.root)
        return {entry.name for entry in root.iterdir()} if root.exists() else set()

    def size(self, path: str) -> int:
        """The bytes of a file."""
        return Path(self.uri(path)).stat().st_size

    def read(self, path: str) -> bytes:
        """The bytes of a file; FileNotFoundError if there is none."""
        return Path(self.uri(path)).read_bytes()

    def open(self, path: str) -> pa.NativeFile:
        """A file to read from at any place; FileNotFoundError if there is none."""
        return pa.OSFile(self.uri(path))

    @contextmanager
    def new_file(self, path: str) -> Iterator[IO[bytes]]:
        """A file to write that no one may change later (mode 0444); it must not exist.

        It is on disk at the end; its folder is not until ``sync_folders``.
        """
        target = Path(self.uri(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(target, flags, _READ_ONLY), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    def sync_folders(self, paths: Iterable[str]) -> None:
        """Bring the entries of these files, and of the folders above them, onto the disk."""
        for folder in {str(parent) for path in paths for parent in PurePosixPath(path).parents}:
            _sync(Path(self.uri(folder)))

    def sync_entry(self, table: str, version: int) -> None:
        """Bring a log entry and its checkpoint onto the disk: deltalake leaves that to others."""
        log = Path(self.uri(table)) / LOG
        for file in (*log.glob(f"{version:020d}.*"), *log.glob("_last_checkpoint")):
            _sync(file)
        _sync(log)

    def publish(self, path: str, content: bytes) -> None:
        """Put a file in place of what was there, by one rename."""
        target = Path(self.uri(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
        _sync(target.parent)

    def delete(self, path: str) -> None:
        """Remove a file; one that is gone is no error."""
        Path(self.uri(path)).unlink(missing_ok=True)

    def walk(self, path: str) -> Iterator[Found]:
        """All files below ``path``, in no order."""
        for folder, _, names in os.walk(self.uri(path)):
            for name in names:
                file = Path(folder) / name
                try:
                    status = file.stat()
                except FileNotFoundError:  # removed by another process since it was listed
                    continue
                yield Found(
                    path=file.relative_to(self.root).as_posix(),
                    size=status.st_size,
                    modified_ns=status.st_mtime_ns,
                    read_only=not status.st_mode & 0o222,
                )

    @contextmanager
    def lock(self, wait_s: float) -> Iterator[None]:
        """Wait for, and hold, the lock of writers; DataError after ``wait_s``.

        It goes with the process that holds it, however that ends.
        """
        target = Path(self.uri(LOCK))
        with _opened(target) as file:
            _acquire(file, target, wait_s)
            yield


@told
def _opened(path: Path) -> IO[bytes]:
    return path.open("ab")


def _acquire(file: IO[Any], path: Path, wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise DataError(
                    f"{path} is held by another job for {wait_s:g} s or more: wait for its end, "
                    "or let this one wait longer"
                ) from None
            time.sleep(_POLL_S)
        else:
            return


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot sync a folder
            raise
    finally:
        os.close(handle)
