"""Request ids as hashes and as dense codes.

The hash is our own and fixed: which bucket a request falls into depends on its id and nothing else,
neither on PYTHONHASHSEED nor on the engine or the machine. A text of n bytes is taken in words of 8
bytes, little-endian, the last one overlapping the one before it (a text below 8 bytes is one word,
filled up with zeros); each word w is mixed into h, from h = n * ODD, by h = (h ^ w) * ODD,
h ^= h >> 32. Whole numbers are one such word with h = 0. A last h *= ODD, h ^= h >> 32 ends both. All
arithmetic is modulo 2^64.

Dense codes number the distinct values of an array from 0, in order of first appearance unless two
texts have hashes that are alike. They come from a table of open slots: ``slots`` (a power of two) int64
holds a code and half of the hash, or -1. Codes are exact: texts are told apart by their hashes at first,
and then all compared, in a loop without branches that costs less than a comparison at each look into the
table. A kernel stops where the table is half full, or its keys are; the caller grows it (``refill``) and
goes on.
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
_TWO_WORDS = np.uint64(16)
_TAG = np.uint64(2**31 - 1)
_CODE = np.int64(2**32 - 1)


@inlined
def _mixed(h: int, word: int) -> int:
    """``h`` with one more word."""
    product = (h ^ word) * ODD
    return product ^ (product >> _HALF)


@inlined
def _final(h: int) -> int:
    """``h`` with its upper bits, which hold a text's last bytes, spread over the lower ones."""
    product = h * ODD
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
def _half_word(data: UInt8s, i: int) -> int:
    """The 4 bytes from ``i``."""
    word = np.uint64(data[i])
    word |= np.uint64(data[i + np.uint64(1)]) << np.uint64(8)
    word |= np.uint64(data[i + np.uint64(2)]) << np.uint64(16)
    word |= np.uint64(data[i + np.uint64(3)]) << np.uint64(24)
    return word


@inlined
def _short_word(data: UInt8s, start: int, size: int) -> int:
    """All of the ``size`` < 8 bytes from ``start`` in one word: 4 and 4 that overlap, or 3."""
    last = start + size - np.uint64(1)
    if size >= np.uint64(4):
        return _half_word(data, start) | _half_word(data, last - np.uint64(3)) << _HALF
    if size == np.uint64(0):
        return np.uint64(0)
    middle = np.uint64(data[start + (size >> np.uint64(1))]) << np.uint64(8)
    return np.uint64(data[start]) | middle | np.uint64(data[last]) << np.uint64(16)


@kernel
def hash_int64s(values: Int64s, out: UInt64s) -> None:
    """The hash of each of ``values`` (N,): ``out`` (N,) uint64."""
    for k in range(values.size):
        out[k] = _final(_mixed(np.uint64(0), np.uint64(values[k])))


@kernel
def hash_texts(data: UInt8s, offsets: Int64s, out: UInt64s) -> None:
    """The hash of each text, ``data`` from ``offsets[k]`` to ``offsets[k + 1]``: ``out`` (N,) uint64."""
    for k in range(out.size):
        i, end = np.uint64(offsets[k]), np.uint64(offsets[k + 1])
        size = end - i
        h = size * ODD
        if size < _WORD:
            h = _mixed(h, _short_word(data, i, size))
        else:
            while i + _TWO_WORDS <= end:
                h = _mixed(_mixed(h, _word(data, i)), _word(data, i + _WORD))
                i += _TWO_WORDS
            if i + _WORD <= end:
                h = _mixed(h, _word(data, i))
                i += _WORD
            if i < end:
                h = _mixed(h, _word(data, end - _WORD))
        out[k] = _final(h)


@inlined
def _entry(h: int, code: int) -> int:
    """What a slot holds: the upper half of the hash, then the code; never negative."""
    return np.int64((h >> _HALF) & _TAG) << 32 | np.int64(code)


@kernel
def refill(hashes: UInt64s, slots: Int64s) -> None:
    """Fill the table with codes 0 to N - 1 of distinct values with these ``hashes`` (N,)."""
    mask = np.uint64(slots.size - 1)
    slots[:] = -1
    for code in range(hashes.size):
        at = hashes[code] & mask
        while slots[at] >= 0:
            at = (at + np.uint64(1)) & mask
        slots[at] = _entry(hashes[code], code)


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
        h = _final(_mixed(np.uint64(0), np.uint64(value)))
        at = h & mask
        held = slots[at]
        while held >= 0 and keys[held & _CODE] != value:
            at = (at + np.uint64(1)) & mask
            held = slots[at]
        if held < 0:
            if known == room:
                return k, known
            held = _entry(h, known)
            slots[at] = held
            keys[known] = value
            key_hashes[known] = h
            known += 1
        out[k] = held & _CODE
    return values.size, known


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


@kernel
def code_hashes(
    data: UInt8s,
    offsets: Int64s,
    hashes: UInt64s,
    start: int,
    known: int,
    slots: Int64s,
    key_data: UInt8s,
    key_offsets: Int64s,
    key_hashes: UInt64s,
    out: Int32s,
) -> tuple[int, int]:
    """Codes of texts as far as their hashes tell them apart; else as ``code_texts``."""
    mask = np.uint64(slots.size - 1)
    room = min(slots.size // 2, key_hashes.size)
    for k in range(start, out.size):
        h = hashes[k]
        tag = _entry(h, 0)
        at = h & mask
        held = slots[at]
        while held >= 0 and held & ~_CODE != tag:
            at = (at + np.uint64(1)) & mask
            held = slots[at]
        if held < 0:
            end = key_offsets[known] + offsets[k + 1] - offsets[k]
            if known == room or end > key_data.size:
                return k, known
            held = tag | known
            slots[at] = held
            key_data[key_offsets[known] : end] = data[offsets[k] : offsets[k + 1]]
            key_offsets[known + 1] = end
            key_hashes[known] = h
            known += 1
        out[k] = held & _CODE
    return out.size, known


@kernel
def first_unlike(
    data: UInt8s, offsets: Int64s, codes: Int32s, key_data: UInt8s, key_offsets: Int64s
) -> int:
    """The first of the N texts that is not the key of its code, N if all are."""
    for k in range(codes.size):
        i, end = np.uint64(offsets[k]), np.uint64(offsets[k + 1])
        size = end - i
        code = np.uint64(codes[k])
        other = np.uint64(key_offsets[code])
        unlike = np.uint64(key_offsets[code + np.uint64(1)]) - other ^ size
        if unlike != np.uint64(0):
            return k
        if size < _WORD:
            unlike = _short_word(data, i, size) ^ _short_word(key_data, other, size)
        else:
            # Word by word, then the last one, which may overlap the one before it.
            last = end - _WORD
            shift = other - i
            while i + _WORD < last:
                unlike |= _word(data, i) ^ _word(key_data, i + shift)
                i += _WORD
                unlike |= _word(data, i) ^ _word(key_data, i + shift)
                i += _WORD
            if i < last:
                unlike |= _word(data, i) ^ _word(key_data, i + shift)
            unlike |= _word(data, last) ^ _word(key_data, last + shift)
        if unlike != np.uint64(0):
            return k
    return codes.size


@kernel
def code_texts(
    data: UInt8s,
    offsets: Int64s,
    hashes: UInt64s,
    start: int,
    known: int,
    slots: Int64s,
    key_data: UInt8s,
    key_offsets: Int64s,
    key_hashes: UInt64s,
    out: Int32s,
) -> tuple[int, int]:
    """Codes of texts, as ``code_int64s`` of whole numbers: each compared where it is looked up.

    ``hashes`` (N,) are those of the texts, ``data`` from ``offsets[k]`` to ``offsets[k + 1]``. The
    keys lie side by side in ``key_data``, so that requests of one time share cache lines.
    """
    mask = np.uint64(slots.size - 1)
    room = min(slots.size // 2, key_hashes.size)
    for k in range(start, out.size):
        h = hashes[k]
        begin = np.uint64(offsets[k])
        size = np.uint64(offsets[k + 1]) - begin
        tag = _entry(h, 0)
        at = h & mask
        held = slots[at]
        while held >= 0:
            code = np.uint64(held & _CODE)
            other = np.uint64(key_offsets[code])
            is_alike = held & ~_CODE == tag
            if is_alike and np.uint64(key_offsets[code + np.uint64(1)]) - other == size:
                if size < _WORD:
                    if _short_word(data, begin, size) == _short_word(key_data, other, size):
                        break
                else:
                    # Word by word, then the last one, which may overlap the one before it.
                    last = size - _WORD
                    i = np.uint64(0)
                    while i < last and _word(data, begin + i) == _word(key_data, other + i):
                        i += _WORD
                    if i >= last and _word(data, begin + last) == _word(key_data, other + last):
                        break
            at = (at + np.uint64(1)) & mask
            held = slots[at]
        if held < 0:
            end = key_offsets[known] + np.int64(size)
            if known == room or end > key_data.size:
                return k, known
            held = tag | known
            slots[at] = held
            key_data[key_offsets[known] : end] = data[begin : begin + size]
            key_offsets[known + 1] = end
            key_hashes[known] = h
            known += 1
        out[k] = held & _CODE
    return out.size, known
