"""Sizes of memory as people write them: ``512MB``, ``2GiB``, plain bytes."""

from __future__ import annotations

import re
from decimal import Decimal

from sgengine.errors import UsageError

_BYTES = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")


def parse_size(text: str, what: str = "memory") -> int:
    """Bytes of ``text``; decimal for kB, MB, GB, TB, binary for KiB, MiB, GiB, TiB. UsageError otherwise."""
    match = _PATTERN.fullmatch(text.strip().lower())
    if match is None or match[2] not in _BYTES:
        raise UsageError(
            f"{what} is '{text}': give bytes, or a number with kB, MB, GB, KiB, MiB or GiB, as in 512MB"
        )
    size = int(Decimal(match[1]) * _BYTES[match[2]])
    if size >= 2**63:
        raise UsageError(f"{what} is '{text}': give less than 8 EiB")
    return size


def format_size(size: int) -> str:
    """The shortest exact spelling of a size: ``1GiB``, ``512MB``, ``1234567``."""
    for unit in ("TiB", "TB", "GiB", "GB", "MiB", "MB", "KiB", "kB"):
        count, rest = divmod(size, _BYTES[unit.lower()])
        if count and not rest:
            return f"{count}{unit}"
    return str(size)
