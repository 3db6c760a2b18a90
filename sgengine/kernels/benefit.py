"""Benefit of requests whose penalty is linear (METRICS 2), in one pass."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import uncounted

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


@uncounted
def linear_benefits(n: Int64s, idle: Int64s, alpha: float, out: Float64s) -> bool:
    """n - alpha l' of R requests, l' in s and 0 for n = 0: ``out`` (R,). Returns whether all are known.

    ``idle`` (R,) in ns, -1 for NULL as in ``n`` (R,): there ``out`` is arbitrary.
    """
    signs = np.int64(0)
    for r in range(n.size):
        waited = idle[r] if n[r] != 0 else 0
        signs |= n[r] | waited
        out[r] = n[r] - alpha * (waited / 1e9)
    return signs >= 0
