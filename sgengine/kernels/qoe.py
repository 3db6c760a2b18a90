"""Quality of experience by Andes v2 (arXiv 2404.16283), with the reader's d_1 and V (METRICS 2).

qoe = 1 - sum_i (s_i - d_i) / sum_i (s_n - d_i). By METRICS 3, s_i - d_i is the running maximum of
the lateness, constant over the tokens of a chunk, so one running maximum a chunk is enough, and
sum_i (s_n - d_i) = n l + V n (n - 1) / 2. Both sums are float64: relative error below (K + 4) 2^-53.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged
from sgengine.kernels.delivery import reach_of

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]


@merged
def qoe_one_each(x: Int64s, first: int, pace: int, idle: int) -> float:
    """qoe where every chunk holds one token; ``idle`` is the request's user_idle_latency.

    The sum of doubles in the order of tokens, which kernels.waits finds from integers where it can.
    """
    if idle == 0:
        return 1.0
    reach = reach_of(first, pace)
    lag = 0
    lost = 0.0
    for k in range(x.size):
        if k < reach:
            lateness = x[k] - (first + k * pace)
            lag = lateness if lateness > lag else lag
        lost += lag
    return qoe_of(lost, x.size, pace, idle)


@merged
def qoe_sized(x: Int64s, sizes: Int32s, n: int, first: int, pace: int, idle: int) -> float:
    """qoe of chunks with ``sizes``, ``n`` their sum."""
    if idle == 0:
        return 1.0
    reach = reach_of(first, pace)
    lag = 0
    lost = 0.0
    token = 0
    for k in range(x.size):
        size = np.int64(sizes[k])
        if size > 0 and token < reach:
            lateness = x[k] - (first + token * pace)
            lag = lateness if lateness > lag else lag
        lost += float(lag) * size
        token += size
    return qoe_of(lost, n, pace, idle)


@merged
def qoe_of(lost: float, n: int, pace: int, idle: int) -> float:
    """qoe from the sum of the lags of all ``n`` tokens."""
    whole = float(n) * float(idle) + float(pace) * (float(n) * float(n - 1) / 2.0)
    return 1.0 - lost / whole
