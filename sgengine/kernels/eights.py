"""Packed differences to running sums, eight at once.

Eight numbers of W bits take W bytes, so each eight of a miniblock begins with a byte, and where its
numbers lie in it is computed once a miniblock: 0.6 ns a number of 27 bits, where one by one takes 0.8. A
loop for each width, with bytes shuffled by constants, was no faster, for the width changes from miniblock
to miniblock; shuffling bytes as AVX-512 VBMI can took 0.07 less, on some processors. The Python beside it
is the same, slowly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils, types

from sgengine.kernels._machine import address, compiled

EIGHT = 8

UInt8s = npt.NDArray[np.uint8]
Ints = npt.NDArray[Any]

_INT32, _NUMBER = ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_NUMBER, EIGHT)
_ZEROS = ir.Constant(_VECTOR, [0] * EIGHT)
_ANY = ir.Constant(_VECTOR, ir.Undefined)


def sums_twin(data: UInt8s, at: int, width: int, least: int, before: int, out: Ints) -> int:
    """Sums of numbers of ``width`` bits, each more by ``least``: the first and ``before``, and so on.

    The numbers lie in ``data`` from byte ``at`` on, and ``width`` is such that each is within eight bytes
    from its first on, which are all inside. ``out`` (8 * n,), int64 or int32. Returns the last sum; sums
    wrap around.
    """
    bits = int.from_bytes(data[at : at + out.size // EIGHT * width].tobytes(), "little")
    total = int(before)
    for k in range(out.size):
        total += int(least) + (bits >> (k * int(width))) % (1 << int(width))
        out[k] = _wrapped(total, 8 * out.itemsize)
    return np.int64(_wrapped(total, 64))


def _wrapped(number: int, bits: int) -> int:
    half = 1 << (bits - 1)
    return (number + half) % (2 * half) - half


def _typed(_: Any, data: Any, at: Any, width: Any, least: Any, before: Any, out: Any) -> Any:
    numbers = (types.int64,) * 4
    return types.int64(data, *numbers, out), _emit


def _emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    data, at, width, least, before, out = args
    into = context.make_array(signature.args[5])(context, builder, out)
    eights = builder.lshr(cgutils.unpack_tuple(builder, into.shape)[0], _NUMBER(3))
    first = address(context, builder, signature.args[0], data, at)
    steps = [builder.mul(width, _NUMBER(k)) for k in range(EIGHT)]
    mask = _spread(builder, builder.sub(builder.shl(_NUMBER(1), width), _NUMBER(1)))
    moves = builder.and_(_packed(builder, steps), ir.Constant(_VECTOR, [7] * EIGHT))
    ramp = builder.mul(_spread(builder, least), ir.Constant(_VECTOR, list(range(1, EIGHT + 1))))
    last = cgutils.alloca_once_value(builder, _spread(builder, before))
    with cgutils.for_range(builder, eights) as loop:
        begin = builder.gep(first, [builder.mul(loop.index, width)])
        numbers = builder.and_(builder.lshr(_words(builder, begin, steps), moves), mask)
        found = builder.add(builder.load(last), builder.add(_running(builder, numbers), ramp))
        builder.store(_lanes(builder, found, [EIGHT - 1] * EIGHT), last)
        _store(builder, found, builder.gep(into.data, [builder.mul(loop.index, _NUMBER(EIGHT))]))
    return builder.extract_element(builder.load(last), _INT32(0))


def _words(builder: Any, begin: Any, steps: list[Any]) -> Any:
    """The eight bytes from the first byte of each number on."""
    places = (builder.gep(begin, [builder.lshr(bit, _NUMBER(3))]) for bit in steps)
    words = (builder.bitcast(place, _NUMBER.as_pointer()) for place in places)
    return _packed(builder, [builder.load(word, align=1) for word in words])


def _running(builder: Any, numbers: Any) -> Any:
    """The first number, the sum of the first two, and so on."""
    for step in (1, 2, 4):
        behind = [k if k < step else EIGHT + k - step for k in range(EIGHT)]
        numbers = builder.add(numbers, _lanes(builder, _ZEROS, behind, numbers))
    return numbers


def _store(builder: Any, numbers: Any, place: Any) -> None:
    item = place.type.pointee
    if item != _NUMBER:
        numbers = builder.trunc(numbers, ir.VectorType(item, EIGHT))
    builder.store(numbers, builder.bitcast(place, numbers.type.as_pointer()), align=item.width // 8)


def _packed(builder: Any, numbers: list[Any]) -> Any:
    """A vector of these eight."""
    vector = _ANY
    for k, number in enumerate(numbers):
        vector = builder.insert_element(vector, number, _INT32(k))
    return vector


def _spread(builder: Any, number: Any) -> Any:
    """A vector of one number."""
    return _lanes(builder, builder.insert_element(_ANY, number, _INT32(0)), [0] * EIGHT)


def _lanes(builder: Any, vector: Any, places: list[int], more: Any = _ANY) -> Any:
    """A vector of the numbers at these places of one or two others."""
    mask = ir.Constant(ir.VectorType(_INT32, EIGHT), places)
    return builder.shuffle_vector(vector, more, mask)


running_sums = compiled(_typed, sums_twin)
