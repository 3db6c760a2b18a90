"""Numbers of as few bytes as they need: varints, and signs folded in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import inlined

UInt8s = npt.NDArray[np.uint8]

MALFORMED = -1
LONGEST = 10
"""Bytes of a varint of 64 bits."""


@inlined
def varint(data: UInt8s, at: int) -> tuple[int, int]:
    """The number of seven bits a byte at ``at``, as 64 bits with a sign, and where it ends.

    MALFORMED for the end of one that has no end within ``data`` or LONGEST bytes.
    """
    value = np.int64(0)
    for k in range(LONGEST):
        if at >= data.size:
            return np.int64(0), MALFORMED
        byte = np.int64(data[at])
        at += 1
        value |= (byte & 127) << (7 * k)
        if byte < 128:
            return value, at
    return np.int64(0), MALFORMED


@inlined
def unzigzag(value: int) -> int:
    """Numbers of either sign are stored as 0, -1, 1, -2, ..."""
    return ((value >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(value & 1)
