"""Per-request values of the rows that have chunks: numpy arrays, each with the rows it is defined for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sgengine.compute.expected import Ready, Sifter
from sgengine.compute.ragged import Bools, Ragged
from sgengine.compute.settings import MeasureSettings
from sgengine.kernels import request, scan, together
from sgengine.kernels.peaks import peaks_shape

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
UInt8s = npt.NDArray[np.uint8]

_VERTICES_PER_ROW = 10
"""First guess of an envelope's size; real delivery curves have about 7 vertices."""


@dataclass(frozen=True, kw_only=True)
class Hulls:
    """Envelopes of R rows: ``offsets`` (R + 1,) into ``tokens`` int32 and ``times`` int64, and both paces."""

    offsets: Int64s
    tokens: Int32s
    times: Int64s
    eq5_pace: Float64s
    sustained_pace: Float64s


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What the kernels say of R rows, arbitrary where a row's kind leaves it undefined.

    ``breach``: code of the rule that a row breaks. Latencies, ``idle`` (for unknown sizes its upper
    bound), ``idle_min`` and ``late`` are (R,) int64 in ns and tokens; ``n`` is complete. ``qoe`` and
    ``fluidity`` are empty where smoothness was not wanted, and ``hulls`` is None without envelopes.
    """

    breach: UInt8s
    n: Int64s
    ttft: Int64s
    last_token: Int64s
    last_chunk: Int64s
    itl_max: Int64s
    idle: Int64s
    idle_min: Int64s
    late: Int64s
    qoe: Float64s
    fluidity: Float64s
    hulls: Hulls | None


class HullRoom:
    """Where the hull kernel works: scratch for the longest row, and output that grows on demand."""

    def __init__(self, ragged: Ragged, *, wanted: bool = True) -> None:
        rows = ragged.rows if wanted else 0
        self._longest = int(np.max(np.diff(ragged.offsets), initial=0)) if wanted else 0
        size = _VERTICES_PER_ROW * rows + self._longest
        self._peaks = np.empty(peaks_shape(self._longest), dtype=np.int64)
        self._candidates = np.empty(self._longest + 1, dtype=np.int32)
        self._offsets = np.zeros(rows + 1, dtype=np.int64)
        self._tokens = np.empty(size, dtype=np.int32)
        self._times = np.empty(size, dtype=np.int64)
        self._paces = np.zeros((2, rows))

    def arrays(self) -> tuple[Any, ...]:
        """The kernel's last seven arguments."""
        return (
            self._peaks,
            self._candidates,
            self._offsets,
            self._tokens,
            self._times,
            *self._paces,
        )

    def grow(self) -> None:
        """Double the output and make room for the longest row."""
        more = self._longest + self._tokens.size
        self._tokens = np.concatenate([self._tokens, np.empty(more, dtype=np.int32)])
        self._times = np.concatenate([self._times, np.empty(more, dtype=np.int64)])

    def hulls(self) -> Hulls:
        """What was written."""
        used = int(self._offsets[-1])
        return Hulls(
            offsets=self._offsets,
            tokens=self._tokens[:used],
            times=self._times[:used],
            eq5_pace=self._paces[0],
            sustained_pace=self._paces[1],
        )


def measure_rows(ragged: Ragged, n: Int64s, settings: MeasureSettings) -> Rows:
    """Run all kernels in one pass; ``n`` (R,) int64 must be known but for rows with sizes."""
    ints = np.empty((7, ragged.rows), dtype=np.int64)
    floats = np.zeros((2, ragged.rows if settings.smoothness else 0))
    breach = np.zeros(ragged.rows, dtype=np.uint8)
    counts, kinds = n.copy(), ragged.kinds.copy()
    room = HullRoom(ragged, wanted=settings.envelopes)
    reader = settings.reader
    inputs: tuple[Any, ...] = (
        *tokens_of(ragged)[:4],
        kinds,
        reader.first_ns,
        reader.pace_ns,
        reader.skip_first,
        settings.smoothness,
        settings.envelopes,
    )
    outputs: tuple[Any, ...] = (breach, counts, *ints, *floats)
    run: Callable[..., int] = request.in_blocks
    start = 0
    while True:
        start = run(*inputs, start, *outputs, *room.arrays())
        if start == ragged.rows:
            break
        room.grow()
    return _rows(breach, counts, ints, floats, room.hulls() if settings.envelopes else None)


def _rows(
    breach: UInt8s,
    n: Int64s,
    ints: Int64s,
    floats: Float64s | None = None,
    hulls: Hulls | None = None,
) -> Rows:
    """What the kernels wrote: ``ints`` (7, R), and ``floats`` (2, R) of smoothness."""
    ttft, last_token, last_chunk, itl_max, idle, idle_min, late = ints
    qoe, fluidity = np.zeros((2, 0)) if floats is None else floats
    return Rows(
        breach=breach,
        n=n,
        ttft=ttft,
        last_token=last_token,
        last_chunk=last_chunk,
        itl_max=itl_max,
        idle=idle,
        idle_min=idle_min,
        late=late,
        qoe=qoe,
        fluidity=fluidity,
        hulls=hulls,
    )


def measure_and_sift(
    ragged: Ragged, n: Int64s, settings: MeasureSettings, sifter: Sifter
) -> tuple[Rows, Ready]:
    """The same without envelopes and smoothness, and what was sifted in the same pass."""
    ints = np.empty((7, ragged.rows), dtype=np.int64)
    breach = np.zeros(ragged.rows, dtype=np.uint8)
    counts = n.copy()
    reader = settings.reader
    run: Callable[..., tuple[int, ...]] = together.latency_and_gaps
    said = run(
        *tokens_of(ragged),
        reader.first_ns,
        reader.pace_ns,
        breach,
        counts,
        *ints,
        *sifter.arrays,
    )
    return _rows(breach, counts, ints), sifter.ready(*said)


def lower_hulls(ragged: Ragged, n: Int64s, settings: MeasureSettings) -> Hulls:
    """Envelopes that bound the idle latency of rows with unknown sizes from below."""
    room = HullRoom(ragged)
    start = 0
    while True:
        first = settings.reader.first_ns
        start = request.envelope(*tokens_of(ragged), n, True, start, first, *room.arrays())
        if start == ragged.rows:
            return room.hulls()
        room.grow()


def sizes_known(ragged: Ragged) -> Bools:
    """Rows with tokens whose per-token values are defined."""
    known: Bools = (ragged.kinds == scan.ONE_EACH) | (ragged.kinds == scan.SIZED)
    return known


def tokens_of(ragged: Ragged) -> tuple[Int64s, Int64s, Int32s, Int64s, UInt8s]:
    """The first five arguments of every kernel over a batch."""
    return ragged.times, ragged.offsets, ragged.sizes, ragged.size_offsets, ragged.kinds
