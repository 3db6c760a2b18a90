"""Parquet's hybrid of runs and packed bits: levels of lists, and places in a dictionary.

Source: Encodings.md of Apache Parquet, "Run Length Encoding / Bit-Packing Hybrid".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import kernel
from sgengine.kernels.varints import MALFORMED, varint

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
UInt8s = npt.NDArray[np.uint8]

WIDEST = 24
"""Bits of a number: more than any dictionary that is worth one."""

_LONGEST = 1 << 32
"""What a run begins with, at most: it is a number of 32 bits, and eight times a longer run overflows."""


@kernel
def zeros(data: UInt8s, count: int, base: int, out: Int64s) -> int:
    """Where ``count`` numbers of one bit are 0, plus ``base``, to ``out`` (count,).

    Returns how many there are, MALFORMED for data that ends early or holds another number.
    """
    at, done, found = 0, 0, 0
    while done < count:
        head, at = varint(data, at)
        if at < 0 or head < 2:
            return MALFORMED
        if head & 1:
            for _ in range(head >> 1):
                if done >= count:
                    break
                if at >= data.size:
                    return MALFORMED
                byte = np.int64(data[at])
                at += 1
                left = min(8, count - done)
                if byte != 255:
                    for bit in range(left):
                        if (byte >> bit) & 1 == 0:
                            out[found] = base + done + bit
                            found += 1
                done += left
        else:
            if at >= data.size or data[at] > 1:
                return MALFORMED
            run = min(head >> 1, count - done)
            if data[at] == 0:
                for k in range(run):
                    out[found] = base + done + k
                    found += 1
            at += 1
            done += run
    return found


@kernel
def is_only(data: UInt8s, count: int, level: int) -> bool:
    """Whether ``count`` numbers of up to 8 bits are one run of ``level`` each; False if not sure."""
    at, done = 0, 0
    while done < count:
        head, at = varint(data, at)
        if at < 0 or head < 2 or head & 1 or at >= data.size or data[at] != level:
            return False
        at += 1
        done += head >> 1
    return True


@kernel
def numbers(data: UInt8s, width: int, count: int, out: Int32s) -> bool:
    """``count`` numbers of ``width`` bits, 0 to WIDEST, to ``out``; False for data that ends early."""
    at, done = 0, 0
    size = (width + 7) >> 3
    mask = (np.int64(1) << width) - 1
    while done < count:
        head, at = varint(data, at)
        if at < 0 or not 2 <= head < _LONGEST:
            return False
        if head & 1:
            packed = min((head >> 1) * 8, count - done)
            end = at + (head >> 1) * width
            if at + ((packed * width + 7) >> 3) > data.size:
                return False
            held, bits = np.int64(0), 0
            for k in range(packed):
                while bits < width:
                    held |= np.int64(data[at]) << bits
                    at += 1
                    bits += 8
                out[done + k] = held & mask
                held >>= width
                bits -= width
            at = end
            done += packed
        else:
            if at + size > data.size:
                return False
            value = np.int64(0)
            for k in range(size):
                value |= np.int64(data[at + k]) << (8 * k)
            if value > mask:
                return False
            at += size
            run = min(head >> 1, count - done)
            for k in range(run):
                out[done + k] = value
            done += run
    return True


@kernel
def list_rows(
    repeated: Int32s,
    defined: Int32s,
    of_list: int,
    of_value: int,
    base: int,
    starts: Int64s,
    nulls: UInt8s,
) -> tuple[int, int]:
    """Rows and values of lists from their levels (L,): where each row begins, and whether it is NULL.

    A list is there from definition level ``of_list`` on, a value in it at ``of_value``; ``starts`` (L,)
    counts values from ``base`` on. Returns how many rows begin and how many values there are, or
    (MALFORMED, MALFORMED) where a level is out of range or a list holds a NULL.
    """
    rows, values = 0, 0
    for k in range(defined.size):
        if defined[k] > of_value or repeated[k] > 1:
            return MALFORMED, MALFORMED
        if repeated[k] == 0:
            starts[rows] = base + values
            nulls[rows] = 1 if defined[k] < of_list else 0
            rows += 1
        elif defined[k] != of_value:
            return MALFORMED, MALFORMED
        if defined[k] == of_value:
            values += 1
        elif defined[k] > of_list:
            return MALFORMED, MALFORMED
    return rows, values
