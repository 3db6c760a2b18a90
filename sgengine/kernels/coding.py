"""Request ids as dense codes, by tables of open slots.

Dense codes number the distinct values of an array from 0, in order of first appearance unless two
texts are taken for one at first. They come from a table: ``slots`` (a power of two) int64 holds a code and
half of a hash, or -1. Codes are exact: texts are told apart by a hash of their ends at first, or by that of
the whole, and then all compared, in a loop without branches that costs less than a comparison at each look
into the table. A kernel stops where the table is half full, or its keys are; the caller grows it
(``refill``) and goes on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import inlined, kernel
from sgengine.kernels._machine import prefetch_to_write, unlike_16, unlike_32
from sgengine.kernels.hashing import HALF, ODD, WORD, final, mixed, short_word_at, word_at

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Offsets = npt.NDArray[np.signedinteger[Any]]
UInt8s = npt.NDArray[np.uint8]
UInt64s = npt.NDArray[np.uint64]

_TAG = np.uint64(2**31 - 1)
_CODE = np.int64(2**32 - 1)
_TWO_WORDS = np.uint64(16)
_FOUR_WORDS = np.uint64(32)
_AHEAD = np.uint64(1024)
"""Bytes of text that are fetched before their turn: a tenth of the time that texts take."""


@inlined
def _entry(h: int, code: int) -> int:
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
        h = final(mixed(np.uint64(0), np.uint64(value)))
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


@inlined
def _hash_of_ends(data: UInt8s, i: int, end: int) -> int:
    """Of a text from ``i`` to ``end``: its length, its first and its last two words."""
    size = end - i
    h = size * ODD
    if size < WORD:
        return final(mixed(h, short_word_at(data, i, size)))
    h = mixed(h, word_at(data, i))
    if size >= _TWO_WORDS:
        h = mixed(h, word_at(data, end - _TWO_WORDS))
    return final(mixed(h, word_at(data, end - WORD)))


@kernel
def code_ends(
    data: UInt8s,
    offsets: Offsets,
    start: int,
    known: int,
    slots: Int64s,
    key_data: UInt8s,
    key_offsets: Int64s,
    key_hashes: UInt64s,
    out: Int32s,
) -> tuple[int, int]:
    """Codes of texts as far as length, first and last 16 bytes tell them apart; else as ``code_texts``.

    Ids have what counts at their end, or are random. To read 24 bytes and look into the table in one
    loop takes half the time of hashing the whole and looking it up after.
    """
    mask = np.uint64(slots.size - 1)
    room = min(slots.size // 2, key_hashes.size)
    for k in range(np.uint64(start), np.uint64(out.size)):
        i, end = np.uint64(offsets[k]), np.uint64(offsets[k + np.uint64(1)])
        prefetch_to_write(data, i + _AHEAD)
        h = _hash_of_ends(data, i, end)
        tag = _entry(h, 0)
        at = h & mask
        held = slots[at]
        while held >= 0 and held & ~_CODE != tag:
            at = (at + np.uint64(1)) & mask
            held = slots[at]
        if held < 0:
            stop = key_offsets[known] + np.int64(end - i)
            if known == room or stop > key_data.size:
                return np.int64(k), known
            held = tag | known
            slots[at] = held
            key_data[key_offsets[known] : stop] = data[i:end]
            key_offsets[known + 1] = stop
            key_hashes[known] = h
            known += 1
        out[k] = held & _CODE
    return out.size, known


@kernel
def code_hashes(
    data: UInt8s,
    offsets: Offsets,
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
    data: UInt8s, offsets: Offsets, codes: Int32s, key_data: UInt8s, key_offsets: Int64s
) -> int:
    """The first of the N texts that is not the key of its code, N if all are."""
    for k in range(codes.size):
        i = np.uint64(offsets[k])
        size = np.uint64(offsets[k + 1]) - i
        code = np.uint64(codes[k])
        other = np.uint64(key_offsets[code])
        unlike = np.uint64(key_offsets[code + np.uint64(1)]) - other ^ size
        if unlike != np.uint64(0):
            return k
        if size >= _FOUR_WORDS:
            # Four words at a time, then the last ones, which may overlap those before them.
            last = size - _FOUR_WORDS
            done = np.uint64(0)
            while done < last:
                unlike |= unlike_32(data, i + done, key_data, other + done)
                done += _FOUR_WORDS
            unlike |= unlike_32(data, i + last, key_data, other + last)
        elif size >= _TWO_WORDS:
            last = size - _TWO_WORDS
            unlike |= unlike_16(data, i, key_data, other)
            unlike |= unlike_16(data, i + last, key_data, other + last)
        elif size >= WORD:
            last = size - WORD
            unlike |= word_at(data, i) ^ word_at(key_data, other)
            unlike |= word_at(data, i + last) ^ word_at(key_data, other + last)
        else:
            unlike = short_word_at(data, i, size) ^ short_word_at(key_data, other, size)
        if unlike != np.uint64(0):
            return k
    return codes.size


@kernel
def code_texts(
    data: UInt8s,
    offsets: Offsets,
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
                if size < WORD:
                    if short_word_at(data, begin, size) == short_word_at(key_data, other, size):
                        break
                else:
                    # Word by word, then the last one, which may overlap the one before it.
                    last = size - WORD
                    i = np.uint64(0)
                    while i < last and word_at(data, begin + i) == word_at(key_data, other + i):
                        i += WORD
                    if i >= last and word_at(data, begin + last) == word_at(key_data, other + last):
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
