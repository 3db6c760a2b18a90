"""The job of an ad-hoc run: a name that the same inputs have again, and no others."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from sgengine.readers import ReadOptions

_OTHER = re.compile(r"[^\w.-]+")
_LONGEST = 40


def job_of(inputs: Sequence[str], options: ReadOptions) -> str:
    """``adhoc-<first input>-<digest>``: of the paths as they are meant, in any order, and how to read.

    What the files hold has no part in it: a file that changed replaces what was committed of it.
    """
    paths = sorted(_meant(given) for given in inputs)
    read = (options.format, options.system, options.workload, options.run, options.origin)
    digest = hashlib.sha256(repr((paths, read, options.mapping)).encode(errors="surrogateescape"))
    first = _OTHER.sub("-", Path(_meant(inputs[0])).stem).strip("-")[:_LONGEST]
    return "-".join(part for part in ("adhoc", first, digest.hexdigest()[:8]) if part)


def _meant(given: str) -> str:
    """An input with its path absolute, the label kept."""
    label, equals, path = given.rpartition("=")
    if not equals or os.path.exists(given):  # noqa: PTH110 - Path("") would be the current folder
        return str(Path(given).absolute())
    return f"{label}={Path(path).absolute()}"
