"""What a value of JSON may be, as bits, and whether one is what it may be.

========  ==============================================
NULL      null
TEXT      a string
WHOLE     digits, below 9e18 and up to ``most`` (N,)
NUMBER    any other number; without exponent, unless anything is allowed
TRUTH     true, false
LIST      an array
OBJECT    an object
========  ==============================================
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels import json_grammar as grammar
from sgengine.kernels._jit import merged

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]

NULL, TEXT, WHOLE, NUMBER, TRUTH, LIST, OBJECT = 1, 2, 4, 8, 16, 32, 64
NEEDED = 128
LATER = 256
"""A list that has no strings, lists and objects in it; who makes numbers of it checks what else it has."""

LISTS = 2048
"""A list of nothing but lists that are LATER."""

CLOSED = 512
"""Of an object: it has no other members than its children in the table."""

PLAIN = 1024
"""Of a string: it has no escapes."""

ANY = NULL | TEXT | WHOLE | NUMBER | TRUTH | LIST | OBJECT

_DIGITS = 19
_LONGEST = 40
_LARGE = np.iinfo(np.int64).max


@merged
def noted(
    text: UInt8s,
    begin: int,
    end: int,
    kind: int,
    node: int,
    allowed: Int64s,
    most: Int64s,
    spans: Int64s,
    kinds: Int64s,
    whole: Int64s,
) -> bool:
    """Whether the value may be what it is; it is written down."""
    if kind == NUMBER and allowed[node] & WHOLE:
        value = _digits(text, begin, end)
        if value != _LARGE and abs(value) <= most[node]:
            kind = WHOLE
            whole[node] = value
    if not allowed[node] & kind:
        return False
    if kind == TEXT and not grammar.is_utf8(text, begin, end):
        return False
    if kind == TEXT and allowed[node] & PLAIN and _has_escape(text, begin, end):
        return False
    if kind == NUMBER and (allowed[node] & ANY) != ANY and not _is_moderate(text, begin, end):
        return False
    spans[node, 0], spans[node, 1] = begin, end
    kinds[node] = kind
    return True


@merged
def _has_escape(text: UInt8s, begin: int, end: int) -> bool:
    found = False
    for k in range(begin, end):
        found |= text[k] == grammar.ESCAPE
    return found


@merged
def _is_moderate(text: UInt8s, begin: int, end: int) -> bool:
    """Whether a number is surely one that a double can be, whatever its digits."""
    for k in range(begin, end):
        if (text[k] | 32) == ord("e"):
            return False
    return end - begin <= _LONGEST


@merged
def _digits(text: UInt8s, begin: int, end: int) -> int:
    """The number that is digits and perhaps a sign, below 9e18; else, and of -0, _LARGE."""
    at = begin + 1 if text[begin] == grammar.MINUS else begin
    if end - at > _DIGITS or (at > begin and text[at] == grammar.ZERO):
        return _LARGE
    if end - at == _DIGITS and text[at] == grammar.NINE:
        return _LARGE
    value = np.int64(0)
    while at < end:
        digit = np.int64(text[at]) - grammar.ZERO
        if digit < 0 or digit > 9:
            return _LARGE
        value = value * 10 + digit
        at += 1
    return -value if text[begin] == grammar.MINUS else value
