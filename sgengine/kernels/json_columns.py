"""Values of JSON that lie at known places, as columns. A start below 0 is an absent value."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels import json_grammar as grammar
from sgengine.kernels._jit import uncounted

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
UInt8s = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


@uncounted
def texts(text: UInt8s, starts: Int64s, stops: Int64s, out: UInt8s, ends: Int32s) -> bool:
    """Strings without their quotes, and other values as they are, one behind another in ``out``.

    ``ends`` (R + 1,) are their offsets. False if a string has an escape: then nothing else is told.
    """
    at = 0
    ends[0] = 0
    for r in range(starts.size):
        begin, end = starts[r], stops[r]
        if begin >= 0 and text[begin] == grammar.QUOTE:
            begin, end = begin + 1, end - 1
        for k in range(begin if begin >= 0 else end, end):
            if text[k] == grammar.ESCAPE:
                return False
            out[at] = text[k]
            at += 1
        ends[r + 1] = at
    return True


@uncounted
def equal(text: UInt8s, starts: Int64s, stops: Int64s, word: UInt8s, out: Bools) -> None:
    """Which values are ``word``, byte by byte."""
    for r in range(starts.size):
        same = starts[r] >= 0 and stops[r] - starts[r] == word.size
        k = 0
        while same and k < word.size:
            same = text[starts[r] + k] == word[k]
            k += 1
        out[r] = same


@uncounted
def commas(text: UInt8s, starts: Int64s, stops: Int64s, out: Int64s) -> None:
    """How many commas are in each value."""
    for r in range(starts.size):
        count = 0
        if starts[r] >= 0:
            value = text[starts[r] : stops[r]]
            for k in range(value.size):
                count += 1 if value[k] == grammar.COMMA else 0
        out[r] = count


@uncounted
def items(text: UInt8s, begin: int, end: int, starts: Int64s, stops: Int64s) -> int:
    """Where the lists start and stop that the list ``text[begin:end]`` is of, which is one of LISTS.

    Returns how many there are; those for which there is no room are only counted.
    """
    count, at = 0, grammar.after_blanks(text, begin + 1, end)
    while at < end - 1:
        stop = grammar.after_flat_list(text, at, end)
        if count < starts.size:
            starts[count], stops[count] = at, stop
        count += 1
        at = grammar.after_blanks(text, grammar.after_blanks(text, stop, end) + 1, end)
    return count
