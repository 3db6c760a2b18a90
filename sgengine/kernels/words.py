"""Numbers in packed bytes: eight bytes from any place, which Numba cannot say, and varints."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from sgengine.kernels._jit import inlined

UInt8s = npt.NDArray[np.uint8]

MALFORMED = -1
LONGEST = 10
"""Bytes of a varint of 64 bits."""


def _as_python(data: UInt8s, at: int) -> np.uint64:
    return np.uint64(int.from_bytes(data[int(at) : int(at) + 8].tobytes(), "little"))


def _typed(_context: Any, data: Any, at: Any) -> Any:
    """Numba's two halves of an intrinsic: the types, and what makes the code."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        index = context.cast(builder, arguments[1], signature.args[1], types.intp)
        place = builder.gep(array.data, [index])
        word = builder.bitcast(place, ir.IntType(64).as_pointer())
        return builder.load(word, align=1)

    return types.uint64(data, at), generate


word_at: Any = _as_python if numba.config.DISABLE_JIT else intrinsic(_typed)
"""``word_at(data, at)``: bytes ``at`` to ``at + 8`` of a contiguous (B,) uint8, little-endian; unchecked."""


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
