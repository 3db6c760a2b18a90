"""One request's latencies, and the rules its chunks must keep.

Kinds of a request (``kind``, uint8), decided before the kernels run:

====================  =====================================================================
``EMPTY``             nothing was delivered (K = 0)
``ONE_EACH``          sizes unknown, one token a chunk
``SIZED``             sizes known
``UNKNOWN_SIZES``     more tokens declared than chunks: only bounds of per-token values
``NO_CHUNKS``         chunk times unknown
====================  =====================================================================
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged

EMPTY = 0
ONE_EACH = 1
SIZED = 2
UNKNOWN_SIZES = 3
NO_CHUNKS = 4

KEPT = 0
NEGATIVE_TIME = 1
DECREASING_TIMES = 2
BAD_CHUNK_TOKENS = 3
BREACHES = ("", "negative_time", "decreasing_times", "bad_chunk_tokens")
"""Rule names (sgengine.schema.rules) by breach code."""

_MAX_TOKENS = 2**31 - 1

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]


@merged
def gaps_of(x: Int64s) -> tuple[int, int]:
    """Of the gaps between neighbours of ``x`` (K >= 1), ns: their signs and the longest, 0 for none.

    The signs are all gaps joined by OR: below 0 if any gap is.
    """
    before = x[:-1]
    after = x[1:]
    signs = np.int64(0)
    longest = np.int64(0)
    for k in range(before.size):
        gap = after[k] - before[k]
        signs |= gap
        longest = gap if gap > longest else longest
    return signs, longest


@merged
def times_breach(x: Int64s, signs: int) -> int:
    """The rule that chunk times ``x`` (K >= 1) break, or KEPT; ``signs`` of its gaps.

    Looking at both ends as well as the gaps also finds times so far apart that a gap overflows.
    """
    if x[0] < 0:
        return NEGATIVE_TIME
    if signs < 0:
        return DECREASING_TIMES
    if x[x.size - 1] < 0:
        return NEGATIVE_TIME
    return KEPT


@merged
def sizes_breach(sizes: Int32s) -> int:
    """The rule that chunk sizes (K >= 1) break, or KEPT."""
    if sizes[0] < 1:
        return BAD_CHUNK_TOKENS
    total = 0
    least = 0
    for k in range(sizes.size):
        total += np.int64(sizes[k])
        least = sizes[k] if sizes[k] < least else least
    if least < 0 or total > _MAX_TOKENS:
        return BAD_CHUNK_TOKENS
    return KEPT


@merged
def sum_sizes(sizes: Int32s) -> int:
    """Tokens of all chunks."""
    total = 0
    for k in range(sizes.size):
        total += np.int64(sizes[k])
    return total


@merged
def last_with_tokens(sizes: Int32s) -> int:
    """Index of the last chunk that holds a token; the first chunk always does."""
    k = sizes.size - 1
    while k > 0 and sizes[k] == 0:
        k -= 1
    return k
