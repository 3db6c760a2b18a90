"""Turns what libraries raise about bad input into one line for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pyarrow as pa

from sgengine.errors import FormatError

LIMIT = 300

FOREIGN = (OSError, pa.ArrowException, msgspec.MsgspecError, UnicodeError, RecursionError)
"""What reading a damaged file may raise, apart from our own errors."""


def one_line(text: object, limit: int = LIMIT) -> str:
    """The text on one line of at most ``limit`` characters."""
    flat = " ".join(str(text).split())
    return flat if len(flat) <= limit else flat[: limit - 3] + "..."


@contextmanager
def reading(path: str, kind: str) -> Iterator[None]:
    """Raise ``FormatError`` naming the file for whatever a library says against its content."""
    try:
        yield
    except FOREIGN as error:
        message = f"{path} cannot be read as {kind}: {one_line(error) or type(error).__name__}"
        raise FormatError(
            f"{message}; check that the file is complete and of this format"
        ) from error
