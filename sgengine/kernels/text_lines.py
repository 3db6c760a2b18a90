"""Where the lines of a text lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged, uncounted

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]


@uncounted
def lines(text: UInt8s, starts: Int64s, stops: Int64s, begins: Int64s) -> int:
    """The lines of ``text``: where each begins, and where it starts and stops without blanks around it.

    Returns how many there are; those for which there is no room are only counted. Blanks are those of ``bytes.strip``;
    a blank line starts where it stops. What is behind the last line feed is a line if it is not empty.
    """
    count, at = 0, 0
    while at < text.size:
        end = _line_feed(text, at)
        start, stop = at, end
        while start < stop and _is_blank(text[start]):
            start += 1
        while stop > start and _is_blank(text[stop - 1]):
            stop -= 1
        if count < starts.size:
            begins[count], starts[count], stops[count] = at, start, stop
        count += 1
        at = end + 1
    return count


_BLOCK = 32


@merged
def _line_feed(text: UInt8s, at: int) -> int:
    """Where the next line feed is, or the end."""
    while at + _BLOCK <= text.size:
        found = False
        block = text[at : at + _BLOCK]
        for k in range(_BLOCK):
            found |= block[k] == 10
        if found:
            break
        at += _BLOCK
    while at < text.size and text[at] != 10:
        at += 1
    return at


@merged
def _is_blank(byte: int) -> bool:
    return byte == 32 or 9 <= byte <= 13
