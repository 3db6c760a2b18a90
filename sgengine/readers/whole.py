"""JSON documents that can only be read as a whole: refused where they are larger than the memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from sgengine.errors import DataError
from sgengine.readers.files import BOM, head
from sgengine.readers.json_lines import REFUSALS

IsWhole = Callable[[str], bool]
"""Whether the file at a path is read as one document."""

_HEAD = 2**24


def always(_: str) -> bool:
    """Every file of the format."""
    return True


def unless_lines(path: str) -> bool:
    """JSON whose first line is no object of its own; CSV and Parquet are read in parts."""
    first, ends, _ = head(path, _HEAD).removeprefix(BOM).lstrip().partition(b"\n")
    if first[:1] != b"{" or not ends:
        return first[:1] in (b"{", b"[")
    try:
        msgspec.json.decode(first, type=msgspec.Raw)
    except REFUSALS:
        return True
    return False


def check_size(path: str, is_whole: IsWhole | None, limit: int | None) -> None:
    """Raise ``DataError`` for a document of more than ``limit`` bytes; ``None``: all may be read."""
    if limit is None or is_whole is None or not Path(path).is_file():
        return
    size = Path(path).stat().st_size
    if size > limit and is_whole(path):
        raise DataError(
            f"{path} is one JSON document of {-(-size >> 20)} MiB, which is read as a whole, and "
            f"the memory is {limit >> 20} MiB; give --memory {-(-size >> 20)}MiB or more, or convert "
            "it to JSON Lines or Parquet deliveries (sgengine schema tells their columns)"
        )
