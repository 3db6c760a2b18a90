"""qoe and fluidity of the rows of a batch, for one reader; arrays as in kernels.request."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged, uncounted
from sgengine.kernels.fluidity import fluidity_one_each, fluidity_sized
from sgengine.kernels.qoe import qoe_of, qoe_one_each, qoe_sized
from sgengine.kernels.scan import ONE_EACH, SIZED
from sgengine.kernels.waits import is_plain, waits_of

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
UInt8s = npt.NDArray[np.uint8]
Float64s = npt.NDArray[np.float64]

_NEVER = 1 << 62


@merged
def _smoothness_one_each(
    x: Int64s, first: int, pace: int, skip_first: bool, idle: int, timed: bool
) -> tuple[float, float]:
    """qoe, and fluidity if ``timed``; times beyond all reason token by token."""
    if not is_plain(x.size, first, pace, idle):
        qoe = qoe_one_each(x, first, pace, idle)
        return qoe, fluidity_one_each(x, first, pace, skip_first) if timed else 0.0
    lost, tokens, deadlines = waits_of(x, 0, first, pace, idle)
    count = x.size
    if skip_first:
        _, tokens, deadlines = waits_of(x, 1, x[0] + pace, pace, _NEVER)
        count -= 1
    hit = count - tokens
    qoe = qoe_of(float(lost), x.size, pace, idle) if idle > 0 else 1.0
    return qoe, hit / (hit + deadlines) if timed else 0.0


@uncounted
def smoothness(
    times: Int64s,
    offsets: Int64s,
    sizes: Int32s,
    size_offsets: Int64s,
    kinds: UInt8s,
    n: Int64s,
    idle: Int64s,
    first: int,
    pace: int,
    skip_first: bool,
    qoe: Float64s,
    fluidity: Float64s,
) -> None:
    """qoe and fluidity for one reader, (R,) float64; ``idle`` comes from ``latency_and_delivery``.

    A request that never kept that reader waiting has qoe 1 and, its first token included, fluidity 1:
    deadlines chained by slack are then the reader's deadlines. That spares most rows the pass.
    """
    for r in range(kinds.size):
        kind = kinds[r]
        if kind != ONE_EACH and kind != SIZED:
            continue
        x = times[offsets[r] : offsets[r + 1]]
        if idle[r] == 0 and not skip_first:
            qoe[r] = 1.0
            fluidity[r] = 1.0
            continue
        timed = pace > 0 and not (skip_first and n[r] < 2)
        if kind == ONE_EACH:
            qoe[r], fluidity[r] = _smoothness_one_each(x, first, pace, skip_first, idle[r], timed)
        else:
            s = sizes[size_offsets[r] : size_offsets[r + 1]]
            qoe[r] = qoe_sized(x, s, n[r], first, pace, idle[r])
            if timed:
                fluidity[r] = fluidity_sized(x, s, first, pace, skip_first)
