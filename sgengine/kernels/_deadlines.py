"""Vectors of times against a reader's deadlines, inside of another intrinsic (kernels.sieve)."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from sgengine.kernels._vectors import all_of, keep, lanes_from, reduced, spread

_INT64 = ir.IntType(64)
_HALF = 8
_WIDE = ir.VectorType(_INT64, _HALF)
_LEAST = -(1 << 63)


class Deadlines:
    """By how much times are later than their deadlines, at most."""

    def __init__(self, builder: Any, due: Any, pace: Any) -> None:
        self._builder = builder
        self._pace = pace
        ahead = builder.mul(ir.Constant(_WIDE, list(range(1, _HALF + 1))), self._times_pace(1))
        self._first = builder.add(spread(builder, due, _WIDE), ahead)
        self._half = self._times_pace(_HALF)
        self._step = self._times_pace(2 * _HALF)
        self._next = cgutils.alloca_once_value(builder, self._first)
        self._worst = cgutils.alloca_once_value(builder, all_of(_WIDE, _LEAST))

    def _times_pace(self, count: int) -> Any:
        return spread(self._builder, self._builder.mul(_INT64(count), self._pace), _WIDE)

    def step(self, times: list[Any], offset: Any, done: Any) -> None:
        """Look at two vectors of times, ``offset`` behind the first; not at the first ``done`` of them."""
        builder = self._builder
        if done is None:
            # A sum, not a product: the loop would wait for it.
            due = builder.load(self._next)
            builder.store(builder.add(due, self._step), self._next)
        else:
            before = spread(builder, builder.mul(offset, self._pace), _WIDE)
            due = builder.add(self._first, before)
        for k, half in zip((0, _HALF), times, strict=True):
            late = builder.sub(half, due if k == 0 else builder.add(due, self._half))
            if done is not None:
                late = builder.select(
                    lanes_from(builder, done, _WIDE, k), late, all_of(_WIDE, _LEAST)
                )
            keep(builder, self._worst, ">", late)

    def worst(self) -> Any:
        """The most of all."""
        return reduced(self._builder, "smax", self._builder.load(self._worst))
