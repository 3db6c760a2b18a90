"""Files of one JSON object a line: numbered lines in bounded memory, and byte ranges of lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from sgengine.kernels import text_lines
from sgengine.readers.base import Reject
from sgengine.readers.faults import one_line
from sgengine.readers.files import BOM
from sgengine.readers.tables import Piece

PIECE_BYTES = 2**26
"""Documents and event logs are cut into ranges of at least this size, for several processes to read."""

RANGE_BYTES = 2**23
"""So are files of lines: kernels read these, and so do as many threads at once as there are."""

SCAN_BYTES = 2**20
"""A plan looks at so much text at a time: it stays in a core's cache from one look to the next."""

_USUAL = 64
"""Lines are mostly longer than this; where they are not, they are counted first."""

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


class LineBlock(NamedTuple):
    """Some lines that are not blank: line r has number ``numbers[r]`` and begins at byte ``begins[r]``.

    Its text, stripped, is ``text[starts[r]:stops[r]]``.
    """

    text: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    numbers: np.ndarray
    begins: np.ndarray

    def line(self, row: int) -> Line:
        """One of the lines."""
        text = self.text[self.starts[row] : self.stops[row]].tobytes()
        return Line(int(self.numbers[row]), int(self.begins[row]), text)

    def lines(self) -> Iterator[Line]:
        """All of them."""
        return map(self.line, range(len(self.numbers)))


def blocks(
    path: str, size: int, start: int = 0, stop: int | None = None, first: int = 1
) -> Iterator[LineBlock]:
    """The lines that ``lines`` gives, in blocks whose texts reach ``size`` bytes with their last line.

    A block is good until the next one is asked for.
    """
    with Path(path).open("rb") as file:
        stop = os.fstat(file.fileno()).st_size if stop is None else stop
        # The same memory for every block: fresh pages cost more than reading.
        room = bytearray(min(size + size // 64 + 64, stop - start + 1))
        while start < stop:
            raw = _raw(file, room, size, start, stop)
            if not raw.end:  # the file has become shorter
                return
            block, start, first = _block(raw, size, start, first)
            if len(block.numbers):
                yield block


class _Raw(NamedTuple):
    """Bytes up to ``end`` of whole lines: where each begins, and where its text starts and stops."""

    data: bytes | bytearray
    end: int
    starts: np.ndarray
    stops: np.ndarray
    begins: np.ndarray


def _raw(file: BufferedReader, room: bytearray, size: int, start: int, stop: int) -> _Raw:
    """The lines from ``start``, at least as many as have ``size`` bytes of text, or all."""
    while True:
        file.seek(start)
        wanted = min(len(room), stop - start)
        got = file.readinto(memoryview(room)[:wanted])
        end = got if got < len(room) else room.rfind(b"\n") + 1
        # A line that goes on where the room or the range ends is read to its end.
        is_cut = end == 0 or (got and end == got and room[got - 1 : got] != b"\n")
        data = bytes(room[:got]) + file.readline() if is_cut else room
        raw = _raw_of(data, len(data) if is_cut else end, is_first=start == 0)
        if got < len(room) or (raw.stops - raw.starts).sum() >= size:
            return raw
        room = bytearray(2 * len(room))


def _block(raw: _Raw, size: int, start: int, first: int) -> tuple[LineBlock, int, int]:
    """A block, where the next one begins, and the number of its first line."""
    texts = np.cumsum(raw.stops - raw.starts)
    count = min(int(np.searchsorted(texts, size)) + 1, len(texts))
    kept = np.flatnonzero(raw.stops[:count] > raw.starts[:count])
    block = LineBlock(
        text=_readable(raw.data),
        starts=raw.starts[kept],
        stops=raw.stops[kept],
        numbers=kept + first,
        begins=raw.begins[kept] + start,
    )
    taken = int(raw.begins[count]) if count < len(texts) else raw.end
    return block, start + taken, first + count


def _readable(data: bytes | bytearray) -> np.ndarray:
    """Bytes that kernels only read: of one type for them, whoever owns them."""
    text = np.frombuffer(data, dtype=np.uint8)
    text.flags.writeable = False
    return text


def _raw_of(data: bytes | bytearray, end: int, *, is_first: bool) -> _Raw:
    """The lines of ``data`` up to ``end``; the byte order mark is no text."""
    skipped = len(BOM) if is_first and data.startswith(BOM) else 0
    text = _readable(data)[skipped:end]
    count = end // _USUAL + 1
    room = np.empty((3, 0), dtype=np.int64)
    while count > room.shape[1]:
        room = np.empty((3, count), dtype=np.int64)
        count = text_lines.lines(text, *room)
    starts, stops, begins = room[:, :count] + skipped
    begins[:1] = 0
    return _Raw(data, end, starts, stops, begins)


class Cutter:
    """Gathers lines into ranges of about ``RANGE_BYTES`` while a plan passes over them."""

    def __init__(self) -> None:
        self._starts: list[tuple[int, int]] = []

    def see(self, line: Line) -> None:
        """Begin a range at this line if the last one is full."""
        if not self._starts or line.start - self._starts[-1][0] >= RANGE_BYTES:
            self._starts.append((line.start, line.number))

    def see_all(self, block: LineBlock) -> None:
        """Begin a range wherever in a block the last one is full."""
        row = 0
        while row < len(block.numbers):
            self.see(block.line(row))
            row = int(np.searchsorted(block.begins, self._starts[-1][0] + RANGE_BYTES))

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
