"""Chosen fields of a structure in Thrift's compact protocol: the footer and page headers of Parquet.

pyarrow keeps page headers to itself, and reading a damaged column's metadata through it ends the
process. Source: the protocol's specification (thrift-compact-protocol.md of Apache Thrift).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import kernel
from sgengine.kernels.varints import MALFORMED, unzigzag, varint

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]

DEPTH = 10
"""Structures and lists within each other, a path of 6 bits each; Parquet has six."""

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_STRUCT_FRAME = -1


def path(*ids: int) -> int:
    """The number of a field from the ids of the fields that it is within, outermost first."""
    found = 0
    for field in ids:
        found = found * 64 + field
    return found


@kernel
def fields(
    data: UInt8s, at: int, wanted: Int64s, stack: Int64s, which: Int64s, values: Int64s
) -> tuple[int, int]:
    """What the structure that begins at ``at`` says of the ``wanted`` paths, in order.

    ``which``, ``values`` (at least as long as the structure has bytes): the index in ``wanted`` and
    the number; of a text its length, of a structure 0 where it begins. ``stack`` (DEPTH, 4) is scratch.
    Returns how many there are and where the structure ends, (MALFORMED, MALFORMED) for anything else.
    """
    count = 0
    top = 0
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, 0, _STRUCT_FRAME
    while top >= 0:
        if stack[top, 2] == _STRUCT_FRAME:
            if at >= data.size:
                return MALFORMED, MALFORMED
            head = np.int64(data[at])
            at += 1
            if head == 0:
                top -= 1
                continue
            kind = head & 15
            step = head >> 4
            if step == 0:
                number, at = varint(data, at)
                if at < 0:
                    return MALFORMED, MALFORMED
                stack[top, 1] = unzigzag(number)
            else:
                stack[top, 1] += step
            field = stack[top, 1]
            here = stack[top, 0] * 64 + (field if 0 < field < 64 else 63)
            in_list = False
        else:
            if stack[top, 2] == 0:
                top -= 1
                continue
            stack[top, 2] -= 1
            kind, here = stack[top, 3], stack[top, 0]
            in_list = True
        value = np.int64(0)
        if kind == _TRUE or kind == _FALSE:
            value = np.int64(kind == _TRUE)
            if in_list:
                value = np.int64(at < data.size and data[at] == _TRUE)
                at += 1
        elif kind == _BYTE:
            at += 1
        elif kind == _I16 or kind == _I32 or kind == _I64:
            number, at = varint(data, at)
            value = unzigzag(number)
        elif kind == _DOUBLE:
            at += 8
        elif kind == _BINARY:
            value, at = varint(data, at)
            if at < 0 or value < 0 or value > data.size - at:
                return MALFORMED, MALFORMED
            at += value
        elif kind == _LIST or kind == _SET:
            if at >= data.size:
                return MALFORMED, MALFORMED
            size = np.int64(data[at]) >> 4
            item = np.int64(data[at]) & 15
            at += 1
            if size == 15:
                size, at = varint(data, at)
            if at < 0 or size < 0 or size > data.size - at or top + 1 == DEPTH:
                return MALFORMED, MALFORMED
            top += 1
            stack[top, 0], stack[top, 2], stack[top, 3] = here, size, item
            continue
        elif kind == _STRUCT:
            if top + 1 == DEPTH:
                return MALFORMED, MALFORMED
            top += 1
            stack[top, 0], stack[top, 1], stack[top, 2] = here, 0, _STRUCT_FRAME
        else:
            return MALFORMED, MALFORMED
        if at < 0 or at > data.size:
            return MALFORMED, MALFORMED
        for k in range(wanted.size):
            if wanted[k] == here:
                which[count], values[count] = k, value
                count += 1
    return count, at
