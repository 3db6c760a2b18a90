"""How long prompts and answers are: distributions that meet published figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sgengine.simulate.load import MAX_TOKENS
from sgengine.simulate.workloads.draws import Stream

_P90 = 1.2815515655446004
"""The standard normal's 90th percentile."""


class Lengths(Protocol):
    """A distribution of token counts."""

    def draw(self, stream: Stream, n: int) -> np.ndarray:
        """(n,) int32, >= 1."""
        ...


@dataclass(frozen=True, kw_only=True)
class Quantiles:
    """The distribution whose quantiles are known: ``tokens[i]`` at ``shares[i]``, from 0 to 1.

    Between two of them the logarithm of the length is linear in the share.
    """

    shares: tuple[float, ...]
    tokens: tuple[int, ...]

    def draw(self, stream: Stream, n: int) -> np.ndarray:
        """(n,) int32, by inversion."""
        logs = np.interp(stream.uniform(n), self.shares, np.log(self.tokens))
        return _whole(np.exp(logs), self.tokens[-1])


@dataclass(frozen=True, kw_only=True)
class LogNormal:
    """Logarithms of lengths normal with mean ``mu`` and deviation ``sigma``.

    The shape is our assumption where two figures are published: lengths are positive, their tail long.
    """

    mu: float
    sigma: float

    @classmethod
    def of_median(cls, median: float, p90: float) -> LogNormal:
        """The one of this median and 90th percentile."""
        return cls(mu=math.log(median), sigma=math.log(p90 / median) / _P90)

    @classmethod
    def of_mean(cls, mean: float, std: float) -> LogNormal:
        """The one of this mean and standard deviation."""
        variance = math.log1p((std / mean) ** 2)
        return cls(mu=math.log(mean) - variance / 2, sigma=math.sqrt(variance))

    def draw(self, stream: Stream, n: int) -> np.ndarray:
        """(n,) int32, at most ``MAX_TOKENS``."""
        return _whole(np.exp(self.mu + self.sigma * stream.normal(n)), MAX_TOKENS)


@dataclass(frozen=True, kw_only=True)
class Geometric:
    """Whole numbers from 1 on of this mean: our assumption where the mean alone is published."""

    mean: float

    def draw(self, stream: Stream, n: int) -> np.ndarray:
        """(n,) int32."""
        return stream.geometric(n, self.mean).astype(np.int32)


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """The same length each time."""

    tokens: int

    def draw(self, stream: Stream, n: int) -> np.ndarray:
        """(n,) int32."""
        return np.full(n, self.tokens, np.int32)


def _whole(values: np.ndarray, most: int) -> np.ndarray:
    whole: np.ndarray = np.clip(np.rint(values), 1, most)
    return whole.astype(np.int32)
