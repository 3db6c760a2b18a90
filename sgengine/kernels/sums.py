"""Sums of numbers of requests: of whole ones, and of doubles without a rounding.

Of doubles a sum is a fixed-point number of ``SUM_LIMBS`` limbs of 32 bits, in units of 2^-1074: it holds
any double, so that no order and no partition can change a bit of what it is rounded to at the end. Each
limb is an int64: 2^31 values cannot overflow it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged, uncounted

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

SUM_LIMBS = 66
SUM_UNKNOWN = SUM_LIMBS
SUM_INFINITE = SUM_LIMBS + 1
N_SUM = SUM_LIMBS + 2
"""Columns of an exact sum: limbs, how many values were NaN, and how many infinite."""

_LOW = (1 << 32) - 1
_FRACTION = (1 << 52) - 1


class Rows(NamedTuple):
    """Those of ``order`` from ``start`` to ``stop``; ``in_order``: these themselves, and loops become vectors."""

    order: Int64s
    in_order: bool
    start: int
    stop: int


@uncounted
def sum_known(values: Int64s) -> int:
    """The sum of ``values`` (S,), -1 for NULL, that are known."""
    found = np.int64(0)
    for k in range(values.size):
        found += max(values[k], 0)
    return found


@merged
def row_of(rows: Rows, i: int) -> int:
    """The row at place ``i``, unsigned: a signed index is looked at for counting from the end."""
    return i if rows.in_order else np.uint64(rows.order[i])


@merged
def add_rows_exactly(rows: Rows, values: Float64s, out: Int64s) -> None:
    """``add_exactly`` of some rows."""
    # Most values lie in the limbs of the one before: these stay in registers.
    last = 0
    first = second = third = np.int64(0)
    for i in range(rows.start, rows.stop):
        bits = np.float64(values[row_of(rows, i)]).view(np.int64)
        exponent = (bits >> 52) & 0x7FF
        mantissa = bits & _FRACTION
        if exponent == 0x7FF:
            out[SUM_UNKNOWN if mantissa else SUM_INFINITE] += 1
            continue
        if exponent > 0:
            mantissa |= _FRACTION + 1
            exponent -= 1
        limb = exponent >> 5
        if limb != last:
            out[last] += first
            out[last + 1] += second
            out[last + 2] += third
            last = limb
            first = second = third = np.int64(0)
        shift = exponent & 31
        low = (mantissa & _LOW) << shift
        high = (mantissa >> 32) << shift
        sign = (bits >> 63) | 1  # no branch, for no one can tell which come next
        first += sign * (low & _LOW)
        second += sign * ((low >> 32) + (high & _LOW))
        third += sign * (high >> 32)
    out[last] += first
    out[last + 1] += second
    out[last + 2] += third


@uncounted
def add_exactly(values: Float64s, out: Int64s) -> None:
    """Add ``values`` (S,) to the exact sum ``out`` (N_SUM,)."""
    rows = Rows(out, True, np.uint64(0), np.uint64(values.size))  # without an order
    add_rows_exactly(rows, values, out)
