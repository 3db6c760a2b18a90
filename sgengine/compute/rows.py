"""Per-request values of the rows that have chunks: numpy arrays, each with the rows it is defined for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sgengine.compute.ragged import Bools, Ragged
from sgengine.compute.settings import MeasureSettings
from sgengine.kernels import request, scan

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

_VERTICES_PER_ROW = 10
"""First guess of an envelope's size; real delivery curves have about 7 vertices."""


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """ttft, t_n, last chunk and longest gap in ns, (R,) int64, and the code of the rule each row breaks."""

    breach: npt.NDArray[np.uint8]
    n: Int64s
    ttft: Int64s
    last_token: Int64s
    last_chunk: Int64s
    itl_max: Int64s


@dataclass(frozen=True, kw_only=True)
class Deliveries:
    """Idle latency (for unknown sizes: its upper bound), its lower bound, and late tokens, (R,) int64."""

    idle: Int64s
    idle_min: Int64s
    late: Int64s


@dataclass(frozen=True, kw_only=True)
class Hulls:
    """Envelopes of R rows: ``offsets`` (R + 1,) into ``tokens`` int32 and ``times`` int64, and both paces."""

    offsets: Int64s
    tokens: npt.NDArray[np.int32]
    times: Int64s
    eq5_pace: Float64s
    sustained_pace: Float64s


def latencies(ragged: Ragged, n: Int64s) -> Latencies:
    """Run the latency kernel; ``n`` (R,) int64 is completed for rows with sizes."""
    rows = ragged.rows
    out = Latencies(
        breach=np.zeros(rows, dtype=np.uint8),
        n=n.copy(),
        ttft=np.zeros(rows, dtype=np.int64),
        last_token=np.zeros(rows, dtype=np.int64),
        last_chunk=np.zeros(rows, dtype=np.int64),
        itl_max=np.zeros(rows, dtype=np.int64),
    )
    request.latency(
        *_tokens(ragged), out.breach, out.n, out.ttft, out.last_token, out.last_chunk, out.itl_max
    )
    return out


def deliveries(ragged: Ragged, n: Int64s, settings: MeasureSettings) -> Deliveries:
    """Run the delivery kernel for the settings' reader."""
    rows = ragged.rows
    out = Deliveries(
        idle=np.zeros(rows, dtype=np.int64),
        idle_min=np.zeros(rows, dtype=np.int64),
        late=np.zeros(rows, dtype=np.int64),
    )
    reader = settings.reader
    request.delivery(
        *_tokens(ragged), n, reader.first_ns, reader.pace_ns, out.idle, out.idle_min, out.late
    )
    return out


def smoothness(
    ragged: Ragged, n: Int64s, idle: Int64s, settings: MeasureSettings
) -> tuple[Float64s, Float64s]:
    """qoe and fluidity, (R,) float64, defined for rows whose sizes are known."""
    qoe = np.zeros(ragged.rows)
    fluidity = np.zeros(ragged.rows)
    reader = settings.reader
    request.smoothness(
        *_tokens(ragged),
        n,
        idle,
        reader.first_ns,
        reader.pace_ns,
        reader.skip_first,
        qoe,
        fluidity,
    )
    return qoe, fluidity


def hulls(ragged: Ragged, n: Int64s, settings: MeasureSettings, *, lower: bool = False) -> Hulls:
    """Envelopes of all rows; of rows with unknown sizes the upper bound, or the lower if ``lower``."""
    rows = ragged.rows
    longest = int(np.max(np.diff(ragged.offsets), initial=0))
    stack = (np.zeros(longest, dtype=np.int32), np.zeros(longest, dtype=np.int64))
    offsets = np.zeros(rows + 1, dtype=np.int64)
    tokens = np.zeros(rows * _VERTICES_PER_ROW, dtype=np.int32)
    times = np.zeros(rows * _VERTICES_PER_ROW, dtype=np.int64)
    paces = (np.zeros(rows), np.zeros(rows))
    start = 0
    while True:
        start = request.envelope(
            *_tokens(ragged),
            n,
            lower,
            start,
            settings.reader.first_ns,
            *stack,
            offsets,
            tokens,
            times,
            *paces,
        )
        if start == rows:
            break
        room = longest + tokens.size
        tokens = np.concatenate([tokens, np.zeros(room, dtype=np.int32)])
        times = np.concatenate([times, np.zeros(room, dtype=np.int64)])
    used = int(offsets[rows])
    return Hulls(
        offsets=offsets,
        tokens=tokens[:used],
        times=times[:used],
        eq5_pace=paces[0],
        sustained_pace=paces[1],
    )


def sizes_known(ragged: Ragged) -> Bools:
    """Rows with tokens whose per-token values are defined."""
    return np.isin(ragged.kinds, (scan.ONE_EACH, scan.SIZED))


def _tokens(
    ragged: Ragged,
) -> tuple[Int64s, Int64s, npt.NDArray[np.int32], Int64s, npt.NDArray[np.uint8]]:
    return ragged.times, ragged.offsets, ragged.sizes, ragged.size_offsets, ragged.kinds
