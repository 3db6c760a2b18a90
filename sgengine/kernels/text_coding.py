"""Texts as dense codes, by the table of ``coding``.

Codes are in order of first appearance unless two texts are taken for one at first. They are exact: texts
are told apart by a hash of their ends at first, or by that of the whole, and then all compared, in a loop
without branches that costs less than a comparison at each look into the table.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import inlined, kernel
from sgengine.kernels._machine import prefetch_to_write, unlike_16, unlike_32
from sgengine.kernels.coding import CODE, entry
from sgengine.kernels.hashing import ODD, WORD, final, mixed, short_word_at, word_at

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Offsets = npt.NDArray[np.signedinteger[Any]]
UInt8s = npt.NDArray[np.uint8]
UInt64s = npt.NDArray[np.uint64]

_TWO_WORDS = np.uint64(16)
_FOUR_WORDS = np.uint64(32)
_AHEAD = np.uint64(1024)
"""Bytes of text that are fetched before their turn: a tenth of the time that texts take."""


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


@inlined
def _kept(
    text: UInt8s, h: int, known: int, key_data: UInt8s, key_offsets: Int64s, key_hashes: UInt64s
) -> int:
    """Keep a text of hash ``h`` as key number ``known``: what its slot holds, or -1 without room for it."""
    start = key_offsets[known]
    end = start + text.size
    if end > key_data.size:
        return np.int64(-1)
    key_data[start:end] = text
    key_offsets[known + 1] = end
    key_hashes[known] = h
    return entry(h, known)


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
        tag = entry(h, 0)
        at = h & mask
        held = slots[at]
        while held >= 0 and held & ~CODE != tag:
            at = (at + np.uint64(1)) & mask
            held = slots[at]
        if held < 0:
            if known < room:
                held = _kept(data[i:end], h, known, key_data, key_offsets, key_hashes)
            if held < 0:
                return np.int64(k), known
            slots[at] = held
            known += 1
        out[k] = held & CODE
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
        tag = entry(h, 0)
        at = h & mask
        held = slots[at]
        while held >= 0 and held & ~CODE != tag:
            at = (at + np.uint64(1)) & mask
            held = slots[at]
        if held < 0:
            if known < room:
                text = data[offsets[k] : offsets[k + 1]]
                held = _kept(text, h, known, key_data, key_offsets, key_hashes)
            if held < 0:
                return k, known
            slots[at] = held
            known += 1
        out[k] = held & CODE
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
        tag = entry(h, 0)
        at = h & mask
        held = slots[at]
        while held >= 0:
            code = np.uint64(held & CODE)
            other = np.uint64(key_offsets[code])
            is_alike = held & ~CODE == tag
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
            if known < room:
                text = data[begin : begin + size]
                held = _kept(text, h, known, key_data, key_offsets, key_hashes)
            if held < 0:
                return k, known
            slots[at] = held
            known += 1
        out[k] = held & CODE
    return out.size, known
