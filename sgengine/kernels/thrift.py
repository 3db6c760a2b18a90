"""Chosen fields of a structure in Thrift's compact protocol: the footer and page headers of Parquet.

pyarrow keeps page headers to itself, and reading a damaged column's metadata through it ends the
process. Source: the protocol's specification (thrift-compact-protocol.md of Apache Thrift).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import inlined, kernel
from sgengine.kernels.varints import MALFORMED, unzigzag, varint

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]

DEPTH = 10
"""Structures and lists within each other, a path of 6 bits each; Parquet has six."""

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_STRUCT_FRAME = -1
_END = -1


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
    the number; of a text its length, of a structure 0 where it begins. ``stack`` (DEPTH, 4) is scratch:
    of what is open its path, the last field, how many more items and of what type.
    Returns how many there are and where the structure ends, (MALFORMED, MALFORMED) for anything else.
    """
    count = 0
    top = 0
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, 0, _STRUCT_FRAME
    while top >= 0:
        kind, at = _next(data, at, stack, top)
        if kind == _END:
            top -= 1
            continue
        here = _here(stack, top)
        value, items, item = np.int64(0), np.int64(_STRUCT_FRAME), np.int64(0)
        is_list = kind == _LIST or kind == _SET
        if is_list:
            items, item, at = _list_head(data, at)
        elif kind != _STRUCT:
            value, at = _scalar(data, at, kind, stack[top, 2] != _STRUCT_FRAME)
        if at < 0 or at > data.size:
            return MALFORMED, MALFORMED
        if is_list or kind == _STRUCT:
            top += 1
            if top == DEPTH:
                return MALFORMED, MALFORMED
            stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = here, 0, items, item
        for k in range(0 if is_list else wanted.size):
            if wanted[k] == here:
                which[count], values[count] = k, value
                count += 1
    return count, at


@inlined
def _next(data: UInt8s, at: int, stack: Int64s, top: int) -> tuple[int, int]:
    """The type of what comes next in what is open, _END after the last, and where its value begins."""
    if stack[top, 2] != _STRUCT_FRAME:
        if stack[top, 2] == 0:
            return _END, at
        stack[top, 2] -= 1
        return stack[top, 3], at
    if at >= data.size:
        return _MAP, MALFORMED
    head = np.int64(data[at])
    at += 1
    if head == 0:
        return _END, at
    step = head >> 4
    if step == 0:
        number, at = varint(data, at)
        stack[top, 1] = unzigzag(number)
    else:
        stack[top, 1] += step
    return head & 15, at


@inlined
def _here(stack: Int64s, top: int) -> int:
    """The path of the field that comes next; items of a list have the list's."""
    if stack[top, 2] != _STRUCT_FRAME:
        return stack[top, 0]
    field = stack[top, 1]
    return stack[top, 0] * 64 + (field if 0 < field < 64 else 63)


@inlined
def _list_head(data: UInt8s, at: int) -> tuple[int, int, int]:
    """How many items of what type, and where the first begins; each takes a byte at least."""
    if at < 0 or at >= data.size:
        return 0, 0, MALFORMED
    items = np.int64(data[at]) >> 4
    item = np.int64(data[at]) & 15
    at += 1
    if items == 15:
        items, at = varint(data, at)
    if at < 0 or items < 0 or items > data.size - at:
        return 0, 0, MALFORMED
    return items, item, at


@inlined
def _scalar(data: UInt8s, at: int, kind: int, in_list: bool) -> tuple[int, int]:
    """The number and where it ends; of a text its length, and 0 of what no metadata is told by."""
    if at < 0:
        return 0, MALFORMED
    if kind == _TRUE or kind == _FALSE:
        if in_list:
            return np.int64(at < data.size and data[at] == _TRUE), at + 1
        return np.int64(kind == _TRUE), at
    if kind == _BYTE:
        return 0, at + 1
    if kind == _I16 or kind == _I32 or kind == _I64:
        number, at = varint(data, at)
        return unzigzag(number), at
    if kind == _DOUBLE:
        return 0, at + 8
    if kind == _BINARY:
        size, at = varint(data, at)
        if at < 0 or size < 0 or size > data.size - at:
            return 0, MALFORMED
        return size, at + size
    return 0, MALFORMED
