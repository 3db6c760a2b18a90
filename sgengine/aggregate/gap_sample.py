"""Some of a group's gaps, evenly from all: about where each of its order statistics lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
Float32s = npt.NDArray[np.float32]

STEP = 512
"""Of so many gaps one is taken: 1.6 MB of 2 10^8, by which a second look at them was to keep 34 MB."""

MOST = 1 << 23
"""Gaps that are held at most, 32 MB: beyond, every second is let go of."""


@dataclass(kw_only=True)
class GapSample:
    """Every ``step``-th gap, in the order in which they came: ``parts`` of ``size`` together.

    ``skip``: how many come before the next that is taken.
    """

    step: int = STEP
    skip: int = 0
    size: int = 0
    parts: list[Float32s] = field(default_factory=list)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return 4 * self.size

    def add(self, count: int, at: Callable[[Int64s], Float64s]) -> None:
        """Take some of the next ``count`` gaps; ``at`` gives those at some places, which ascend."""
        places = np.arange(self.skip, count, self.step)
        if places.size:
            self.add_taken(count, at(places))
        else:
            self.skip -= count

    def add_taken(self, count: int, values: Float64s | Int64s) -> None:
        """The same, with the gaps that were taken of them: from ``skip`` on, every ``step``-th."""
        self.skip += values.size * self.step - count
        if values.size:
            self._take(values.astype(np.float32))

    def _take(self, values: Float32s) -> None:
        self.parts.append(values)
        self.size += values.size
        while self.size > MOST:
            self._thin(2)

    def _thin(self, times: int) -> None:
        """Go on with every so many-th gap of those that are held."""
        kept = self._joined()[::times]
        self.parts, self.size, self.step = [kept], kept.size, self.step * times

    def merge(self, other: GapSample) -> None:
        """Take in those of ``other``; of the one that has more of them, as many as the other has."""
        while self.step < other.step:
            self._thin(2)
        while other.step < self.step:
            other._thin(2)
        for part in other.parts:
            self._take(part)

    def ordered(self) -> Float64s:
        """All of them in order."""
        return np.sort(self._joined()).astype(np.float64)

    def _joined(self) -> Float32s:
        return np.concatenate([np.zeros(0, dtype=np.float32), *self.parts])
