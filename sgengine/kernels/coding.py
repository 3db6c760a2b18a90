"""Request ids as dense codes, by tables of open slots; texts are in ``text_coding``.

Dense codes number the distinct values of an array from 0, in order of first appearance. They come from a
table: ``slots`` (a power of two) int64 holds a code and half of a hash, or -1. A kernel stops where the
table is half full, or its keys are; the caller grows it (``refill``) and goes on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import inlined, kernel
from sgengine.kernels.hashing import HALF, final, mixed

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]

_TAG = np.uint64(2**31 - 1)
CODE = np.int64(2**32 - 1)
"""The bits of a slot that are a code; those above are of the hash."""


@inlined
def entry(h: int, code: int) -> int:
    """What a slot holds: the upper half of the hash, then the code; never negative."""
    return np.int64((h >> HALF) & _TAG) << 32 | np.int64(code)


@kernel
def refill(hashes: UInt64s, slots: Int64s) -> None:
    """Fill the table with codes 0 to N - 1 of distinct values with these ``hashes`` (N,)."""
    mask = np.uint64(slots.size - 1)
    slots[:] = -1
    for code in range(hashes.size):
        at = hashes[code] & mask
        while slots[at] >= 0:
            at = (at + np.uint64(1)) & mask
        slots[at] = entry(hashes[code], code)


@kernel
def code_int64s(
    values: Int64s,
    start: int,
    known: int,
    slots: Int64s,
    keys: Int64s,
    key_hashes: UInt64s,
    out: Int32s,
) -> tuple[int, int]:
    """Codes of ``values`` (N,) from row ``start``: ``out`` (N,) int32.

    ``known`` codes are in the table already, with ``keys`` and ``key_hashes``, which new ones join.
    Returns the row it stopped before, for want of room in the table or for keys, and the codes known
    then.
    """
    mask = np.uint64(slots.size - 1)
    room = min(slots.size // 2, keys.size)
    for k in range(start, values.size):
        value = values[k]
        h = final(mixed(np.uint64(0), np.uint64(value)))
        at = h & mask
        held = slots[at]
        while held >= 0 and keys[held & CODE] != value:
            at = (at + np.uint64(1)) & mask
            held = slots[at]
        if held < 0:
            if known == room:
                return k, known
            held = entry(h, known)
            slots[at] = held
            keys[known] = value
            key_hashes[known] = h
            known += 1
        out[k] = held & CODE
    return values.size, known


@kernel
def bounds(values: Int64s) -> tuple[int, int]:
    """The least and the greatest of ``values`` (N > 0,)."""
    low = high = values[0]
    for k in range(values.size):
        low = min(low, values[k])
        high = max(high, values[k])
    return low, high


@kernel
def code_dense(values: Int64s, low: int, ranks: Int32s, keys: Int64s, out: Int32s) -> int:
    """Codes of ``values`` (N,) that lie between ``low`` and ``low + ranks.size``, without hashing.

    ``ranks`` is zero; ``keys`` takes the distinct values in order of first appearance. Returns how
    many there are.
    """
    known = 0
    for k in range(values.size):
        place = values[k] - low
        rank = ranks[place]
        if rank == 0:
            keys[known] = values[k]
            known += 1
            rank = np.int32(known)
            ranks[place] = rank
        out[k] = rank - 1
    return known
