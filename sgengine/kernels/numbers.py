"""Lists of JSON numbers to whole numbers, without a Python object for each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import inlined, kernel

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]

UNSURE = -1

_DIGITS = 18
_LARGEST = 2**50
_TOTAL = 2**61
_NEAR = 1e-15
"""A number and its product with a power of ten, as doubles, are off by less than half of this each."""


@inlined
def _scaled(mantissa: int, scale: int) -> int:
    """``mantissa`` x 10^``scale`` in whole numbers, as doubles round it; UNSURE near a half, or if large."""
    if mantissa == 0 or scale < -_DIGITS:
        return 0
    whole = mantissa
    if scale >= 0:
        for _ in range(scale):
            if whole >= _LARGEST:
                return UNSURE
            whole *= 10
    else:
        divisor = np.int64(1)
        for _ in range(-scale):
            divisor *= 10
        whole = mantissa // divisor
        beyond = 2 * (mantissa - whole * divisor) - divisor
        if abs(beyond) <= divisor * (_NEAR * (whole + 1)):
            return UNSURE
        whole += 1 if beyond > 0 else 0
    return whole if whole < _LARGEST else UNSURE


@kernel
def whole_lists(text: UInt8s, starts: Int64s, out: Int64s, ends: Int64s) -> None:
    """The lists of whole numbers that ``text`` holds from each of ``starts`` (R + 1,) on, one behind another.

    Numbers go to ``out``, where there is room for half the bytes and one more; ``ends`` (R,) says where
    those of each list end in it, or UNSURE where a text is anything but a list of whole numbers of up
    to 18 digits: null, a fraction, an exponent, -0, 007.
    """
    at = 0
    for r in range(ends.size):
        found = _whole_list(text[starts[r] : starts[r + 1]], out, at)
        ends[r] = found
        at = found if found != UNSURE else at


@inlined
def _whole_list(text: UInt8s, out: Int64s, at: int) -> int:
    """One list to ``out`` from ``at`` on; where it ends, or UNSURE."""
    if text.size < 2 or text[0] != ord("[") or text[text.size - 1] != ord("]"):
        return UNSURE
    last = text.size - 1
    k = _after_blanks(text, 1)
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
        k = _after_blanks(text, k)
        if k < last and text[k] != ord(","):
            return UNSURE
        if k < last:
            k = _after_blanks(text, k + 1)
            if k == last:
                return UNSURE
    return at


@inlined
def _after_blanks(text: UInt8s, k: int) -> int:
    while k < text.size and (
        text[k] == ord(" ") or text[k] == ord("\n") or text[k] == ord("\r") or text[k] == ord("\t")
    ):
        k += 1
    return k


@kernel
def running_sum(text: UInt8s, first: int, power: int, out: Int64s) -> int:
    """``first``, then each number of the JSON array ``text`` added: ``out`` takes one more than there are.

    A number is of 10^``power`` ns, rounded as if it were a double before. Returns how many times there
    are, or UNSURE where that takes a double, a value is no number, or a sum leaves 61 bits.
    """
    out[0] = first
    at, count, total = 0, 1, first
    while at < text.size and text[at] != ord("["):
        at += 1
    at += 1
    while at < text.size:
        byte = text[at]
        if byte == ord(",") or byte == ord(" ") or byte == ord("\n") or byte == ord("\r"):
            at += 1
            continue
        if byte == ord("\t"):
            at += 1
            continue
        if byte == ord("]"):
            return count
        sign = 1
        if byte == ord("-"):
            sign = -1
            at += 1
        mantissa = np.int64(0)
        digits, scale, begin, is_whole = 0, power, at, True
        while at < text.size:
            byte = text[at]
            if ord("0") <= byte <= ord("9"):
                mantissa = mantissa * 10 + (np.int64(byte) - 48)
                digits += 1 if mantissa > 0 else 0
                scale -= 0 if is_whole else 1
                if digits > _DIGITS:
                    return UNSURE
            elif byte == ord(".") and is_whole:
                is_whole = False
            else:
                break
            at += 1
        if at == begin:
            return UNSURE
        if at < text.size and (text[at] == ord("e") or text[at] == ord("E")):
            at += 1
            direction, exponent = 1, 0
            if text[at] == ord("-") or text[at] == ord("+"):
                direction = -1 if text[at] == ord("-") else 1
                at += 1
            while at < text.size and ord("0") <= text[at] <= ord("9"):
                exponent = min(exponent * 10 + (np.int64(text[at]) - 48), 1000)
                at += 1
            scale += direction * exponent
        value = _scaled(mantissa, scale)
        total += sign * value
        if value == UNSURE or abs(total) >= _TOTAL:
            return UNSURE
        out[count] = total
        count += 1
    return UNSURE
