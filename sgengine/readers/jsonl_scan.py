"""What a plan has to know of all lines of deliveries in JSON Lines: columns and their kinds."""

from __future__ import annotations

import re
from collections.abc import Set

import msgspec
import numpy as np

from sgengine.kernels.json_values import LATER, LIST, NULL, NUMBER, OBJECT, TEXT, TRUTH, WHOLE
from sgengine.readers.json_lines import REFUSALS, Line, LineBlock
from sgengine.readers.json_shape import Found, shape_of_keys
from sgengine.readers.typed import Int64
from sgengine.schema import DELIVERIES

LISTS = ("chunk_times_ns", "chunk_tokens")
"""Columns of lists of whole numbers."""

CANONICAL = "canonical"
"""What stands for the kind of a column of DELIVERIES; others are dimensions."""

_UNUSABLE = "unusable"
_ARRIVAL = "arrival_ns"
_DECLARED = frozenset(DELIVERIES.names)
_ODD_KEY = re.compile(r'["\\\x00-\x1f]')
"""Characters that the decoder does not take in the names of fields."""

_MANY = 64
"""Columns up to which keys are looked for in many lines at a time."""


class Scan:
    """What a pass over all lines finds out: columns, kinds of dimensions, the first arrival."""

    def __init__(self) -> None:
        self.columns: dict[str, set[str]] = {}
        self.first_arrival: int | None = None
        self._names: tuple[str, ...] = ()
        self._others: list[str] = []
        self._decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])

    def see(self, line: Line) -> None:
        """Take note of a line's keys; a line that cannot be read has none."""
        try:
            row = self._decoder.decode(line.text)
        except REFUSALS:
            return
        names = tuple(row)
        if names != self._names:  # most lines have the keys of the one before
            self._names = names
            self._others = [name for name in names if name not in _DECLARED]
            for name in names:
                self.columns.setdefault(name, set())
        for name in self._others:
            self.columns[name].add(_kind(bytes(row[name])))
        if self.first_arrival is None and _ARRIVAL in row:
            self.first_arrival = _whole(bytes(row[_ARRIVAL]))

    def see_all(self, block: LineBlock) -> None:
        """Take note of the keys of a block's lines."""
        row = 0
        while row < len(block.numbers):
            row = self._see_from(block, row)

    def _see_from(self, block: LineBlock, row: int) -> int:
        """Take note of the lines from ``row`` up to the first with a new key; where to go on."""
        known = len(self.columns)
        if not 0 < known <= _MANY:
            self.see(block.line(row))
            return row + 1
        found = self._found(block, row)
        seen = 0
        for odd in np.flatnonzero(~found.sure).tolist():
            self._see_found(found.rows(slice(seen, odd)))
            self.see(block.line(row + odd))
            seen = odd + 1
            if len(self.columns) > known:
                return row + seen
        self._see_found(found.rows(slice(seen, None)))
        return len(block.numbers)

    def _found(self, block: LineBlock, row: int) -> Found:
        """The lines from ``row`` on; of all that may tell anything new, the lists are checked too."""
        lines_of = (block.text, block.starts[row:], block.stops[row:])
        found = shape_of_keys(self._shape(LATER)).find(*lines_of)
        is_known = self.first_arrival is not None or _ARRIVAL not in self.columns
        sure = found.rows(found.sure)
        if is_known and all(
            _kinds(sure, name) <= self.columns[name] for name in self._dimensions()
        ):
            return found
        return shape_of_keys(self._shape(0)).find(*lines_of)

    def _shape(self, later: int) -> dict[str, int]:
        return {name: later if name in LISTS else 0 for name in self.columns}

    def _dimensions(self) -> Set[str]:
        return self.columns.keys() - _DECLARED

    def _see_found(self, found: Found) -> None:
        for name in self._dimensions() if len(found.sure) else ():
            self.columns[name] |= _kinds(found, name)
        if self.first_arrival is None and _ARRIVAL in self.columns:
            known = (value for value in found.values(_ARRIVAL) if value is not None)
            self.first_arrival = next((n for n in map(_whole, known) if n is not None), None)

    def details(self) -> tuple[tuple[str, str], ...]:
        """Column and kind of every canonical column and every dimension."""
        kinds = ((name, self._column_kind(name)) for name in self.columns)
        return tuple((name, kind) for name, kind in kinds if kind != _UNUSABLE)

    def left_out(self) -> list[str]:
        """Keys that cannot be dimensions."""
        return [name for name in self.columns if self._column_kind(name) == _UNUSABLE]

    def _column_kind(self, name: str) -> str:
        if name in DELIVERIES.names:
            return CANONICAL
        kinds = self.columns[name] - {"null"}
        if _UNUSABLE in kinds or _ODD_KEY.search(name):
            return _UNUSABLE
        if kinds == {"int", "float"}:
            return "float"
        return kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "text"


def _kind(raw: bytes) -> str:
    simple = {
        b'"': "text",
        b"t": "bool",
        b"f": "bool",
        b"n": "null",
        b"[": _UNUSABLE,
        b"{": _UNUSABLE,
    }
    found = simple.get(raw[:1])
    if found:
        return found
    if any(mark in raw for mark in b".eE"):
        return "float"
    return "int" if _whole(raw) is not None else "mixed"


_SIMPLE_KINDS = {
    TEXT: "text",
    TRUTH: "bool",
    NULL: "null",
    LIST: _UNUSABLE,
    OBJECT: _UNUSABLE,
    WHOLE: "int",
}


def _kinds(found: Found, name: str) -> set[str]:
    """What ``_kind`` says of all values of a member."""
    numbers = found.rows(found.has(name, NUMBER)).values(name)
    odd = {_kind(value) for value in numbers if value is not None}
    return odd | {kind for bit, kind in _SIMPLE_KINDS.items() if found.has(name, bit).any()}


def _whole(raw: bytes) -> int | None:
    try:
        return msgspec.json.decode(raw, type=Int64)
    except msgspec.DecodeError:
        return None
