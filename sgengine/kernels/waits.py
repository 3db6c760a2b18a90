"""When a reader waits, where every chunk holds one token: all that qoe and fluidity need, in one scan.

Both follow from the records of the lateness x_k - d_k. The lag of qoe is its running maximum, from 0 on;
and the slack of fluidity is lag less lateness, so that a deadline is missed exactly at a record, by as much
as the lag grows. Between records nothing changes, and after the last there is nothing to look for: 0.2 ns a
token, where a scan for each took 2.3.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged

Int64s = npt.NDArray[np.int64]

_EXACT = 2.0**52
_NEAR = 2.0**61


@merged
def is_plain(size: int, first: int, pace: int, idle: int) -> bool:
    """Whether sums of lags are whole numbers that doubles hold, and no slack comes near its cap.

    Then a sum of integers is the sum of doubles, in any order.
    """
    return float(size) * float(idle) < _EXACT and float(size) * float(pace) + float(first) < _NEAR


@merged
def waits_of(x: Int64s, start: int, due: int, pace: int, worst: int) -> tuple[int, int, int]:
    """Of tokens ``start``.. of ``x``, the first due at ``due``: (sum of lags, tokens missed, deadlines missed).

    ``worst``: the greatest lateness if it is known, to stop there; else any number that none reaches. For
    rows of which ``is_plain`` holds. Without a pace the deadlines missed mean nothing.
    """
    lag = np.int64(0)
    lost = np.int64(0)
    since = start
    tokens = 0
    deadlines = np.int64(0)
    for k in range(start, x.size):
        if x[k] - due > lag:
            lost += lag * (k - since)
            since = k
            rise = x[k] - due - lag
            lag += rise
            tokens += 1
            deadlines += rise // max(pace, 1) + 1
            if lag >= worst:
                break
        due += pace
    return lost + lag * (x.size - since), tokens, deadlines
