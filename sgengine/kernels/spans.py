"""When the requests of a batch were at work, from the first arrival to the last end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import kernel

Int64s = npt.NDArray[np.int64]

LATEST = 2**63 - 1
"""The last ns there is; what would end later ends then."""


@kernel
def span(arrivals: Int64s, last_chunks: Int64s, ends: Int64s) -> tuple[int, int]:
    """The least of ``arrivals`` (R,) ns, R > 0, and the greatest arrival + max(last chunk, end).

    ``last_chunks`` (R,) and ``ends`` (R,) count from the arrival; what is negative is unknown, and
    ``ends`` may be empty. Neither known: the request ends as it arrives.
    """
    first = last = arrivals[0]
    for r in range(arrivals.size):
        stay = max(last_chunks[r], 0)
        if ends.size > 0:
            stay = max(stay, ends[r])
        stay = min(stay, LATEST - max(arrivals[r], 0))
        first = min(first, arrivals[r])
        last = max(last, arrivals[r] + stay)
    return first, last
