"""JSON files whose rows are objects: a line each, or the elements of one array.

An array may stand alone or be the ``data`` of an object, as APIs that give pages write it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from sgengine.errors import FormatError
from sgengine.readers.base import Partition, Reject
from sgengine.readers.faults import one_line
from sgengine.readers.files import BOM, head, mapped
from sgengine.readers.json_lines import REFUSALS, Cutter, Line, lines
from sgengine.readers.request_rows import ROW_FAULTS, Outcome, RequestRow, rejected
from sgengine.readers.tables import Piece

LINES, ARRAY, DATA, OBJECT = "lines", "array", "data", "object"
WORDS = {LINES: "line", ARRAY: "row", DATA: "row", OBJECT: "row"}
"""What the places of each layout number."""

_HEAD = 2**20
_START = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*")


class _Page(msgspec.Struct, gc=False):
    data: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def is_page(self) -> bool:
        return bytes(memoryview(self.data)[:1]) == b"["


def layout(path: str) -> str:
    """How the file's rows are laid out: ``LINES`` unless it is one document."""
    start = head(path, _HEAD).removeprefix(BOM).lstrip()
    if start[:1] == b"[":
        return ARRAY
    first, _, rest = start.partition(b"\n")
    page = _page(first)
    if page is not None:
        return DATA if page.is_page and not rest.strip() else LINES
    whole = _page(_content(path)) if start[:1] == b"{" else None
    if whole is None:
        return LINES
    return DATA if whole.is_page else OBJECT


def _page(text: bytes | memoryview) -> _Page | None:
    try:
        return msgspec.json.decode(text, type=_Page)
    except REFUSALS:
        return None


def _content(path: str) -> memoryview:
    """The file's bytes from its first character on."""
    content = mapped(path)
    found = _START.match(content)
    return memoryview(content)[found.end() if found else 0 :]


def entries(
    path: str, shape: str, start: int = 0, stop: int | None = None, first: int = 1
) -> Iterator[Line]:
    """The rows, numbered from ``first``, of a whole document or of a range of lines.

    Raises ``FormatError`` if a document is damaged anywhere.
    """
    if shape == LINES:
        yield from lines(path, start, stop, first)
        return
    for number, raw in enumerate(_elements(path, shape), 1):
        yield Line(number, 0, bytes(raw))


def _elements(path: str, shape: str) -> Sequence[msgspec.Raw | memoryview]:
    content = _content(path)
    if shape == OBJECT:
        return [content]
    try:
        text = msgspec.json.decode(content, type=_Page).data if shape == DATA else content
        return msgspec.json.decode(text, type=list[msgspec.Raw])
    except REFUSALS as error:
        raise FormatError(
            f"{path} is damaged or cut off: {one_line(error)}; copy it again"
        ) from error


def cut(path: str, shape: str, see: Callable[[Line], None]) -> list[Piece]:
    """Show every row to ``see``; the ranges that the file can be read in."""
    cutter = Cutter()
    for line in entries(path, shape):
        see(line)
        if shape == LINES:
            cutter.see(line)
    if shape == LINES:
        return cutter.pieces(path)
    return [Piece(start=0, stop=Path(path).stat().st_size, first_row=1)]


def outcomes(
    partition: Partition, shape: str, make: Callable[[Line], RequestRow | None]
) -> Iterator[Outcome]:
    """What ``make`` makes of every row of the partition; what it refuses is a reject."""
    range_of = (partition.start, partition.stop, partition.first_row)
    for line in entries(partition.path, shape, *range_of):
        try:
            result: RequestRow | Reject | None = make(line)
        except ROW_FAULTS as error:
            result = rejected(partition.run, f"{WORDS[shape]} {line.number}", error)
        yield Outcome(result, len(line.text))
