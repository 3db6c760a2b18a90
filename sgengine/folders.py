"""Folders on this machine for what any process can make again: compiled kernels, the catalog of SQL."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

KEPT = 8
"""Folders of other versions that stay, those used last; checkouts and releases share a cache."""

_NAME = "sgengine-"


def _places(beside: Path) -> Iterator[Path]:
    if os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(os.environ["NUMBA_CACHE_DIR"])
    yield beside
    yield from _of_user()
    yield from _temporary()


def _of_user() -> Iterator[Path]:
    """The user's cache directory, if there is one; a relative one is none, by the rules of XDG."""
    cache, home = os.environ.get("XDG_CACHE_HOME", ""), os.environ.get("HOME")
    if Path(cache).is_absolute():
        yield Path(cache)
    elif home:
        yield Path(home) / ".cache"


def _temporary() -> Iterator[Path]:
    """A folder in the temporary directory that nobody else can put code into, if there can be one."""
    user = os.getuid() if hasattr(os, "getuid") else None
    try:
        place = Path(tempfile.gettempdir()) / f"sgengine-{'user' if user is None else user}"
        place.mkdir(exist_ok=True, mode=0o700)
        found = place.lstat()
    except OSError:
        return
    is_ours = stat.S_ISDIR(found.st_mode) and user in (None, found.st_uid)
    if is_ours and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield place


def kept_folder(digest: str, beside: Path, kind: str = "") -> Path | None:
    """A folder for what is made of the sources with this ``digest`` (16 hex digits) that can be written to.

    The first that can be of: in ``NUMBA_CACHE_DIR``, in ``beside``, in the user's cache directory, in the
    temporary one. None if there is none. A new one sends away the folders of its ``kind`` that were
    used longest ago, but for KEPT.
    """
    for place in _places(beside):
        folder = place / f"{_NAME}{kind}{digest}"
        try:
            is_new = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=folder):
                os.utime(folder)
        except OSError:
            continue
        if is_new:
            _prune(folder, re.compile(rf"{_NAME}{kind}[0-9a-f]{{16}}"))
        return folder
    return None


def _prune(mine: Path, names: re.Pattern[str]) -> None:
    """Remove the folders of other versions but for those used last.

    A process that still uses one compiles what it does not find, and makes the folder again.
    """
    with suppress(OSError):
        others = [path for path in mine.parent.iterdir() if names.fullmatch(path.name)]
        used = {path: path.lstat() for path in others if path != mine}
        folders = [path for path, found in used.items() if stat.S_ISDIR(found.st_mode)]
        folders.sort(key=lambda path: used[path].st_mtime_ns, reverse=True)
        for path in folders[KEPT:]:
            shutil.rmtree(path, ignore_errors=True)
