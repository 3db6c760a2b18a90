"""Parquet's DELTA_BINARY_PACKED: whole numbers as differences of few bits each.

Source: Encodings.md of Apache Parquet, "Delta Encoding". Blocks hold some miniblocks of numbers of one
width; differences are stored less the smallest of their block.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import inlined, kernel
from sgengine.kernels._machine import prefetch_to_write
from sgengine.kernels.eights import running_sums
from sgengine.kernels.hashing import word_at
from sgengine.kernels.varints import MALFORMED, unzigzag, varint

UInt8s = npt.NDArray[np.uint8]
Ints = npt.NDArray[Any]

_WORD = 8
_ONE_WORD = 57
"""Numbers of up to so many bits lie within eight bytes from their first byte on."""
_LARGEST_BLOCK = 1 << 20
_AHEAD = 1024
"""Numbers between what is written and the memory that is asked for: 8 KB of the buffer of a batch, which was
last used a batch ago. Without it a number took 0.85 ns behind zstd, with it 0.72; 2 and 32 KB did the same."""
_LINE = 8


@inlined
def _from_words(data: UInt8s, at: int, width: int, least: int, before: int, out: Ints) -> int:
    """Numbers of up to _ONE_WORD bits, each from one word: eight by eight, then those that are left."""
    eights = out.size >> 3
    before = running_sums(data, at, width, least, before, out[: 8 * eights])
    mask = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    first, step = np.uint64(at + eights * width), np.uint64(width)
    for k in range(out.size - 8 * eights):
        bit = np.uint64(k) * step
        word = word_at(data, first + (bit >> np.uint64(3)))
        before += np.int64((word >> (bit & np.uint64(7))) & mask) + least
        out[8 * eights + k] = before
    return before


@inlined
def _from_bits(data: UInt8s, at: int, width: int, least: int, before: int, out: Ints) -> int:
    """Numbers of any width, also at the end of the data."""
    for k in range(out.size):
        value = np.int64(0)
        for b in range(width):
            bit = k * width + b
            value |= np.int64((data[at + (bit >> 3)] >> (bit & 7)) & 1) << b
        before += value + least
        out[k] = before
    return before


@inlined
def _claim(out: Ints, start: int, count: int) -> None:
    """Have the memory of ``count`` numbers fetched, to be written; they may lie behind the end."""
    for place in range(start, start + count, _LINE):
        prefetch_to_write(out, place)


@kernel
def unpacked(data: UInt8s, out: Ints) -> int:
    """The numbers packed from the first byte of ``data`` on to ``out`` (V,), int64 or int32.

    Sums wrap around, as the format says. Returns where they end, MALFORMED if there are not V of them.
    """
    block, at = varint(data, 0)
    minis, at = varint(data, at) if at >= 0 else (block, at)
    total, at = varint(data, at) if at >= 0 else (block, at)
    first, at = varint(data, at) if at >= 0 else (block, at)
    if at < 0 or minis < 1 or not minis <= block <= _LARGEST_BLOCK or total != out.size:
        return MALFORMED
    size = block // minis
    if size * minis != block or size % 8 != 0:
        return MALFORMED
    before = unzigzag(first)
    done = 0
    if total > 0:
        out[0] = before
        done = 1
    while done < total:
        stored, widths = varint(data, at)
        at = widths + minis
        if widths < 0 or at > data.size:
            return MALFORMED
        least = unzigzag(stored)
        for m in range(minis):
            if done == total:
                break
            width = np.int64(data[widths + m])
            count = min(size, total - done)
            nbytes = (count * width + 7) >> 3
            if width > 64 or nbytes > data.size - at:
                return MALFORMED
            _claim(out, done + _AHEAD, count)
            part = out[done : done + count]
            if width <= _ONE_WORD and at + nbytes + _WORD <= data.size:
                before = _from_words(data, at, width, least, before, part)
            else:
                before = _from_bits(data, at, width, least, before, part)
            at += (size * width) >> 3  # the last may be cut short
            done += count
    return at
