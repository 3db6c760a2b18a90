"""A mergeable log-linear histogram of gaps.

Gaps below 256 ns have a bucket of 1 ns each; above, every octave is split in 128 buckets of equal
width. Guarantee: a bucket's midpoint is within 1/256 (relative) of any value in it from 256 ns on, and
within half a ns below. Buckets are integers, so histograms merge by adding counts, in any order, and
partitions cannot change a result. The top buckets reach 2^63.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged, uncounted

N_BUCKETS = 256 + 55 * 128
"""Buckets of a histogram: 256 of 1 ns, then 55 octaves (2^8 to 2^63) of 128."""

RELATIVE_ERROR = 1 / 256
"""Greatest error of a bucket's midpoint, relative to a value of 256 ns or more in the bucket."""

_LINEAR = 256.0
_MOST = np.nextafter(2.0**63, 0.0)
_MANTISSA_SHIFT = 52 - 7
_EXPONENT_OF_LINEAR = (1023 + 8) << 7


@merged
def bucket_of(value: float) -> int:
    """Bucket of a gap of ``value`` ns, >= 0.

    Above 256 the upper bits of the double are the octave and the 128th of it: no logarithm. Whole
    numbers above 2^53 ns (104 days) round to the nearest double first; the last of them round to 2^63,
    and belong to the last bucket.
    """
    bits = np.float64(min(value, _MOST)).view(np.int64)
    upper = np.int32((bits >> _MANTISSA_SHIFT) - _EXPONENT_OF_LINEAR + 256)
    return np.int32(min(value, _LINEAR)) if value < _LINEAR else upper


@uncounted
def bucket_edges(out: npt.NDArray[np.float64]) -> None:
    """Lower edges in ns of all buckets and the end of the last: ``out`` (N_BUCKETS + 1,) float64."""
    for bucket in range(256):
        out[bucket] = bucket
    for bucket in range(256, N_BUCKETS + 1):
        octave = (bucket - 256) // 128
        part = (bucket - 256) % 128
        out[bucket] = 256.0 * 2.0**octave * (1.0 + part / 128.0)


@uncounted
def count_samples(
    samples: npt.NDArray[np.float64], groups: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> None:
    """Add ``samples`` (S,) float64 ns of ``groups`` (S,) int64 to ``counts`` (G, N_BUCKETS) int64."""
    for k in range(samples.size):
        counts[groups[k], bucket_of(samples[k])] += 1
