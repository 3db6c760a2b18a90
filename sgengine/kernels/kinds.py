"""What each row of a batch is, in one pass over what is known of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import uncounted
from sgengine.kernels.scan import EMPTY, NO_CHUNKS, ONE_EACH, SIZED, UNKNOWN_SIZES

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


@uncounted
def decide_kinds(
    offsets: Int64s, declared: Int64s, listed: Bools, sized: Bools, kinds: UInt8s, n: Int64s
) -> None:
    """The kind (kernels.scan) and the tokens of R rows: ``kinds`` (R,) uint8, ``n`` (R,) int64.

    ``offsets`` (R + 1,) of the chunks; ``declared`` (R,) tokens, -1 if not known. ``listed`` (R,): whether
    chunk times are known, empty where all are; ``sized`` (R,): whether sizes are, empty where none are.
    ``n`` of SIZED rows is as declared, until their sizes are added up.
    """
    for r in range(kinds.size):
        chunks = offsets[r + 1] - offsets[r]
        few = declared[r] <= chunks
        kinds[r] = ONE_EACH if few else UNKNOWN_SIZES
        n[r] = chunks if few else declared[r]
        if chunks == 0:
            kinds[r] = EMPTY
            n[r] = 0
    if sized.size > 0:
        for r in range(kinds.size):
            if sized[r] and kinds[r] != EMPTY:
                kinds[r] = SIZED
                n[r] = declared[r]
    if listed.size > 0:
        for r in range(kinds.size):
            if not listed[r]:
                kinds[r] = NO_CHUNKS
                n[r] = declared[r]
