"""The grammar of JSON, as far as it is passed over without making values: positions, or UNSURE.

Each helper takes the place where something begins in ``text`` and where the text stops, and returns where
that thing ends, or UNSURE: where it breaks the grammar, and where it is right but rare. What they accept,
msgspec accepts; what they do not, msgspec has to say.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged

UInt8s = npt.NDArray[np.uint8]

UNSURE = -1

QUOTE, ESCAPE, COMMA, COLON = ord('"'), ord("\\"), ord(","), ord(":")
OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT = ord("["), ord("]"), ord("{"), ord("}")
MINUS, PLUS, POINT, ZERO, NINE = ord("-"), ord("+"), ord("."), ord("0"), ord("9")

_BLOCK = 32
"""Bytes that are looked at together: a vector loop without a way out of its middle."""


@merged
def after_blanks(text: UInt8s, at: int, stop: int) -> int:
    """The first place from ``at`` on that is no blank, or ``stop``."""
    while at < stop:
        byte = text[at]
        if byte > 32 or not (byte == 32 or byte == 10 or byte == 13 or byte == 9):
            return at
        at += 1
    return at


@merged
def _is_plain(block: UInt8s) -> bool:
    """Whether these bytes of a string neither end it nor are special in it."""
    odd = False
    for k in range(_BLOCK):
        odd |= (block[k] == QUOTE) | (block[k] == ESCAPE) | (block[k] < 32)
    return not odd


@merged
def after_string(text: UInt8s, at: int, stop: int) -> int:
    """Behind the string whose opening quote is before ``at``. Whether it is UTF-8 is not looked at."""
    while at < stop:
        while at + _BLOCK <= stop and _is_plain(text[at : at + _BLOCK]):
            at += _BLOCK
        until = min(at + _BLOCK, stop)
        while at < until:
            byte = text[at]
            at += 1
            if byte == QUOTE:
                return at
            if byte < 32:
                return UNSURE
            if byte == ESCAPE:
                at = _after_escape(text, at, stop)
                if at == UNSURE:
                    return UNSURE
    return UNSURE


@merged
def _after_escape(text: UInt8s, at: int, stop: int) -> int:
    """Behind what a backslash before ``at`` makes of the bytes after it; halves of pairs are unsure."""
    if at >= stop:
        return UNSURE
    byte = text[at]
    at += 1
    if byte == ord("u"):
        if at + 4 > stop or ((text[at] | 32) == ord("d") and (text[at + 1] | 32) > ord("7")):
            return UNSURE
        for k in range(at, at + 4):
            low = text[k] | 32
            is_digit = ZERO <= text[k] <= NINE
            if not is_digit and not ord("a") <= low <= ord("f"):
                return UNSURE
        return at + 4
    is_known = byte == ord("n") or byte == QUOTE or byte == ESCAPE or byte == ord("t")
    is_known = is_known or byte == ord("/") or byte == ord("r") or byte == ord("b")
    return at if is_known or byte == ord("f") else UNSURE


@merged
def after_digits(text: UInt8s, at: int, stop: int) -> int:
    """Behind the digits from ``at`` on, of which there may be none."""
    while at < stop and ZERO <= text[at] <= NINE:
        at += 1
    return at


@merged
def after_number(text: UInt8s, at: int, stop: int) -> int:
    """Behind the number at ``at``."""
    if at < stop and text[at] == MINUS:
        at += 1
    begin = at
    at = after_digits(text, at, stop)
    if at == begin or (text[begin] == ZERO and at > begin + 1):
        return UNSURE
    if at < stop and text[at] == POINT:
        begin = at + 1
        at = after_digits(text, begin, stop)
        if at == begin:
            return UNSURE
    if at < stop and (text[at] | 32) == ord("e"):
        at += 1
        if at < stop and (text[at] == MINUS or text[at] == PLUS):
            at += 1
        begin = at
        at = after_digits(text, begin, stop)
        if at == begin:
            return UNSURE
    return at


@merged
def after_numbers(text: UInt8s, at: int, stop: int) -> int:
    """Behind the last number of those from ``at`` on with commas between them; ``at`` if there is none.

    What comes instead of a number or a comma is left for the caller to judge.
    """
    end = at
    while at < stop and (text[at] == MINUS or ZERO <= text[at] <= NINE):
        end = after_number(text, at, stop)
        if end == UNSURE:
            return UNSURE
        at = after_blanks(text, end, stop)
        if at >= stop or text[at] != COMMA:
            return end
        at = after_blanks(text, at + 1, stop)
    # A comma before something else, or nothing: the caller begins at the comma again.
    return end


@merged
def after_word(text: UInt8s, at: int, stop: int) -> int:
    """Behind true, false or null."""
    if at + 4 > stop:
        return UNSURE
    first, second, third, fourth = text[at], text[at + 1], text[at + 2], text[at + 3]
    if first == ord("n") and second == ord("u") and third == ord("l") and fourth == ord("l"):
        return at + 4
    if first == ord("t") and second == ord("r") and third == ord("u") and fourth == ord("e"):
        return at + 4
    is_false = first == ord("f") and second == ord("a") and third == ord("l") and fourth == ord("s")
    return at + 5 if is_false and at + 5 <= stop and text[at + 4] == ord("e") else UNSURE


@merged
def _has_end(block: UInt8s) -> bool:
    found = False
    for k in range(_BLOCK):
        byte = block[k]
        found |= (
            (byte == QUOTE) | (byte == OPEN_LIST) | (byte == CLOSE_LIST) | (byte == OPEN_OBJECT)
        )
    return found


@merged
def after_flat_list(text: UInt8s, at: int, stop: int) -> int:
    """Behind the ``]`` of the list at ``at`` in which there are no strings, lists and objects.

    What else is in it is not looked at.
    """
    at += 1
    while at + _BLOCK <= stop and not _has_end(text[at : at + _BLOCK]):
        at += _BLOCK
    while at < stop:
        byte = text[at]
        at += 1
        if byte == CLOSE_LIST:
            return at
        if byte == QUOTE or (byte | 32) == OPEN_OBJECT:
            return UNSURE
    return UNSURE


@merged
def after_flat_lists(text: UInt8s, at: int, stop: int) -> int:
    """Behind the ``]`` of the list at ``at`` of nothing but lists as ``after_flat_list`` passes over."""
    at = after_blanks(text, at + 1, stop)
    is_first = True
    while at < stop and (text[at] != CLOSE_LIST or not is_first):
        if text[at] != OPEN_LIST:
            return UNSURE
        at = after_flat_list(text, at, stop)
        if at == UNSURE:
            return UNSURE
        at = after_blanks(text, at, stop)
        if at < stop and text[at] == CLOSE_LIST:
            return at + 1
        if at >= stop or text[at] != COMMA:
            return UNSURE
        at = after_blanks(text, at + 1, stop)
        is_first = False
    return at + 1 if at < stop else UNSURE


@merged
def is_utf8(text: UInt8s, begin: int, end: int) -> bool:
    """Whether these bytes are UTF-8."""
    high = np.uint8(0)
    for k in range(begin, end):
        high |= text[k]
    at = begin if high >= 128 else end
    while at < end:
        lead = text[at]
        at += 1
        if lead < 128:
            continue
        if lead < 0xC2 or lead > 0xF4:
            return False
        more = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
        if at + more > end:
            return False
        # Of longer forms than needed, surrogates and what is beyond Unicode, the second byte tells.
        low = 0xA0 if lead == 0xE0 else 0x90 if lead == 0xF0 else 0x80
        high_end = 0x9F if lead == 0xED else 0x8F if lead == 0xF4 else 0xBF
        if text[at] < low or text[at] > high_end:
            return False
        for k in range(at + 1, at + more):
            if text[k] < 0x80 or text[k] > 0xBF:
                return False
        at += more
    return True
