"""The runs of event logs that do not name theirs: all files of an input are one run.

The events of a request may lie in several files, so files do not make runs. A folder or a glob is one
run; so are files of one folder that are named one by one, as a shell expands a glob to.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sgengine.readers.base import Source
from sgengine.readers.formats import is_log


def one_run_each(sources: Sequence[Source], inputs: Mapping[str, str]) -> tuple[Source, ...]:
    """The sources, event logs with one name an input; ``inputs``: the input that each path is of."""
    logs: dict[tuple[str | None, str], list[str]] = {}
    for source in sources:
        if is_log(source):
            logs.setdefault((source.label, _folder(inputs[source.path])), []).append(source.path)
    folders = _told_apart({folder for _, folder in logs})
    names: dict[str, str] = {}
    for (label, folder), paths in logs.items():
        name = Path(paths[0]).stem if len(paths) == 1 else label or folders[folder]
        names |= dict.fromkeys(paths, name)
    return tuple(replace(source, name=names.get(source.path, source.name)) for source in sources)


def _folder(given: str) -> str:
    """The folder that an input is, that its pattern begins with, or that the file is in."""
    path = Path(given).absolute()
    if path.is_dir():
        return str(path)
    if not path.exists():
        fixed = [part for part in path.parts if not glob.has_magic(part)]
        path = Path(*path.parts[: _leading(path.parts, fixed)], "x")
    return str(path.parent)


def _leading(parts: Sequence[str], fixed: Sequence[str]) -> int:
    """How many parts come before the first with a wildcard."""
    return next(
        (i for i, (a, b) in enumerate(zip(parts, fixed, strict=False)) if a != b), len(fixed)
    )


def _told_apart(folders: set[str]) -> dict[str, str]:
    """Names of folders: their last part, or where that is the same what is below their common one."""
    short = {folder: Path(folder).name or "events" for folder in folders}
    if len(set(short.values())) == len(folders):
        return short
    common = os.path.commonpath(list(folders))
    return {folder: Path(folder).relative_to(common).as_posix() for folder in folders}
