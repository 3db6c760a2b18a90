"""Any reader from stored envelopes, without the tokens (METRICS 4)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.compute.ragged import bools, frozen
from sgengine.kernels.envelope import envelope_at
from sgengine.objectives import Reader

Int64s = npt.NDArray[np.int64]


def idle_at(envelope: pa.Array, reader: Reader) -> Int64s:
    """user_idle_latency in ns of every row of an envelope column for ``reader``, (R,) int64.

    -1 where the envelope is NULL or empty (n = 0, or chunk times or sizes unknown). Slices are read
    in place.
    """
    if envelope.null_count == len(envelope):
        return np.full(len(envelope), -1, dtype=np.int64)
    offsets = np.asarray(envelope.offsets.to_numpy(zero_copy_only=False), dtype=np.int64)
    tokens, times = envelope.values.flatten()
    out = np.full(len(envelope), -1, dtype=np.int64)
    envelope_at(
        frozen(offsets),
        frozen(tokens.to_numpy(zero_copy_only=True)),
        frozen(times.to_numpy(zero_copy_only=True)),
        reader.first_ns,
        reader.pace_ns,
        out,
    )
    out[~bools(envelope.is_valid())] = -1
    return out
