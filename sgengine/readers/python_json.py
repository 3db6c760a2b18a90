"""JSON as Python's writers put it out, read by its type in place, and what is said of a damaged one.

They write Infinity and NaN, which JSON lacks and strict parsers refuse. Outside strings those are
masked: overwritten, in a private map of the file, by texts of the same length, so that every byte
keeps its place. Numbers that may be such are declared ``Decimal`` and read by ``finite``.
"""

from __future__ import annotations

import math
import mmap
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from sgengine.errors import FormatError
from sgengine.readers.faults import one_line
from sgengine.readers.files import BOM
from sgengine.readers.request_rows import BadValueError

T = TypeVar("T")

Decimal = float | str | None
"""A number that Python's writer may have put out as Infinity or NaN: a text, once those are masked."""

_MASKS = {b"Infinity": b'"inf"   ', b"-Infinity": b'"-inf"   ', b"NaN": b'"?"'}

# A quote after a letter is not escaped, and ends a string: what follows is no part of a text.
_KEYED = re.compile(rb'"(?<=\w")\s*+:\s*+(-?Infinity|NaN)')

# Strings are matched whole, so that nothing inside one is taken for a literal; possessively, and a
# string that is cut off up to its end, so that no text is gone over twice.
_STRING_OR_LITERAL = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|(-?Infinity|NaN)', re.DOTALL)

_OFFSET = re.compile(r"\(byte (\d+)\)")


class Span(NamedTuple):
    """The bytes of one JSON value in a file."""

    start: int
    stop: int


def private(path: str) -> mmap.mmap:
    """The file's bytes, not read yet; what is written to them stays in memory.

    Raises ``ValueError`` for an empty file, which cannot be mapped.
    """
    with Path(path).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def everything(content: mmap.mmap) -> Span:
    """All of the file but a byte order mark."""
    return Span(len(BOM) if content[: len(BOM)] == BOM else 0, len(content))


def decode(path: str, content: mmap.mmap, span: Span, kind: type[T], what: str) -> T:
    """The value at ``span`` of a ``private`` map, whose literals are masked on the way.

    Raises ``FormatError`` that says at which byte the JSON breaks, or what is not of its type;
    ``what`` names what was expected.
    """
    try:
        return _decoded(content, span, kind)
    except msgspec.ValidationError as error:
        raise FormatError(
            f"{path} has wrong types for {what} (value at byte {span.start}): {one_line(error)}; "
            "give the file as the client wrote it"
        ) from error
    except msgspec.DecodeError as error:
        raise FormatError(_broken(path, span, str(error))) from error


def _decoded(content: mmap.mmap, span: Span, kind: type[T]) -> T:
    """The value. Literals after a key are cheap to tell; all strings are passed over for others."""
    _mask(content, _literals(content, span, _KEYED))
    text = memoryview(content)[span.start : span.stop]
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        others = _literals(content, span, _STRING_OR_LITERAL)
        if not others:
            raise
    _mask(content, others)
    return msgspec.json.decode(text, type=kind)


def _mask(content: mmap.mmap, found: Sequence[Span]) -> None:
    for literal in found:
        content[literal.start : literal.stop] = _MASKS[content[literal.start : literal.stop]]


def _literals(content: mmap.mmap, span: Span, pattern: re.Pattern[bytes]) -> list[Span]:
    """What the first group of ``pattern`` matches."""
    if all(content.find(word, *span) < 0 for word in (b"Infinity", b"NaN")):
        return []
    matches = pattern.finditer(content, *span)
    return [Span(*found.span(1)) for found in matches if found[1] is not None]


def _broken(path: str, span: Span, message: str) -> str:
    found = _OFFSET.search(message)
    if "truncated" in message or not found:
        return f"{path} is cut off: its JSON does not end by byte {span.stop}; copy it again"
    at = span.start + int(found[1])
    return f"{path} is damaged at byte {at}: {one_line(_OFFSET.sub('', message))}; copy it again"


def finite(value: Decimal) -> float | None:
    """The number, or None where there is none or it is not finite; texts of numbers count."""
    try:
        number = float("nan" if value is None else value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


class Entries:
    """Decodes the entries of arrays one by one, so that a bad one costs its row only."""

    def __init__(self, kind: Any, allowed: str) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        self._allowed = allowed

    def decode(self, name: str, raw: msgspec.Raw) -> Any:
        """The entry of the array ``name``. Raises ``BadValueError`` for a value of another type."""
        try:
            return self._decoder.decode(raw)
        except msgspec.DecodeError as error:
            shown = one_line(bytes(raw)[:60].decode(errors="replace"), 40)
            raise BadValueError(f"{name} has {shown}; allowed is {self._allowed}") from error
