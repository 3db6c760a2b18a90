"""Gaps of a batch sifted while its requests are measured, for a group whose percentiles are known about.

Which group a request is in shows only once it is measured. So the caller says which it expects, and what
was sifted is of use if it was right: ``Ready.rows`` tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sgengine.compute.ragged import Ragged
from sgengine.compute.settings import MeasureSettings
from sgengine.compute.sifted import Scratch, Sifted, Skip
from sgengine.kernels.scan import ONE_EACH

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
UInt8s = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Expected:
    """All requests of a batch, or those that are ok (``only_ok``), are expected to be of one group.

    ``wanted`` (N_FINE,) and ``skip`` as ``RowSamples.sift`` takes them, under the chunk rule ``rule``.
    ``counts`` (N_FINE,), all 0, and what ``room`` gives for a number of gaps, at least one place more,
    are written to, and belong to what is ``Ready`` until that is taken in or dropped. Beside these, every
    ``step``-th gap is taken, from the one at ``start`` on.
    """

    rule: str
    only_ok: bool
    wanted: UInt8s
    skip: Skip
    counts: Int64s
    room: Callable[[int], Float64s]
    start: int
    step: int

    def suits(self, ragged: Ragged, settings: MeasureSettings) -> bool:
        """Whether the samples of all rows are their gaps, and nothing is wanted but latencies."""
        if settings.envelopes or settings.smoothness:
            return False
        return self.rule == "chunk" or bool((ragged.kinds == ONE_EACH).all())


@dataclass(frozen=True, kw_only=True)
class Ready:
    """What was sifted as ``expected``: the gaps of ``rows`` (S,), none without; those copied are ``kept``.

    ``taken``: every so many-th of them all, in order.
    """

    expected: Expected
    rows: Int64s
    sifted: Sifted
    kept: Float64s
    taken: Int64s

    def is_of(self, rows: Int64s) -> bool:
        """Whether it is of just these rows (S,)."""
        return np.array_equal(self.rows, rows)


class Sifter:
    """The gaps of ``chosen`` rows (R,) of a batch of C chunks, to be sifted as ``expected``."""

    def __init__(self, expected: Expected, chosen: UInt8s, chunks: int) -> None:
        self._expected = expected
        self._out = expected.room(chunks)
        self._scratch = Scratch()
        self._rows = np.empty(chosen.size, dtype=np.int64)
        self._taken = np.empty(chunks // expected.step + 1, dtype=np.int64)
        self.arrays: tuple[Any, ...] = (
            chosen,
            expected.wanted,
            *expected.skip.edges(),
            expected.counts,
            self._out,
            *self._scratch.sparse(),
            self._rows,
            np.empty(2, dtype=np.int64),
            self._taken,
            expected.start,
            expected.step,
        )
        """The last eighteen arguments of ``latency_and_gaps``."""

    def ready(self, rows: int, taken: int, copied: int, *others: int) -> Ready:
        """What was sifted, as the kernel says."""
        return Ready(
            expected=self._expected,
            rows=self._rows[:rows],
            sifted=self._scratch.sifted(copied, *others),
            kept=self._out[:copied],
            taken=self._taken[:taken],
        )
