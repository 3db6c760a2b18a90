"""Sums of doubles that are rounded once: the same bits for every order and partition."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels.sums import SUM_INFINITE, SUM_LIMBS, SUM_UNKNOWN

Int64s = npt.NDArray[np.int64]

_UNIT = 1 << 1074
"""Parts of 1 that a sum is counted in."""


def exact_sum(sums: Int64s) -> float | None:
    """The sum that ``sums`` (N_SUM,) of kernels.sums hold, rounded to the nearest double.

    None if any value was NULL (NaN). Infinite ones are benefits of no bound below. Raises
    OverflowError for a sum beyond all doubles.
    """
    if sums[SUM_UNKNOWN]:
        return None
    if sums[SUM_INFINITE]:
        return -np.inf
    total = 0
    for limb in sums[SUM_LIMBS - 1 :: -1].tolist():
        total = (total << 32) + limb
    return total / _UNIT
