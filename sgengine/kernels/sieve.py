"""Sixteen gaps of a row at once: their squares, extremes, and those that a percentile may need.

LLVM by itself takes each of these in a loop of its own, with the last gaps of a row one by one, and keeps
numbers of a condition in no vector at all: 0.60 ns a gap in cache, where this takes 0.46. It compresses a
vector in one instruction where the processor has one; elsewhere each number is written, and the step
decides whether it stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils, types

from sgengine.kernels._deadlines import Deadlines
from sgengine.kernels._machine import address, compiled, prefetch
from sgengine.kernels._vectors import (
    all_of,
    external,
    keep,
    lanes_from,
    load,
    reduced,
    spread,
    store,
    update,
)
from sgengine.kernels.prefetch import AHEAD

LANES = 16
"""Gaps at once: as many 32-bit numbers as the widest vectors hold."""

MOST = (1 << 31) - 1
"""The greatest gap that fits, ns: 2.1 s."""

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
UInt64s = npt.NDArray[np.uint64]

_LANE_BITS = LANES.bit_length() - 1
_LOW = (1 << 32) - 1
_HALF = LANES // 2

_INT16, _INT32, _INT64 = ir.IntType(16), ir.IntType(32), ir.IntType(64)
_GAPS = ir.VectorType(_INT32, LANES)
_MASK = ir.VectorType(ir.IntType(1), LANES)
_WIDE = ir.VectorType(_INT64, _HALF)
"""Half of the gaps: a vector of 64-bit numbers."""


def sieve_twin(
    times: Int64s,
    start: int,
    size: int,
    first: int,
    low: int,
    width: int,
    squares: UInt64s,
    extremes: Int32s,
    out: Int32s,
    at: int,
) -> int:
    """The gaps between ``times[start]`` and ``times[start + size]``, in ns.

    Those of at least ``first`` that are not in [``low``, ``low + width``) go to ``out`` from ``at``, in
    order; what stands behind them there, up to LANES more, is arbitrary. Returns how many these are, and
    2^32 times how many are at least ``first``.

    The lower 32 bits of all squares are added to ``squares[:LANES // 2]`` (LANES,) and the upper ones to
    the others, to whichever of them. ``extremes`` (2 LANES,) become the least, in the first half, and the
    greatest. If a gap is greater than MOST, or less than 0, nothing is added, and -1 is returned. There
    must be LANES times before the last, for vectors are read whole.
    """
    gaps = np.diff(times[start : start + size + 1])
    if gaps.max() > MOST or gaps.min() < 0:
        return -1
    whole = gaps.astype(np.uint64) ** np.uint64(2)
    squares[0] += (whole & np.uint64(_LOW)).sum()
    squares[_HALF] += (whole >> np.uint64(32)).sum()
    extremes[0] = min(extremes[0], gaps.min())
    extremes[LANES] = max(extremes[LANES], gaps.max())
    reach = gaps >= first
    kept = gaps[reach & ~((gaps >= low) & (gaps < low + width))]
    out[at : at + kept.size] = kept
    return int(kept.size + (np.count_nonzero(reach) << 32))


def meet_twin(
    times: Int64s,
    start: int,
    size: int,
    first: int,
    low: int,
    width: int,
    squares: UInt64s,
    extremes: Int32s,
    out: Int32s,
    at: int,
    due: int,
    pace: int,
    row: Int64s,
) -> int:
    """As ``sieve_twin``, and how the times meet a reader, if -1 is not returned.

    ``row`` (2,) becomes the greatest of the gaps, and by how much a time but ``times[start]`` is later
    than its deadline, at most: that of ``times[start + k]`` is ``due`` + k ``pace``, none beyond int64.
    """
    packed = sieve_twin(times, start, size, first, low, width, squares, extremes, out, at)
    if packed >= 0:
        x = times[start : start + size + 1]
        row[0] = np.diff(x).max()
        row[1] = max(int(x[k]) - (due + k * pace) for k in range(1, size + 1))
    return packed


@dataclass(frozen=True, kw_only=True)
class _Sums:
    """What the loop adds up: variables, which LLVM keeps in vectors."""

    lower: Any
    upper: Any
    least: Any
    most: Any
    bits: Any
    packed: Any


_KINDS = (types.int64,) * 2 + (types.int32,) * 3
"""Of ``start``, ``size``, and the edges."""


def _sieve(
    _typing: Any,
    times: Any,
    start: Any,
    size: Any,
    first: Any,
    low: Any,
    width: Any,
    squares: Any,
    extremes: Any,
    out: Any,
    at: Any,
) -> tuple[Any, Callable[..., Any]]:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _built(_Call(context, builder, signature, arguments), None)

    return types.int64(times, *_KINDS, squares, extremes, out, types.int64), build


def _meet(
    _typing: Any,
    times: Any,
    start: Any,
    size: Any,
    first: Any,
    low: Any,
    width: Any,
    squares: Any,
    extremes: Any,
    out: Any,
    at: Any,
    due: Any,
    pace: Any,
    row: Any,
) -> tuple[Any, Callable[..., Any]]:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        call = _Call(context, builder, signature, arguments)
        return _built(call, Deadlines(builder, *arguments[10:12]))

    kinds = (times, *_KINDS, squares, extremes, out, *(types.int64,) * 3, row)
    return types.int64(*kinds), build


class _Call:
    """One use of an intrinsic: where its arrays are."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        self._context = context
        self.builder = builder
        self._signature = signature
        self.arguments = arguments

    def place(self, index: int, where: Any, kind: Any = _WIDE) -> Any:
        """The address of a place of the array that argument ``index`` is, of a ``kind``."""
        kind_of_array = self._signature.args[index]
        found = address(self._context, self.builder, kind_of_array, self.arguments[index], where)
        return self.builder.bitcast(found, kind.as_pointer())


def _built(call: _Call, deadlines: Deadlines | None) -> Any:
    """The loop over a row's gaps; with ``deadlines`` its times are held against these on the way."""
    builder = call.builder
    _, start, size, *limits, _, _, _, at = call.arguments[:10]
    states = [call.place(6, _INT64(k)) for k in (0, _HALF)]
    states += [call.place(7, _INT64(k), _GAPS) for k in (0, LANES)]
    known = [load(builder, state) for state in states]
    begun = [*known[:3], all_of(_GAPS, 0), all_of(_WIDE, 0), _INT64(0)]
    held = [cgutils.alloca_once_value(builder, value) for value in begun]
    sums = _Sums(**dict(zip(_Sums.__annotations__, held, strict=True)))
    edges = [spread(builder, limit, _GAPS) for limit in limits]

    def step(offset: Any, done: Any = None) -> None:
        halves, times = [], []
        for k in (0, _HALF):
            behind = builder.add(builder.add(start, offset), _INT64(k))
            prefetch(builder, call.place(0, builder.add(behind, _INT64(AHEAD))))
            before = load(builder, call.place(0, behind))
            times.append(load(builder, call.place(0, builder.add(behind, _INT64(1)))))
            halves.append(builder.sub(times[-1], before))
        if deadlines is not None:
            deadlines.step(times, offset, done)
        gaps, mask = _added(builder, halves, done, sums)
        chosen, counts = _chosen(builder, gaps, edges, mask)
        packed = builder.load(sums.packed)
        end = builder.add(at, builder.and_(packed, _INT64(_LOW)))
        store(builder, chosen, call.place(8, end, _GAPS))
        builder.store(builder.add(packed, counts), sums.packed)

    _each_step(builder, size, step)
    fits = builder.icmp_unsigned(
        "<=", reduced(builder, "or", builder.load(sums.bits)), _INT64(MOST)
    )
    with builder.if_then(fits):
        if deadlines is not None:
            longest = builder.sext(reduced(builder, "smax", builder.load(sums.most)), _INT64)
            for k, number in enumerate((longest, deadlines.worst())):
                builder.store(number, call.place(12, _INT64(k), _INT64))
        keep(builder, sums.most, ">", known[3])
        for state, variable in zip(states, held, strict=False):
            store(builder, builder.load(variable), state)
    return builder.select(fits, builder.load(sums.packed), _INT64(-1))


def _each_step(builder: Any, size: Any, step: Callable[..., None]) -> None:
    """``step`` for LANES gaps at a time; the last ones among as many that end with them."""
    whole = builder.lshr(size, _INT64(_LANE_BITS))
    with cgutils.for_range(builder, whole) as loop:
        step(builder.shl(loop.index, _INT64(_LANE_BITS)))
    left = builder.and_(size, _INT64(LANES - 1))
    with builder.if_then(builder.icmp_unsigned("!=", left, _INT64(0))):
        step(builder.sub(size, _INT64(LANES)), builder.sub(_INT64(LANES), left))


def _added(builder: Any, halves: list[Any], done: Any, sums: _Sums) -> tuple[Any, Any]:
    """Add gaps to the sums; all of them in 32 bits, and which are new: not the first ``done``, which are 0.

    Two squares come to less than 2^63, where no gap is greater than MOST.
    """
    mask = None
    if done is not None:
        halves = [
            builder.select(lanes_from(builder, done, _WIDE, k), half, all_of(_WIDE, 0))
            for k, half in zip((0, _HALF), halves, strict=True)
        ]
        mask = lanes_from(builder, builder.trunc(done, _INT32), _GAPS)
    small = [builder.and_(half, all_of(_WIDE, _LOW)) for half in halves]
    squares = builder.add(*(builder.mul(each, each) for each in small))
    update(builder, sums.lower, builder.add, builder.and_(squares, all_of(_WIDE, _LOW)))
    update(builder, sums.upper, builder.add, builder.lshr(squares, all_of(_WIDE, 32)))
    update(builder, sums.bits, builder.or_, builder.or_(*halves))
    gaps = builder.trunc(
        builder.shuffle_vector(*halves, ir.Constant(_GAPS, list(range(LANES)))),
        _GAPS,
    )
    counted = gaps if mask is None else builder.select(mask, gaps, all_of(_GAPS, MOST))
    keep(builder, sums.least, "<", counted)
    keep(builder, sums.most, ">", gaps)
    return gaps, mask


def _chosen(builder: Any, gaps: Any, edges: list[Any], mask: Any) -> tuple[Any, Any]:
    """The gaps that go on, side by side; how many, and 2^32 times how many reach the first edge."""
    first, low, width = edges
    reach = builder.icmp_signed(">=", gaps, first)
    if mask is not None:
        reach = builder.and_(reach, mask)
    outside = builder.icmp_unsigned(">=", builder.sub(gaps, low), width)
    chosen = builder.and_(reach, outside)
    name = f"llvm.experimental.vector.compress.v{LANES}i32"
    compress = external(builder, name, _GAPS, _GAPS, _MASK, _GAPS)
    packed = builder.call(compress, [gaps, chosen, ir.Constant(_GAPS, ir.Undefined)])
    here, all_above = (
        builder.zext(builder.ctpop(builder.bitcast(each, _INT16)), _INT64)
        for each in (chosen, reach)
    )
    return packed, builder.or_(here, builder.shl(all_above, _INT64(32)))


sieve = compiled(_sieve, sieve_twin)
meet = compiled(_meet, meet_twin)
