"""Random numbers that are the same with every NumPy: distributions of our own over a fixed stream."""

from __future__ import annotations

import numpy as np
from numpy.random import PCG64, SeedSequence

_UNIT = 2.0**-53
_DROPPED_BITS = np.uint64(11)


class Stream:
    """Draws from PCG64's raw stream, keyed by whole numbers and names.

    NumPy promises that the raw stream never changes, and promises no such thing of the distributions
    of its ``Generator``. Streams of different keys are independent: the lengths of a load stay as
    they are when its arrivals change.
    """

    def __init__(self, *key: int | str) -> None:
        words = [w for part in key for w in (part.encode() if isinstance(part, str) else [part])]
        self._bits = PCG64(SeedSequence(words))

    def uniform(self, n: int) -> np.ndarray:
        """(n,) float64 in (0, 1): 53 bits, in the middle of their step."""
        raw = self._bits.random_raw(n)
        drawn: np.ndarray = ((raw >> _DROPPED_BITS).astype(np.float64) + 0.5) * _UNIT
        return drawn

    def exponential(self, n: int) -> np.ndarray:
        """(n,) float64 of mean 1, by inversion."""
        drawn: np.ndarray = -np.log(self.uniform(n))
        return drawn

    def normal(self, n: int) -> np.ndarray:
        """(n,) float64 of mean 0 and variance 1 (Box and Muller, 1958)."""
        radius = np.sqrt(2.0 * self.exponential(n))
        drawn: np.ndarray = radius * np.cos(2.0 * np.pi * self.uniform(n))
        return drawn

    def gamma(self, n: int, shape: float) -> np.ndarray:
        """(n,) float64 of this shape and scale 1 (Marsaglia and Tsang, 2000).

        Rounds of n proposals, of which more than nine in ten are taken. A shape below 1 is drawn one
        higher and multiplied by U^(1 / shape), as they advise.
        """
        if shape < 1.0:
            boosted: np.ndarray = self.gamma(n, shape + 1.0) * self.uniform(n) ** (1.0 / shape)
            return boosted
        taken: list[np.ndarray] = []
        missing = n
        while missing > 0:
            found = self._gamma_round(n, shape)[:missing]
            taken.append(found)
            missing -= len(found)
        return np.concatenate(taken) if taken else np.empty(0)

    def _gamma_round(self, n: int, shape: float) -> np.ndarray:
        d = shape - 1.0 / 3.0
        x, u = self.normal(n), self.uniform(n)
        v = (1.0 + x / np.sqrt(9.0 * d)) ** 3
        above = v > 0.0
        x, u, v = x[above], u[above], v[above]
        good = np.log(u) < 0.5 * x * x + d - d * v + d * np.log(v)
        accepted: np.ndarray = d * v[good]
        return accepted

    def geometric(self, n: int, mean: float) -> np.ndarray:
        """(n,) int64 from 1 on, of this mean (>= 1): how many turns until a user stops."""
        if mean == 1.0:
            return np.ones(n, np.int64)
        trials: np.ndarray = np.ceil(np.log(self.uniform(n)) / np.log1p(-1.0 / mean))
        return trials.astype(np.int64)
