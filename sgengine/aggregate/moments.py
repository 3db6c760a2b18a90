"""Count, mean and standard deviation, summed in integers: the same bits for every order and partition."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from sgengine.compute import GapSums
from sgengine.kernels.near import small_moments
from sgengine.kernels.select import N_LIMBS, moments

Float64s = npt.NDArray[np.float64]

FRACTION_SCALE = 2.0**20
"""Samples that are no whole ns are summed in steps of 2^-20 ns (1e-6 ns) up to 2^43 ns (2.4 hours)."""


@dataclass(kw_only=True)
class Moments:
    """Sums over the samples so far, in ns, each at least 0.

    ``whole``: samples are whole ns and sums are exact. Otherwise each sample counts to the nearest
    2^-20 ns: a mean is within 5e-7 ns. Samples beyond what a limb holds are summed one by one.
    """

    whole: bool
    count: int = 0
    total: int = 0
    squares: int = 0
    least: float = math.inf
    most: float = -math.inf
    scale: float = field(init=False)

    def __post_init__(self) -> None:
        self.scale = 1.0 if self.whole else FRACTION_SCALE

    def add(self, values: Float64s) -> None:
        """Take in ``values`` (S,) ns, at least one."""
        self.count += values.size
        ends, sums = np.empty(2), np.zeros(N_LIMBS, dtype=np.uint64)
        is_small = small_moments(values, self.scale, ends, sums)
        least, most = ends.tolist()
        self.least, self.most = min(self.least, least), max(self.most, most)
        if is_small:
            self._add_small(sums)
        elif most * self.scale >= 2.0**63:
            self._add_slowly(values)
        else:
            limbs = np.zeros(N_LIMBS, dtype=np.uint64)
            moments(values, self.scale, limbs)
            self._add_limbs(limbs)

    def _add_small(self, sums: npt.NDArray[np.uint64]) -> None:
        """Add sums as ``small_moments`` has them."""
        limbs = sums.tolist()
        total, lows, crosses, highs = (
            low + (high << 32) for low, high in zip(limbs[::2], limbs[1::2], strict=True)
        )
        self.total += total
        self.squares += lows + (crosses << 27) + (highs << 52)

    def add_sums(self, count: int, sums: GapSums) -> None:
        """Take in ``count`` whole samples by their sums."""
        self.count += count
        self.least = min(self.least, float(sums.least))
        self.most = max(self.most, float(sums.most))
        self._add_limbs(sums.limbs, int(self.scale))

    def _add_limbs(self, limbs: npt.NDArray[np.uint64], scale: int = 1) -> None:
        """Add sums of samples, each still to be multiplied by ``scale``."""
        a, b, ll, lh, cl, ch, hl, hh = (int(limb) for limb in limbs)
        self.total += (a + (b << 32)) * scale
        cross = cl + (ch << 32)
        squares = ll + (lh << 32) + (cross << 33) + ((hl + (hh << 32)) << 64)
        self.squares += squares * scale**2

    def _add_slowly(self, values: Float64s) -> None:
        for value in np.rint(values * self.scale).tolist():
            self.total += int(value)
            self.squares += int(value) ** 2

    def merge(self, other: Moments) -> None:
        """Take in the samples of ``other``."""
        self.count += other.count
        self.total += other.total
        self.squares += other.squares
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)

    @property
    def mean(self) -> float:
        """Mean in ns, rounded once."""
        return float(Fraction(self.total, self.count) / int(self.scale))

    @property
    def std(self) -> float:
        """Standard deviation in ns, ddof 0."""
        spread = self.count * self.squares - self.total**2
        return math.sqrt(Fraction(spread, self.count**2)) / self.scale
