"""The hash of request ids, fixed for all time.

It is our own: which bucket a request falls into depends on its id and nothing else, neither on
PYTHONHASHSEED nor on the engine or the machine. A text of n bytes is taken in words of 8
bytes, little-endian, the last one overlapping the one before it (a text below 8 bytes is one word,
filled up with zeros); each word w is mixed into h, from h = n * ODD, by h = (h ^ w) * ODD,
h ^= h >> 32. Whole numbers are one such word with h = 0. A last h *= ODD, h ^= h >> 32 ends both. All
arithmetic is modulo 2^64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import inlined, kernel

Int64s = npt.NDArray[np.int64]
Offsets = npt.NDArray[np.signedinteger[Any]]
UInt8s = npt.NDArray[np.uint8]
UInt64s = npt.NDArray[np.uint64]

ODD = np.uint64(0x9E3779B97F4A7C15)
HALF = np.uint64(32)
WORD = np.uint64(8)
_TWO_WORDS = np.uint64(16)


@inlined
def mixed(h: int, word: int) -> int:
    """``h`` with one more word."""
    product = (h ^ word) * ODD
    return product ^ (product >> HALF)


@inlined
def final(h: int) -> int:
    """``h`` with its upper bits, which hold a text's last bytes, spread over the lower ones."""
    product = h * ODD
    return product ^ (product >> HALF)


@inlined
def word_at(data: UInt8s, i: int) -> int:
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
def short_word_at(data: UInt8s, start: int, size: int) -> int:
    """All of the ``size`` < 8 bytes from ``start`` in one word: 4 and 4 that overlap, or 3."""
    last = start + size - np.uint64(1)
    if size >= np.uint64(4):
        return _half_word(data, start) | _half_word(data, last - np.uint64(3)) << HALF
    if size == np.uint64(0):
        return np.uint64(0)
    middle = np.uint64(data[start + (size >> np.uint64(1))]) << np.uint64(8)
    return np.uint64(data[start]) | middle | np.uint64(data[last]) << np.uint64(16)


@kernel
def hash_int64s(values: Int64s, out: UInt64s) -> None:
    """The hash of each of ``values`` (N,): ``out`` (N,) uint64."""
    for k in range(values.size):
        out[k] = final(mixed(np.uint64(0), np.uint64(values[k])))


@kernel
def hash_texts(data: UInt8s, offsets: Offsets, out: UInt64s) -> None:
    """The hash of each text, ``data`` from ``offsets[k]`` to ``offsets[k + 1]``: ``out`` (N,) uint64."""
    for k in range(out.size):
        i, end = np.uint64(offsets[k]), np.uint64(offsets[k + 1])
        size = end - i
        h = size * ODD
        if size < WORD:
            h = mixed(h, short_word_at(data, i, size))
        else:
            while i + _TWO_WORDS <= end:
                h = mixed(mixed(h, word_at(data, i)), word_at(data, i + WORD))
                i += _TWO_WORDS
            if i + WORD <= end:
                h = mixed(h, word_at(data, i))
                i += WORD
            if i < end:
                h = mixed(h, word_at(data, end - WORD))
        out[k] = final(h)
