"""The code that measures, by name: results of another version are measured again."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import sgengine

_MEASURES = (
    "aggregate",
    "analyze",
    "compute",
    "kernels",
    "objectives",
    "readers",
    "record",
    "schema",
    "shuffle",
)
"""The packages that a committed row depends on."""


@lru_cache(maxsize=1)
def code_version() -> str:
    """The version of sgengine and a digest of the sources that measure, as in ``0.1.0+3f2a91c0be12``."""
    root = Path(sgengine.__file__).parent
    digest = hashlib.sha256()
    for package in _MEASURES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return f"{sgengine.__version__}+{digest.hexdigest()[:12]}"
