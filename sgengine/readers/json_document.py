"""One large JSON document: its rows are found and decoded one by one, never the document as a whole.

A cursor passes over the bytes of the mapped file once and stops at brackets and strings only. Memory
is that of one row, whatever the size of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import msgspec

from sgengine.errors import FormatError
from sgengine.readers import client_runs, json_lines
from sgengine.readers.base import Partition, ReadOptions, Reject, RunFacts, Source, SourcePlan
from sgengine.readers.faults import one_line
from sgengine.readers.files import BOM, mapped
from sgengine.readers.python_json import Span
from sgengine.readers.request_rows import ROW_FAULTS, Outcome, RequestRow, rejected
from sgengine.readers.tables import Piece

T = TypeVar("T")

WORD = "request"
"""What the places of such a file number."""

# In a search, a text that is cut off is matched up to its end: no byte is gone over twice.
_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_STRING = re.compile(_TEXT.removesuffix(b"?"), re.DOTALL)
_BRACKET = re.compile(_TEXT + rb"|[\[\]{}]", re.DOTALL)
_SCALAR = re.compile(rb"[^\s,:\[\]{}\"]+")
_SPACE = re.compile(rb"[ \t\r\n]*+")
_LITERAL = re.compile(_TEXT + rb"|-?Infinity|NaN", re.DOTALL)


class Cursor:
    """A position in a document. Whatever breaks the grammar raises ``FormatError``."""

    def __init__(self, path: str, at: int | None = None) -> None:
        self.path = path
        self._content = mapped(path)
        has_mark = self._content[: len(BOM)] == BOM
        self.at = (len(BOM) if has_mark else 0) if at is None else at

    def peek(self) -> bytes:
        """The next byte that is no space, which is not passed; empty at the end of the file."""
        found = _SPACE.match(self._content, self.at)
        self.at = found.end() if found else self.at
        return self._content[self.at : self.at + 1]

    def text(self, span: Span) -> bytes:
        """The bytes of a value."""
        return self._content[span.start : span.stop]

    def skip(self) -> Span:
        """Pass the value that begins here."""
        first, start = self.peek(), self.at
        if first in (b"{", b"["):
            self._pass_brackets()
        else:
            found = (_STRING if first == b'"' else _SCALAR).match(self._content, start)
            if found is None:
                raise self._broken("a value")
            self.at = found.end()
        return Span(start, self.at)

    def members(self) -> Iterator[str]:
        """The keys of the object that begins here; the caller passes each value before the next."""
        self._take(b"{", "an object")
        if self.peek() == b"}":
            self.at += 1
            return
        while True:
            yield self._key()
            if self._ends(b"}"):
                return

    def elements(self) -> Iterator[None]:
        """The turns of the array that begins here; the caller passes each value before the next."""
        self._take(b"[", "an array")
        if self.peek() == b"]":
            self.at += 1
            return
        while True:
            yield
            if self._ends(b"]"):
                return

    def finish(self) -> None:
        """Raise ``FormatError`` unless only space follows."""
        if self.peek():
            raise self._broken("the end of the file")

    def until(self, stop: int) -> Iterator[Span]:
        """The values from here that begin before ``stop``, with commas between them."""
        while self.peek() and self.at < stop:
            yield self.skip()
            if self.peek() == b",":
                self.at += 1

    def _pass_brackets(self) -> None:
        depth = 0
        for token in _BRACKET.finditer(self._content, self.at):
            byte = self._content[token.start()]
            if byte in b"{[":
                depth += 1
            elif byte in b"}]":
                depth -= 1
                if depth == 0:
                    self.at = token.end()
                    return
        raise self._cut()

    def _key(self) -> str:
        if self.peek() != b'"':
            raise self._broken("a key")
        span = self.skip()
        self._take(b":", "a colon")
        return msgspec.json.decode(self.text(span), type=str)

    def _ends(self, closing: bytes) -> bool:
        found = self.peek()
        if found not in (closing, b","):
            raise self._broken(f"a comma or {closing.decode()}")
        self.at += 1
        return found == closing

    def _take(self, byte: bytes, what: str) -> None:
        if self.peek() != byte:
            raise self._broken(what)
        self.at += 1

    def _broken(self, wanted: str) -> FormatError:
        if not self.peek():
            return self._cut()
        found = one_line(repr(self._content[self.at : self.at + 20])[1:], 60)
        return FormatError(
            f"{self.path} is damaged at byte {self.at}: {found} where {wanted} is due; copy it again"
        )

    def _cut(self) -> FormatError:
        return FormatError(
            f"{self.path} is cut off: its JSON does not end by byte {len(self._content)}; copy it again"
        )


def decoded(decoder: msgspec.json.Decoder[Any], text: bytes) -> Any:
    """The value; NaN and Infinity, which Python's writers put out, stand for null.

    Raises one of ``REFUSALS``.
    """
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        if b"NaN" not in text and b"Infinity" not in text:
            raise
    return decoder.decode(_LITERAL.sub(_nulled, text))


def _nulled(found: re.Match[bytes]) -> bytes:
    return found[0] if found[0][:1] == b'"' else b"null"


def keep(cursor: Cursor, key: str, kind: type, kept: dict[str, bytes]) -> None:
    """Pass the value of ``key``; its text is kept if ``kind`` has a field for it."""
    span = cursor.skip()
    if key in kind.__struct_fields__:  # type: ignore[attr-defined]
        kept[key] = cursor.text(span)


def together(kept: dict[str, bytes], kind: type[T]) -> T:
    """The kept values as one object. Raises one of ``REFUSALS``."""
    text = b",".join(b'"%b":%b' % (key.encode(), value) for key, value in kept.items())
    found: T = decoded(msgspec.json.Decoder(kind), b"{" + text + b"}")
    return found


class Cut(NamedTuple):
    """An array of rows: the ranges it can be read in, and how many rows it has."""

    pieces: tuple[Piece, ...]
    rows: int


def cut(cursor: Cursor, first: int, see: Callable[[bytes, int], None]) -> Cut:
    """Pass an array (or null), whose rows are numbered from ``first``, showing every row to ``see``."""
    if cursor.peek() == b"n":
        cursor.skip()
        return Cut((), 0)
    starts: list[tuple[int, int]] = []
    number, end = first, cursor.at
    for _ in cursor.elements():
        span = cursor.skip()
        if not starts or span.start - starts[-1][0] >= json_lines.PIECE_BYTES:
            starts.append((span.start, number))
        see(cursor.text(span), number)
        number, end = number + 1, span.stop
    return Cut(tuple(_pieces([*starts, (end, number)])), number - first)


def _pieces(bounds: list[tuple[int, int]]) -> Iterator[Piece]:
    for (start, number), (stop, _) in pairwise(bounds):
        yield Piece(start=start, stop=stop, first_row=number)


class PlannedRun(NamedTuple):
    """The partitions of a run, and its facts."""

    partitions: tuple[Partition, ...]
    facts: RunFacts


Details = tuple[tuple[str, str], ...]


def planned(
    source: Source,
    options: ReadOptions,
    run: client_runs.Run,
    ranges: Sequence[tuple[Piece, Details]],
    *,
    index: int = 0,
    suffix: str = "",
) -> PlannedRun:
    """A partition for each range, numbered from ``index``. ``suffix`` tells runs of one file apart.

    Raises ``DataError`` if the file does not have the arrivals that ``options`` ask for.
    """
    whole = client_runs.planned(source, options, run, Span(0, 0), suffix=suffix)
    parts = (
        replace(
            whole.partition,
            index=number,
            start=piece.start,
            stop=piece.stop,
            first_row=piece.first_row,
            details=details,
        )
        for number, (piece, details) in enumerate(ranges, index)
    )
    return PlannedRun(tuple(parts), whole.facts)


def plan_of(source: Source, runs: Sequence[PlannedRun]) -> SourcePlan:
    """The plan of a source with these runs."""
    return SourcePlan(
        source=source,
        partitions=tuple(partition for run in runs for partition in run.partitions),
        facts=tuple(run.facts for run in runs),
    )


def outcomes(partition: Partition, make: Callable[[bytes, int], RequestRow]) -> Iterator[Outcome]:
    """What ``make`` makes of every row of the range; what it refuses is a reject."""
    cursor = Cursor(partition.path, partition.start)
    for number, span in enumerate(cursor.until(partition.stop), partition.first_row):
        try:
            result: RequestRow | Reject = make(cursor.text(span), number)
        except ROW_FAULTS as error:
            result = rejected(partition.run, f"{WORD} {number}", error)
        yield Outcome(result, span.stop - span.start)
