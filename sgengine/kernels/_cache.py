"""Compiled kernels on disk: a folder a version of the sources, a file a signature, whole or not there.

Numba's own cache numbers its files in an index: of two processes that compile two signatures of one
kernel at the same time, one could find the other's code under its own, and a file that is cut off stops
whoever reads it. Here the name of a file says all that its code depends on, so that whoever writes it
writes the same, and it begins with a digest of the rest: what is damaged is compiled again.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numba
from numba.core.compiler import CompileResult
from numba.core.runtime import rtsys
from numba.core.serialize import dumps

from sgengine.folders import kept_folder

_HERE = Path(__file__).parent
_SEAL = hashlib.sha256().digest_size


def _digest() -> str:
    """Of all kernel sources, in a fixed order: a changed helper changes the kernels that use it."""
    found = hashlib.sha256()
    for path in sorted(_HERE.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def cache_folder() -> Path | None:
    """A folder for these sources that this process can write to, or None."""
    return kept_folder(_digest(), _HERE / "__pycache__")


def _unsealed(path: Path) -> bytes | None:
    """What a file keeps; None if it is not there, or damaged."""
    try:
        found = path.read_bytes()
    except OSError:
        return None
    content = found[_SEAL:]
    return content if hashlib.sha256(content).digest() == found[:_SEAL] else None


class KernelCache:
    """What a dispatcher of Numba asks for compiled code, and gives it to. Never stops a caller."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self.cache_path = str(folder)
        self._folder = folder
        self._name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
        self._line = function.__code__.co_firstlineno

    def load_overload(self, signature: object, target: Any) -> CompileResult | None:
        """The code for these types of arguments; None if it is not there, or damaged.

        Code that is kept needs the runtime that counts references, and nothing of what Numba has to
        compile with: reading that takes 0.2 s a process, and whoever compiles reads it then.
        """
        rtsys.initialize(target)
        content = _unsealed(self._path(signature, target.codegen()))
        return None if content is None else CompileResult._rebuild(target, *pickle.loads(content))

    def save_overload(self, signature: object, compiled: CompileResult) -> None:
        """Keep the code for these types; without room for it the next process compiles again."""
        if compiled.library.has_dynamic_globals:  # addresses of this process
            return
        content = dumps(compiled._reduce())
        path = self._path(signature, compiled.codegen)
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._write(path, hashlib.sha256(content).digest() + content)

    def _write(self, path: Path, content: bytes) -> None:
        made = path.with_name(f"{path.name}.{uuid4().hex}")
        try:
            made.write_bytes(content)
            made.replace(path)
        finally:
            made.unlink(missing_ok=True)

    def _path(self, signature: object, codegen: Any) -> Path:
        """The name holds all that compiled code depends on beside the sources."""
        about = (signature, codegen.magic_tuple(), numba.__version__, sys.version_info[:2])
        digest = hashlib.sha256(repr((self._line, *about)).encode()).hexdigest()[:16]
        return self._folder / f"{self._name}-{digest}.kernel"
