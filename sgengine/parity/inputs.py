"""The files that inputs stand for: files, folders (searched recursively) and globs."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sgengine.errors import DataError, UsageError


@dataclass(frozen=True, kw_only=True)
class Given:
    """One file, and whether it was named itself: then it must be a client's."""

    path: str
    is_named: bool


def files_of(inputs: Sequence[str]) -> list[Given]:
    """The files, in order, each once.

    Raises UsageError for a path that is not there, DataError for a folder without files.
    """
    if not inputs:
        raise UsageError("no input was given; give a file, a folder or a glob")
    found: dict[str, Given] = {}
    for text in inputs:
        for given in _given(text):
            known = found.setdefault(os.path.realpath(given.path), given)
            if given.is_named and not known.is_named:
                found[os.path.realpath(given.path)] = given
    return list(found.values())


def _given(text: str) -> list[Given]:
    try:
        path = Path(text)
        if path.is_file():
            return [Given(path=text, is_named=True)]
        if path.is_dir():
            return _inside(text)
        matches = sorted(glob.glob(text, recursive=True)) if glob.has_magic(text) else []  # noqa: PTH207
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{text!r} is no path: {error}; give a file, a folder or a glob"
        ) from error
    if path.exists():
        raise UsageError(f"{text} is neither a file nor a folder; copy it to a file first")
    if not matches:
        what = "matches no file" if glob.has_magic(text) else "does not exist"
        raise UsageError(f"{text} {what}; give a file, a folder or a glob")
    return [
        given
        for match in matches
        for given in (
            [Given(path=match, is_named=False)] if Path(match).is_file() else _inside(match)
        )
    ]


def _inside(folder: str) -> list[Given]:
    """The files of a folder and its folders, by path, hidden names left out."""
    paths: list[str] = []
    for inner, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [str(Path(inner) / name) for name in names if not name.startswith(".")]
    paths = sorted(path for path in paths if Path(path).is_file())
    if not paths:
        raise DataError(f"{folder} holds no files; give a folder with a client's files in it")
    return [Given(path=path, is_named=False) for path in paths]
