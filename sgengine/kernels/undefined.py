"""What the kind of a row leaves undefined becomes -1, in one pass over what the other kernels wrote."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import kernel
from sgengine.kernels.scan import EMPTY, NO_CHUNKS, UNKNOWN_SIZES

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]


@kernel
def mark_undefined(
    kinds: UInt8s,
    offsets: Int64s,
    ttft: Int64s,
    last_token: Int64s,
    last_chunk: Int64s,
    itl_max: Int64s,
    idle: Int64s,
    idle_min: Int64s,
    late: Int64s,
    n_chunks: Int64s,
    idle_max: Int64s,
) -> None:
    """-1 for every value of R rows that is NULL by their ``kinds`` (kernels.scan), (R,) each, in place.

    ``idle`` comes as kernels.request leaves it; of UNKNOWN_SIZES, where it is the upper bound, it goes to
    ``idle_max``. ``n_chunks`` and ``idle_max`` are written throughout.
    """
    for r in range(kinds.size):
        kind = kinds[r]
        chunks = offsets[r + 1] - offsets[r]
        n_chunks[r] = -1 if kind == NO_CHUNKS else chunks
        bounded = kind == UNKNOWN_SIZES
        idle_max[r] = idle[r] if bounded else -1
        if not bounded:
            idle_min[r] = -1
        if kind == NO_CHUNKS or kind == EMPTY:
            ttft[r] = -1
            last_token[r] = -1
            last_chunk[r] = -1
        if kind == NO_CHUNKS or kind == EMPTY or chunks < 2:
            itl_max[r] = -1
        if kind == NO_CHUNKS or kind == EMPTY or bounded:
            idle[r] = -1
            late[r] = -1
