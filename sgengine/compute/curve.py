"""The delivery curve of one request, and what its reader makes of it (METRICS 3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.kernels.delivery import smoothed_curve
from sgengine.objectives import Reader

Int64s = npt.NDArray[np.int64]

CURVE = pa.schema(
    [
        pa.field("token", pa.int64(), False),
        pa.field("delivered_ns", pa.int64(), False),
        pa.field("due_ns", pa.int64()),
        pa.field("read_ns", pa.int64(), False),
    ]
)
"""One row a token: index from 1; when it came, was due (NULL beyond int64) and is read, ns since arrival."""


def delivery_curve(times: Sequence[int], sizes: Sequence[int] | None, reader: Reader) -> pa.Table:
    """The CURVE of chunks at ``times`` (ns since arrival) with ``sizes`` tokens (None: one each).

    ``read_ns`` is the smoothed delivery curve s_i = max(t_i, s_(i-1) + V); its distance from
    ``due_ns`` never shrinks, and at the last token it is the user idle latency. The chunks must keep
    the rules of schema.rules.
    """
    x = np.asarray(times, dtype=np.int64)
    counts = np.ones(x.size, dtype=np.int32) if sizes is None else np.asarray(sizes, np.int32)
    n = int(counts.sum(dtype=np.int64))
    read = np.empty(n, dtype=np.int64)
    smoothed_curve(x, counts, reader.pace_ns, reader.first_ns, read)
    due = [reader.first_ns + i * reader.pace_ns for i in range(n)]
    columns = [
        pa.array(np.arange(1, n + 1, dtype=np.int64)),
        pa.array(np.repeat(x, counts)),
        pa.array([d if d < 2**63 else None for d in due], pa.int64()),
        pa.array(read),
    ]
    return pa.Table.from_arrays(columns, schema=CURVE)
