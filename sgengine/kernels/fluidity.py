"""Fluidity index by Etalon (arXiv 2407.07000, Algorithm 1), in whole ns (METRICS 2).

Early tokens build slack; a stall of several periods costs several deadlines. Slack is capped just below 2^62
ns (146 years), above any gap of such a trace, so that it cannot overflow.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

_MAX_SLACK = 2**62 - 1


@merged
def _slack_of(tokens: int, pace: int) -> int:
    return tokens * pace if tokens <= _MAX_SLACK // pace else _MAX_SLACK


@merged
def fluidity_one_each(x: Int64s, first: int, pace: int, skip_first: bool) -> float:
    """hit / (hit + miss) where every chunk holds one token; pace > 0, and K >= 2 to skip the first."""
    hit = 0
    miss = 0
    slack = 0
    before = 0
    deadline = first
    start = 0
    if skip_first:
        before = x[0]
        deadline = pace
        start = 1
    for k in range(start, x.size):
        gap = x[k] - before
        before = x[k]
        if gap - slack <= deadline:
            hit += 1
            slack = min(slack + (deadline - gap), _MAX_SLACK)
        else:
            miss += (gap - slack - deadline) // pace + 1
            slack = 0
        deadline = pace
    return hit / (hit + miss)


@merged
def fluidity_sized(x: Int64s, sizes: Int32s, first: int, pace: int, skip_first: bool) -> float:
    """The same for chunks of several tokens: the first is timed, the others are hits and add slack."""
    hit = 0
    miss = 0
    slack = 0
    before = 0
    deadline = first
    start = 0
    if skip_first:
        before = x[0]
        deadline = pace
        start = 1
        hit = np.int64(sizes[0]) - 1
        slack = _slack_of(np.int64(sizes[0]) - 1, pace)
    for k in range(start, x.size):
        if sizes[k] == 0:
            continue
        gap = x[k] - before
        before = x[k]
        if gap - slack <= deadline:
            hit += 1
            slack = min(slack + (deadline - gap), _MAX_SLACK)
        else:
            miss += (gap - slack - deadline) // pace + 1
            slack = 0
        deadline = pace
        hit += np.int64(sizes[k]) - 1
        slack = min(slack + _slack_of(np.int64(sizes[k]) - 1, pace), _MAX_SLACK)
    return hit / (hit + miss)
