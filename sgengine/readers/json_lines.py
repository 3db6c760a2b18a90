"""Files of one JSON object a line: numbered lines in bounded memory, and byte ranges of lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from sgengine.readers.base import Reject
from sgengine.readers.faults import one_line
from sgengine.readers.files import BOM
from sgengine.readers.tables import Piece

PIECE_BYTES = 2**26
"""Files are cut into ranges of at least this size, for several processes to read."""

TEXT_SHARE = 4
"""A batch takes in this fraction of its bytes as text: parsed numbers are larger than their digits
while they are Python objects."""


class Line(NamedTuple):
    """One line: its number in the file from 1, where it begins (byte), and its text, stripped."""

    number: int
    start: int
    text: bytes


def lines(path: str, start: int = 0, stop: int | None = None, first: int = 1) -> Iterator[Line]:
    """The lines, from ``start``, that begin before ``stop``; blank ones are counted and left out.

    ``first`` is the number of the line at ``start``. A line is held in memory as a whole.
    """
    with Path(path).open("rb") as file:
        file.seek(start)
        for number, raw in enumerate(file, first):
            if stop is not None and start >= stop:
                return
            text = (raw.removeprefix(BOM) if start == 0 else raw).strip()
            if text:
                yield Line(number, start, text)
            start += len(raw)


class Cutter:
    """Gathers lines into ranges of about ``PIECE_BYTES`` while a plan passes over them."""

    def __init__(self) -> None:
        self._starts: list[tuple[int, int]] = []

    def see(self, line: Line) -> None:
        """Begin a range at this line if the last one is full."""
        if not self._starts or line.start - self._starts[-1][0] >= PIECE_BYTES:
            self._starts.append((line.start, line.number))

    def pieces(self, path: str) -> list[Piece]:
        """The ranges; the last one reaches to the end of the file."""
        stops = [start for start, _ in self._starts[1:]] + [Path(path).stat().st_size]
        return [
            Piece(start=start, stop=stop, first_row=number)
            for (start, number), stop in zip(self._starts, stops, strict=True)
        ]


def unreadable(run: str | None, line: Line, error: Exception) -> Reject:
    """The reject for a line that a decoder refused: no JSON, or JSON of other types."""
    wrong_type = isinstance(error, msgspec.ValidationError)
    return Reject(
        run=run,
        place=f"line {line.number}",
        reason="wrong_type" if wrong_type else "unreadable_row",
        count=1,
        detail=one_line(error),
    )


REFUSALS = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding one line may raise."""
