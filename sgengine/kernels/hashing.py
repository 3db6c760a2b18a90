"""Request ids as hashes and as dense codes.

The hash is our own and fixed: which bucket a request falls into depends on its id and nothing else,
neither on PYTHONHASHSEED nor on the engine or the machine. A text of n bytes is taken in words of 8
bytes, little-endian, the last one overlapping the one before it (a text below 8 bytes is one word,
filled up with zeros); each word w is mixed into h, from h = n * ODD, by h = (h ^ w) * ODD,
h ^= h >> 32. Whole numbers are one such word with h = 0. All arithmetic is modulo 2^64.

Dense codes number the distinct values of an array from 0 in order of first appearance. They come from
a table of open slots: ``slots`` (a power of two) int32 holds a code or -1, beside it the hash. Equal
hashes are compared value by value, so codes are exact. A kernel stops where the table is half full;
the caller grows it (``refill``) and goes on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import inlined, kernel

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]
UInt64s = npt.NDArray[np.uint64]

ODD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_WORD = np.uint64(8)


@inlined
def _mixed(h: int, word: int) -> int:
    """``h`` with one more word."""
    product = (h ^ word) * ODD
    return product ^ (product >> _HALF)


@inlined
def _word(data: UInt8s, i: int) -> int:
    """The 8 bytes from ``i``: LLVM makes one load of them."""
    word = np.uint64(data[i])
    word |= np.uint64(data[i + np.uint64(1)]) << np.uint64(8)
    word |= np.uint64(data[i + np.uint64(2)]) << np.uint64(16)
    word |= np.uint64(data[i + np.uint64(3)]) << np.uint64(24)
    word |= np.uint64(data[i + np.uint64(4)]) << np.uint64(32)
    word |= np.uint64(data[i + np.uint64(5)]) << np.uint64(40)
    word |= np.uint64(data[i + np.uint64(6)]) << np.uint64(48)
    word |= np.uint64(data[i + np.uint64(7)]) << np.uint64(56)
    return word


@inlined
def _short_word(data: UInt8s, start: int, size: int) -> int:
    """The ``size`` < 8 bytes from ``start`` as one word."""
    word = np.uint64(0)
    for k in range(size):
        word |= np.uint64(data[start + np.uint64(k)]) << np.uint64(8 * k)
    return word


@inlined
def _text_hash(data: UInt8s, start: int, stop: int) -> int:
    """The hash of the bytes from ``start`` to ``stop``."""
    i, end = np.uint64(start), np.uint64(stop)
    size = end - i
    h = size * ODD
    if size < _WORD:
        return _mixed(h, _short_word(data, i, size))
    while i + _WORD <= end:
        h = _mixed(h, _word(data, i))
        i += _WORD
    if i < end:
        h = _mixed(h, _word(data, end - _WORD))
    return h


@inlined
def _same_text(data: UInt8s, a: int, b: int, size: int) -> bool:
    """Whether ``size`` bytes from ``a`` and from ``b`` are the same."""
    i, j, left = np.uint64(a), np.uint64(b), np.uint64(size)
    if left < _WORD:
        return _short_word(data, i, left) == _short_word(data, j, left)
    last = left - _WORD
    at = np.uint64(0)
    while at < last:
        if _word(data, i + at) != _word(data, j + at):
            return False
        at += _WORD
    return _word(data, i + last) == _word(data, j + last)


@kernel
def hash_int64s(values: Int64s, out: UInt64s) -> None:
    """The hash of each of ``values`` (N,): ``out`` (N,) uint64."""
    for k in range(values.size):
        out[k] = _mixed(np.uint64(0), np.uint64(values[k]))


@kernel
def hash_texts(data: UInt8s, offsets: Int64s, out: UInt64s) -> None:
    """The hash of each text, ``data`` from ``offsets[k]`` to ``offsets[k + 1]``: ``out`` (N,) uint64."""
    for k in range(out.size):
        out[k] = _text_hash(data, offsets[k], offsets[k + 1])


@kernel
def refill(slots: Int32s, hashes: UInt64s, slot_hashes: UInt64s) -> None:
    """Fill an emptied table with codes 0 to N - 1 of distinct values with these ``hashes`` (N,)."""
    mask = np.uint64(slots.size - 1)
    slots[:] = -1
    for code in range(hashes.size):
        at = hashes[code] & mask
        while slots[at] >= 0:
            at = (at + np.uint64(1)) & mask
        slots[at] = code
        slot_hashes[at] = hashes[code]


@kernel
def code_int64s(
    values: Int64s,
    start: int,
    known: int,
    slots: Int32s,
    slot_hashes: UInt64s,
    firsts: Int64s,
    out: Int32s,
) -> tuple[int, int]:
    """Codes of ``values`` from row ``start``: ``out`` (N,) int32, ``firsts`` the row of each code.

    ``known`` codes are in the table already. Returns the row it stopped before and the codes known
    then. (The mix of one word is one-to-one, so equal hashes are equal values.)
    """
    mask = np.uint64(slots.size - 1)
    room = slots.size // 2
    for k in range(start, values.size):
        h = _mixed(np.uint64(0), np.uint64(values[k]))
        at = h & mask
        while slots[at] >= 0 and slot_hashes[at] != h:
            at = (at + np.uint64(1)) & mask
        code = slots[at]
        if code < 0:
            if known == room:
                return k, known
            code = np.int32(known)
            slots[at] = code
            slot_hashes[at] = h
            firsts[known] = k
            known += 1
        out[k] = code
    return values.size, known


@kernel
def code_texts(
    data: UInt8s,
    offsets: Int64s,
    start: int,
    known: int,
    slots: Int32s,
    slot_hashes: UInt64s,
    firsts: Int64s,
    out: Int32s,
) -> tuple[int, int]:
    """Codes of texts, as ``code_int64s`` of whole numbers; ``offsets`` (N + 1,) into ``data``."""
    mask = np.uint64(slots.size - 1)
    room = slots.size // 2
    for k in range(start, out.size):
        begin = offsets[k]
        size = offsets[k + 1] - begin
        h = _text_hash(data, begin, begin + size)
        at = h & mask
        code = slots[at]
        while code >= 0:
            if slot_hashes[at] == h:
                first = firsts[code]
                other = offsets[first]
                if offsets[first + 1] - other == size and _same_text(data, other, begin, size):
                    break
            at = (at + np.uint64(1)) & mask
            code = slots[at]
        if code < 0:
            if known == room:
                return k, known
            code = np.int32(known)
            slots[at] = code
            slot_hashes[at] = h
            firsts[known] = k
            known += 1
        out[k] = code
    return out.size, known
