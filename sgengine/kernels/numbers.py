"""JSON numbers, alone and in lists, to whole numbers, without a Python object for each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels import json_grammar as grammar
from sgengine.kernels._jit import merged, uncounted

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]

UNSURE = grammar.UNSURE

UNKNOWN = np.iinfo(np.int64).min
"""No number that is made here: stands for one that only doubles can tell."""

_DIGITS = 18
_LARGEST = 2**50
_TOTAL = 2**61
_NEAR = 1e-15
"""A number and its product with a power of ten, as doubles, are off by less than half of this each."""

_POWERS = 10 ** np.arange(_DIGITS + 1, dtype=np.uint64)
_MOST = np.array([(_LARGEST - 1) // 10**power for power in range(_DIGITS + 1)], dtype=np.int64)
"""The largest mantissas whose products with powers of ten are below ``_LARGEST``."""


@merged
def _scaled(mantissa: int, scale: int) -> int:
    """``mantissa`` x 10^``scale`` in whole numbers, as doubles round it; UNSURE near a half, or if large."""
    if mantissa == 0 or scale < -_DIGITS:
        return 0
    if scale >= 0:
        if scale > _DIGITS or mantissa > _MOST[scale]:
            return UNSURE
        return mantissa * np.int64(_POWERS[scale])
    divisor = _POWERS[-scale]
    whole = np.int64(np.uint64(mantissa) // divisor)
    beyond = 2 * (mantissa - whole * np.int64(divisor)) - np.int64(divisor)
    if abs(beyond) <= np.int64(divisor) * (_NEAR * (whole + 1)):
        return UNSURE
    whole += 1 if beyond > 0 else 0
    return whole if whole < _LARGEST else UNSURE


@merged
def _exponent(text: UInt8s, at: int, stop: int) -> tuple[int, int]:
    """Where the exponent whose e is at ``at`` ends, or UNSURE, and what it says, 1000 at the most."""
    at += 1
    direction = -1 if at < stop and text[at] == grammar.MINUS else 1
    if at < stop and (text[at] == grammar.MINUS or text[at] == grammar.PLUS):
        at += 1
    begin, exponent = at, np.int64(0)
    while at < stop and grammar.ZERO <= text[at] <= grammar.NINE:
        exponent = min(exponent * 10 + (np.int64(text[at]) - grammar.ZERO), 1000)
        at += 1
    return (at if at > begin else UNSURE), direction * exponent


@merged
def _decimal(text: UInt8s, at: int, stop: int, power: int) -> tuple[int, int]:
    """Where the number at ``at`` ends, or UNSURE, and what it is times 10^``power``, as doubles round it.

    UNSURE: it is no number of JSON, has more than 18 digits, is near a half, or has 50 bits.
    """
    is_negative = at < stop and text[at] == grammar.MINUS
    at += 1 if is_negative else 0
    begin, mantissa, scale = at, np.int64(0), power
    limit = min(stop, at + _DIGITS)
    while at < limit and grammar.ZERO <= text[at] <= grammar.NINE:
        mantissa = mantissa * 10 + (np.int64(text[at]) - grammar.ZERO)
        at += 1
    digits = at - begin
    if digits == 0 or (digits > 1 and text[begin] == grammar.ZERO):
        return UNSURE, 0
    if at < stop and text[at] == grammar.POINT:
        at += 1
        begin = at
        if mantissa == 0:
            digits = 0
            while at < stop and text[at] == grammar.ZERO:
                at += 1
        limit = min(stop, at + _DIGITS - digits)
        while at < limit and grammar.ZERO <= text[at] <= grammar.NINE:
            mantissa = mantissa * 10 + (np.int64(text[at]) - grammar.ZERO)
            at += 1
        if at == begin:
            return UNSURE, 0
        scale -= at - begin
    if at < stop:
        if grammar.ZERO <= text[at] <= grammar.NINE:
            return UNSURE, 0
        if (text[at] | 32) == ord("e"):
            at, exponent = _exponent(text, at, stop)
            scale += exponent
    value = _scaled(mantissa, scale)
    return (UNSURE if value == UNSURE else at), (-value if is_negative else value)


@uncounted
def decimals(text: UInt8s, starts: Int64s, stops: Int64s, powers: Int64s, out: Int64s) -> None:
    """Each number ``text[starts[r]:stops[r]]`` times 10^``powers[r]``, as doubles round it, or UNKNOWN."""
    for r in range(starts.size):
        end, value = _decimal(text, starts[r], stops[r], powers[r])
        out[r] = value if end == stops[r] else UNKNOWN


@uncounted
def running_sums(
    text: UInt8s,
    starts: Int64s,
    stops: Int64s,
    firsts: Int64s,
    powers: Int64s,
    out: Int64s,
    ends: Int64s,
) -> None:
    """Of each list of numbers ``text[starts[r]:stops[r]]``, ``firsts[r]`` and each number added.

    Sums go to ``out`` one list behind another, where there is room for one a list more than half of the
    bytes; ``ends`` (R,) says where those of a list end, or UNSURE. Numbers are of 10^``powers[r]`` ns. A
    list that starts below 0 is empty; one is unsure if it breaks the grammar, or holds what only doubles can round, or leaves 61 bits.
    """
    at = 0
    for r in range(starts.size):
        found = _running_sum(text, starts[r], stops[r], firsts[r], powers[r], out, at)
        ends[r] = found
        at = found if found != UNSURE else at


@merged
def _running_sum(
    text: UInt8s, start: int, stop: int, first: int, power: int, out: Int64s, count: int
) -> int:
    """One list to ``out`` from ``count`` on; where it ends, or UNSURE."""
    total = first
    out[count] = total
    count += 1
    if start < 0:
        return count
    at = grammar.after_blanks(text, start, stop)
    if at >= stop or text[at] != grammar.OPEN_LIST:
        return UNSURE
    at = grammar.after_blanks(text, at + 1, stop)
    is_empty = at < stop and text[at] == grammar.CLOSE_LIST
    while not is_empty:
        at, value = _decimal(text, at, stop, power)
        total += value
        if at == UNSURE or abs(total) >= _TOTAL:
            return UNSURE
        out[count] = total
        count += 1
        at = grammar.after_blanks(text, at, stop)
        if at >= stop or text[at] != grammar.COMMA:
            break
        at = grammar.after_blanks(text, at + 1, stop)
    if at >= stop or text[at] != grammar.CLOSE_LIST:
        return UNSURE
    return count if grammar.after_blanks(text, at + 1, stop) == stop else UNSURE


@uncounted
def whole_lists(text: UInt8s, starts: Int64s, stops: Int64s, out: Int64s, ends: Int64s) -> None:
    """The lists of whole numbers ``text[starts[r]:stops[r]]``, one behind another.

    Numbers go to ``out``, where there is room for half the bytes and one more; ``ends`` (R,) says where
    those of each list end in it, or UNSURE where a text is anything but a list of whole numbers of up
    to 18 digits: null, a fraction, an exponent, -0, 007.
    """
    at = 0
    for r in range(ends.size):
        found = _whole_list(text[starts[r] : stops[r]], out, at)
        ends[r] = found
        at = found if found != UNSURE else at


@merged
def _whole_list(text: UInt8s, out: Int64s, at: int) -> int:
    """One list to ``out`` from ``at`` on; where it ends, or UNSURE."""
    if text.size < 2 or text[0] != ord("[") or text[text.size - 1] != ord("]"):
        return UNSURE
    last = text.size - 1
    k = grammar.after_blanks(text, 1, text.size)
    while k < last:
        sign = -1 if text[k] == ord("-") else 1
        k += 1 if sign < 0 else 0
        begin = k
        value = np.int64(0)
        while k < last and ord("0") <= text[k] <= ord("9"):
            value = value * 10 + (np.int64(text[k]) - 48)
            k += 1
            if k - begin > _DIGITS:
                return UNSURE
        is_odd = text[begin] == ord("0") and (k - begin > 1 or sign < 0)
        if k == begin or is_odd:
            return UNSURE
        out[at] = sign * value
        at += 1
        k = grammar.after_blanks(text, k, text.size)
        if k < last and text[k] != ord(","):
            return UNSURE
        if k < last:
            k = grammar.after_blanks(text, k + 1, text.size)
            if k == last:
                return UNSURE
    return at
