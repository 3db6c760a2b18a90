"""LLVM's vectors: what an intrinsic is written with (kernels.sieve)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils

_INT32 = ir.IntType(32)


def reduced(builder: Any, how: str, vector: Any) -> Any:
    """One number of all lanes: ``or``, their bits; ``smax``, the greatest."""
    kind = vector.type
    name = f"llvm.vector.reduce.{how}.v{kind.count}i{kind.element.width}"
    return builder.call(external(builder, name, kind.element, kind), [vector])


def keep(builder: Any, variable: Any, sign: str, more: Any) -> None:
    """Let a variable be whatever is the less, or the greater, lane by lane."""
    best = builder.load(variable)
    better = builder.icmp_signed(sign, more, best)
    builder.store(builder.select(better, more, best), variable)


def update(builder: Any, variable: Any, change: Callable[..., Any], more: Any) -> None:
    """Change a variable by ``more``."""
    builder.store(change(builder.load(variable), more), variable)


def external(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """A function of LLVM's own, by name."""
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, arguments), name)


def load(builder: Any, place: Any) -> Any:
    """A vector from memory, wherever 32-bit numbers may begin."""
    return builder.load(place, align=4)


def store(builder: Any, vector: Any, place: Any) -> None:
    """A vector to such a place."""
    builder.store(vector, place, align=4)


def all_of(kind: Any, number: int) -> Any:
    """A constant vector of one number."""
    return ir.Constant(kind, [number] * kind.count)


def spread(builder: Any, number: Any, kind: Any) -> Any:
    """A vector of one number."""
    nothing = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(nothing, number, _INT32(0))
    return builder.shuffle_vector(first, nothing, all_of(ir.VectorType(_INT32, kind.count), 0))


def lanes_from(builder: Any, start: Any, kind: Any, begin: int = 0) -> Any:
    """Which lanes of a vector, counted from ``begin`` on, are at ``start`` or behind."""
    places = ir.Constant(kind, list(range(begin, begin + kind.count)))
    return builder.icmp_unsigned(">=", places, spread(builder, start, kind))
