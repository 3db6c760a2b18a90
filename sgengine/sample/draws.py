"""Random whole numbers that are the same on every platform and with every NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from numpy.random import PCG64, SeedSequence

_MILLION = 1_000_000
_BITS = 64


class Draws:
    """Whole numbers from PCG64's raw stream.

    NumPy promises that this stream never changes, and promises no such thing of the distributions
    of its ``Generator``; so each draw here is integer arithmetic on raw 64-bit numbers.
    """

    def __init__(self, *seed: int) -> None:
        self._bits = PCG64(SeedSequence(seed))

    def _raw(self) -> int:
        return int(self._bits.random_raw())

    def below(self, bound: int) -> int:
        """Draw from 0, ..., bound - 1, uniformly."""
        return (self._raw() * bound) >> _BITS

    def between(self, low: int, high: int) -> int:
        """Draw from low, ..., high, uniformly."""
        return low + self.below(high - low + 1)

    def skewed(self, low: int, high: int) -> int:
        """Draw from low, ..., high with many small values and few large ones: a product of two."""
        return low + ((high - low + 1) * self._raw() * self._raw() >> (2 * _BITS))

    def chance(self, per_million: int) -> bool:
        """Return true ``per_million`` times in a million."""
        return self.below(_MILLION) < per_million

    def pick(self, weights: Mapping[str, int]) -> str:
        """Draw a name by its weight, a small whole number."""
        names = [name for name, weight in weights.items() for _ in range(weight)]
        return names[self.below(len(names))]

    def uuid(self) -> str:
        """Draw an identifier of the form that clients give to requests."""
        return str(UUID(int=(self._raw() << _BITS) | self._raw(), version=4))
