"""What processors do in one instruction and Python has no word for; twins in plain Python without Numba.

Kernels stay portable: LLVM lowers both for any processor, as nothing at all or as several smaller
instructions where it has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

UInt8s = npt.NDArray[np.uint8]

_BYTE, _INT32, _INT64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_KEEP_NEAR, _DATA = _INT32(3), _INT32(1)


def compiled(typed: Callable[..., Any], twin: Callable[..., Any]) -> Callable[..., Any]:
    """What Numba makes of ``typed``, which gives a signature and what emits its code; else ``twin``."""
    return twin if numba.config.DISABLE_JIT else cast("Callable[..., Any]", intrinsic(typed))


def address(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """The address of ``array[at]``, whether it is inside or not."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [at])


def prefetch(builder: Any, place: Any, to_write: int = 0) -> None:
    """Have the cache line of an address fetched, to be read or to be written."""
    takes = [_BYTE.as_pointer(), _INT32, _INT32, _INT32]
    kind = ir.FunctionType(ir.VoidType(), takes)
    call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    where = builder.bitcast(place, _BYTE.as_pointer())
    builder.call(call, [where, _INT32(to_write), _KEEP_NEAR, _DATA])


def _prefetch(to_write: int) -> Callable[..., Any]:
    def typed(_: Any, array: Any, at: Any) -> tuple[Any, Callable[..., Any]]:
        signature = types.void(array, at)

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            prefetch(builder, address(context, builder, signature.args[0], *args), to_write)
            return context.get_dummy_value()

        return signature, emit

    return typed


def _unlike(size: int) -> Callable[..., Any]:
    def typed(_: Any, data: Any, i: Any, other: Any, j: Any) -> tuple[Any, Callable[..., Any]]:
        signature = types.uint64(data, i, other, j)

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pairs = ((signature.args[0], *args[:2]), (signature.args[2], *args[2:]))
            loaded = []
            for pair in pairs:
                place = address(context, builder, *pair)
                vector = builder.bitcast(place, ir.VectorType(_BYTE, size).as_pointer())
                loaded.append(builder.load(vector, align=1))
            unlike = builder.icmp_unsigned("!=", *loaded)
            return builder.zext(builder.bitcast(unlike, ir.IntType(size)), _INT64)

        return signature, emit

    return typed


def prefetch_twin(array: npt.NDArray[Any], at: int) -> None:
    """Have the cache line of ``array[at]`` fetched; ``at`` may lie outside, for nothing is read.

    To be written: writes leave the processor in order, so that one that waits for its line holds up all
    behind it.
    """


def unlike_16_twin(data: UInt8s, i: int, other: UInt8s, j: int) -> int:
    """0 if the 16 bytes of ``data`` from ``i`` are those of ``other`` from ``j``."""
    return np.uint64((data[i : i + np.uint64(16)] != other[j : j + np.uint64(16)]).any())


def unlike_32_twin(data: UInt8s, i: int, other: UInt8s, j: int) -> int:
    """0 if the 32 bytes of ``data`` from ``i`` are those of ``other`` from ``j``."""
    return np.uint64((data[i : i + np.uint64(32)] != other[j : j + np.uint64(32)]).any())


prefetch_to_read = compiled(_prefetch(0), prefetch_twin)
prefetch_to_write = compiled(_prefetch(1), prefetch_twin)
unlike_16 = compiled(_unlike(16), unlike_16_twin)
unlike_32 = compiled(_unlike(32), unlike_32_twin)
