"""What is to be sifted out of gaps, what sifting needs, and what it leaves (kernels.sift)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sgengine.kernels import sift, sparse
from sgengine.kernels.select import N_LIMBS
from sgengine.kernels.sieve import LANES, MOST

UInt64s = npt.NDArray[np.uint64]

_EXACT = 1 << 53
"""Whole numbers below this are doubles."""


@dataclass(frozen=True, kw_only=True)
class GapSums:
    """Of whole samples: the limbs of their sums (kernels.select.moments), the least and the greatest."""

    limbs: UInt64s
    least: int
    most: int


@dataclass(frozen=True, kw_only=True)
class Skip:
    """Gaps that need not be told apart, ns: those below ``first``, and those from ``low`` up to ``high``."""

    first: int
    low: int
    high: int

    def edges(self) -> tuple[int, int, int]:
        """As kernels.sift takes them: the first edge, and where what lies between begins and how wide it is."""
        first, low, high = (min(edge, MOST) for edge in (self.first, self.low, self.high))
        return first, low, high - low


@dataclass(frozen=True, kw_only=True)
class Sifted:
    """What sifting gaps left: how many were ``copied``, and what was skipped ``below`` and ``between``.

    ``sums``: of all of them, or None if a double cannot hold the greatest.
    """

    copied: int
    below: int
    between: int
    sums: GapSums | None


class Scratch:
    """Where kernels.sift works, and the sums it makes."""

    def __init__(self) -> None:
        self._limbs = np.zeros(N_LIMBS, dtype=np.uint64)
        self._gaps = np.empty(sift.BLOCK)
        self._buckets = np.empty(sift.BLOCK, dtype=np.int32)

    def dense(self) -> tuple[Any, ...]:
        """The last three arguments of ``sift_gaps``."""
        return self._limbs, self._gaps, self._buckets

    def sparse(self) -> tuple[Any, ...]:
        """The last six of ``sift_sparsely``."""
        return (
            *self.dense(),
            np.zeros(LANES, dtype=np.uint64),
            np.repeat(np.array([MOST, 0], dtype=np.int32), LANES),
            np.empty(sparse.HELD, dtype=np.int32),
        )

    def sifted(
        self, copied: int, least: int, most: int, below: int = 0, between: int = 0
    ) -> Sifted:
        """What a kernel left, as it says, beside the sums."""
        sums = GapSums(limbs=self._limbs, least=least, most=most) if most < _EXACT else None
        return Sifted(copied=copied, below=below, between=between, sums=sums)
