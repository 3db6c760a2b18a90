"""Curves as the arrays that kernels take, and a kernel's answers as plain Python values."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from sgengine.compute import rows
from sgengine.compute.ragged import Ragged, frozen
from sgengine.compute.settings import MeasureSettings
from sgengine.kernels import scan, select
from sgengine.kernels import smoothness as smooth
from sgengine.kernels.delivery import smoothed_curve
from sgengine.objectives import Reader

Curve = tuple[Sequence[int], Sequence[int] | None]
"""Chunk times in ns, and their sizes; None: one token each."""


class Delivered(NamedTuple):
    """What the delivery kernel says of one curve."""

    idle: int
    late: int


def ints(values: Sequence[int], dtype: type[np.generic] = np.int64) -> np.ndarray[Any, Any]:
    return frozen(np.array(values, dtype=dtype))


def offsets_of(lengths: Sequence[int]) -> np.ndarray[Any, Any]:
    return frozen(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


def ragged_of(curves: Sequence[Curve]) -> Ragged:
    """A batch of curves: SIZED where sizes are given, ONE_EACH else, EMPTY without chunks."""
    kinds = [
        scan.EMPTY if not len(times) else scan.ONE_EACH if sizes is None else scan.SIZED
        for times, sizes in curves
    ]
    flat_sizes = [size for _, sizes in curves for size in (sizes if sizes is not None else ())]
    return Ragged(
        times=ints([time for times, _ in curves for time in times]),
        offsets=offsets_of([len(times) for times, _ in curves]),
        sizes=ints(flat_sizes, np.int32),
        size_offsets=offsets_of([0 if sizes is None else len(sizes) for _, sizes in curves]),
        kinds=ints(kinds, np.uint8),
    )


def counts_of(curves: Sequence[Curve]) -> np.ndarray[Any, Any]:
    """n of every curve."""
    return np.array(
        [len(times) if sizes is None else sum(sizes) for times, sizes in curves], dtype=np.int64
    )


def delivered(curves: Sequence[Curve], first: int, pace: int) -> list[Delivered]:
    """user_idle_latency and late_tokens of every curve, by the kernel."""
    reader = Reader(first_ns=first, pace_ns=pace)
    settings = MeasureSettings(reader=reader, envelopes=False, smoothness=False)
    found = rows.measure_rows(ragged_of(curves), counts_of(curves), settings)
    return [Delivered(int(i), int(n)) for i, n in zip(found.idle, found.late, strict=True)]


def smoothed(curve: Curve, first: int, pace: int) -> list[int]:
    """s_i of one curve, by the kernel."""
    times, sizes = curve
    ones = [1] * len(times) if sizes is None else sizes
    out = np.zeros(sum(ones), dtype=np.int64)
    smoothed_curve(ints(times), ints(ones, np.int32), pace, first, out)
    found: list[int] = out.tolist()
    return found


def hulls_of(curves: Sequence[Curve], first: int = 0) -> list[list[tuple[int, int]]]:
    """Envelope vertices of every curve, by the kernel."""
    settings = MeasureSettings(reader=Reader(first_ns=first, pace_ns=0))
    found = rows.measure_rows(ragged_of(curves), counts_of(curves), settings).hulls
    assert found is not None
    points = list(zip(found.tokens.tolist(), found.times.tolist(), strict=True))
    bounds = found.offsets.tolist()
    return [points[a:b] for a, b in pairwise(bounds)]


def smoothness(
    curve: Curve, first: int, pace: int, *, skip_first: bool = False
) -> tuple[float, float]:
    """(qoe, fluidity) of one curve, by the kernel."""
    ragged = ragged_of([curve])
    n = counts_of([curve])
    idle = np.array([delivered([curve], first, pace)[0].idle], dtype=np.int64)
    qoe, fluidity = np.zeros(1), np.zeros(1)
    arrays = (ragged.times, ragged.offsets, ragged.sizes, ragged.size_offsets, ragged.kinds)
    smooth.smoothness(*arrays, n, idle, first, pace, skip_first, qoe, fluidity)
    return float(qoe[0]), float(fluidity[0])


def fine_buckets(value: float) -> int:
    """Whole ns below 2048, then 1024 equal parts of every octave."""
    if value < 2048:
        return int(value)
    octave = Fraction(value).limit_denominator(1).numerator.bit_length() - 1
    part = int((Fraction(value) / 2**octave - 1) * 1024)
    return min(2048 + (octave - 11) * 1024 + part, select.N_FINE - 1)


def sums_of(limbs: np.ndarray[Any, Any]) -> tuple[int, int]:
    """The sum of the gaps, and of their squares."""
    a, b, ll, lh, cl, ch, hl, hh = (int(limb) for limb in limbs)
    return a + (b << 32), ll + (lh << 32) + ((cl + (ch << 32)) << 33) + ((hl + (hh << 32)) << 64)
