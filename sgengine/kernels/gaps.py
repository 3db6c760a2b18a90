"""Inter-token-latency samples under the four chunk rules (METRICS 2).

==========  ==========================================================================
``CHUNK``   one sample per gap between chunks (K - 1)
``SPREAD``  a gap g before a chunk of c > 0 tokens gives c samples of g / c (n - c_1)
``TOKEN``   the gap once, then zeros inside the chunk (n - 1)
``DIVIDE``  one sample g / c per chunk with tokens after the first
==========  ==========================================================================

Under spread, token and divide the gap before a chunk without tokens is carried to the next chunk that
has some. Rows whose sizes are unknown have samples under CHUNK alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged, uncounted
from sgengine.kernels.histogram import bucket_of
from sgengine.kernels.prefetch import BLOCK as _FETCHED
from sgengine.kernels.prefetch import fetch_ahead
from sgengine.kernels.scan import ONE_EACH, SIZED, UNKNOWN_SIZES

CHUNK = 0
SPREAD = 1
TOKEN = 2
DIVIDE = 3

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
UInt8s = npt.NDArray[np.uint8]
Float64s = npt.NDArray[np.float64]

BLOCK = _FETCHED
"""Gaps of a block: 2^56 times as many are below 2^64, and all that is made of them is in cache."""


@merged
def _plain(kind: int, rule: int) -> bool:
    """Whether the samples of a row are simply its gaps."""
    return kind == ONE_EACH or (rule == CHUNK and (kind == SIZED or kind == UNKNOWN_SIZES))


@uncounted
def count_row_samples(
    times: Int64s,
    offsets: Int64s,
    sizes: Int32s,
    size_offsets: Int64s,
    kinds: UInt8s,
    rule: int,
    out: Int64s,
) -> None:
    """Samples of each row under ``rule``: ``out`` (R,) int64. Arrays as in kernels.request."""
    for r in range(out.size):
        chunks = offsets[r + 1] - offsets[r]
        out[r] = 0
        if _plain(kinds[r], rule):
            out[r] = max(chunks - 1, 0)
        elif kinds[r] == SIZED:
            s = sizes[size_offsets[r] : size_offsets[r + 1]]
            count = np.int64(s[0]) - 1 if rule == TOKEN else 0
            for k in range(1, s.size):
                count += min(s[k], 1) if rule == DIVIDE else np.int64(s[k])
            out[r] = count


@merged
def _fill_sized(x: Int64s, s: Int32s, rule: int, out: Float64s) -> None:
    """Samples of one row with sizes under spread, token or divide."""
    at = 0
    if rule == TOKEN:
        for _ in range(s[0] - 1):
            out[at] = 0.0
            at += 1
    before = x[0]
    for k in range(1, x.size):
        if s[k] == 0:
            continue
        gap = float(x[k] - before)
        before = x[k]
        if rule == DIVIDE:
            out[at] = gap / s[k]
            at += 1
            continue
        for j in range(s[k]):
            if rule == SPREAD:
                out[at] = gap / s[k]
            else:
                out[at] = gap if j == 0 else 0.0
            at += 1


@uncounted
def fill_samples(
    times: Int64s,
    offsets: Int64s,
    sizes: Int32s,
    size_offsets: Int64s,
    kinds: UInt8s,
    rule: int,
    rows: Int64s,
    starts: Int64s,
    out: Float64s,
) -> None:
    """Write the samples of the chosen ``rows`` (S,) to ``out`` from ``starts`` (S + 1,), float64 ns.

    float64 holds every gap below 2^53 ns (104 days) exactly.
    """
    for i in range(rows.size):
        r = rows[i]
        mine = out[starts[i] : starts[i + 1]]
        x = times[offsets[r] : offsets[r + 1]]
        if mine.size == 0:
            continue
        if _plain(kinds[r], rule):
            before = x[:-1]
            after = x[1:]
            for k in range(mine.size):
                mine[k] = float(after[k] - before[k])
        else:
            _fill_sized(x, sizes[size_offsets[r] : size_offsets[r + 1]], rule, mine)


@uncounted
def count_gaps(
    times: Int64s,
    offsets: Int64s,
    groups: Int64s,
    kinds: UInt8s,
    rows: Int64s,
    counts: npt.NDArray[np.int64],
    buckets: Int32s,
) -> None:
    """Histogram of the gaps between chunks of ``rows``: ``counts`` (G, N_BUCKETS) int64, by ``groups`` (R,).

    The rule CHUNK (and every rule for rows of one token a chunk) without writing samples down.
    ``buckets`` (BLOCK,) is scratch: those of a block are found by vectors before they are counted.
    """
    for i in range(rows.size):
        r = rows[i]
        x = times[offsets[r] : offsets[r + 1]]
        if x.size < 2 or not _plain(kinds[r], CHUNK):
            continue
        mine = counts[groups[r]]
        for a in range(0, x.size - 1, BLOCK):
            fetch_ahead(x, a)
            after = x[a + 1 : a + 1 + BLOCK]
            before = x[a : a + after.size]
            for k in range(before.size):
                buckets[k] = bucket_of(float(after[k] - before[k]))
            for k in range(before.size):
                mine[np.uint32(buckets[k])] += 1
