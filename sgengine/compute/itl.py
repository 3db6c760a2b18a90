"""Inter-token-latency samples of a measured batch, and their histograms (GAPS)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sgengine.compute.measure import Measured
from sgengine.compute.ragged import Ragged, frozen
from sgengine.compute.rows import tokens_of
from sgengine.compute.sifted import Scratch, Sifted, Skip
from sgengine.kernels import gaps, sift, sparse
from sgengine.kernels.histogram import N_BUCKETS, count_samples
from sgengine.kernels.scan import ONE_EACH
from sgengine.schema.enums import ITL_RULES

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]
UInt8s = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Samples:
    """ITL samples of S rows: ``values`` float64 ns, row i's from ``starts[i]`` to ``starts[i + 1]``."""

    values: Float64s
    starts: Int64s

    def groups(self, codes: Int64s) -> Int64s:
        """The group of each sample, from ``codes`` (S,) of the rows."""
        return np.repeat(codes, np.diff(self.starts))


@dataclass(frozen=True, kw_only=True)
class RowSamples:
    """Samples not yet written down: those of ``rows`` (S,) of ``ragged``, ``counts`` (S,) of each, none 0."""

    ragged: Ragged
    rule: str
    rows: Int64s
    counts: Int64s

    @cached_property
    def count(self) -> int:
        """How many there are."""
        return int(self.counts.sum())

    def cut(self, count: int) -> tuple[RowSamples, RowSamples]:
        """The first rows, until they have ``count`` samples, and the others."""
        at = int(np.searchsorted(np.cumsum(self.counts), count)) + 1
        return (
            replace(self, rows=self.rows[:at], counts=self.counts[:at]),
            replace(self, rows=self.rows[at:], counts=self.counts[at:]),
        )

    def pieces(self, first: int, most: int) -> Iterator[RowSamples]:
        """The rows in order, in pieces of about ``first`` samples, then four times as many, up to ``most``."""
        upto = np.cumsum(self.counts)
        marks, size = [first], first
        while marks[-1] < int(upto[-1]):
            size = min(4 * size, most)
            marks.append(marks[-1] + size)
        cuts = {0, *(np.searchsorted(upto, marks[:-1]) + 1).tolist(), self.rows.size}
        for a, b in pairwise(sorted(cuts)):
            yield replace(self, rows=self.rows[a:b], counts=self.counts[a:b])

    def values(self) -> Float64s:
        """The samples, row by row."""
        return _written(self.ragged, self.rule, self.rows, self.counts).values

    def at(self, places: Int64s) -> Float64s:
        """The gaps at some ``places`` (P,) among all of the rows; see ``are_gaps``."""
        upto = np.cumsum(self.counts)
        rows = np.searchsorted(upto, places, side="right")
        begins = self.ragged.offsets[self.rows[rows]] - (upto - self.counts)[rows]
        times = self.ragged.times
        return (times[begins + places + 1] - times[begins + places]).astype(np.float64)

    @property
    def are_gaps(self) -> bool:
        """Whether the samples are the gaps between the rows' chunks, so that they need no writing."""
        return self.rule == "chunk" or bool(np.all(self.ragged.kinds[self.rows] == ONE_EACH))

    def sift(
        self, wanted: UInt8s, counts: Int64s, out: Float64s, skip: Skip | None = None
    ) -> Sifted:
        """Count gaps by fine bucket and copy wanted ones to ``out`` (kernels.sift); at least one gap.

        What ``skip`` says need not be in ``counts``: how many these are is told.
        """
        tokens = (self.ragged.times, self.ragged.offsets, self.rows, wanted)
        scratch = Scratch()
        if skip is None:
            return scratch.sifted(*sift.sift_gaps(*tokens, counts, out, *scratch.dense()))
        found = sparse.sift_sparsely(*tokens, *skip.edges(), counts, out, *scratch.sparse())
        return scratch.sifted(*found)


@dataclass(frozen=True, kw_only=True)
class BatchSamples:
    """The samples of a batch under a rule; ``counts`` (S,) of each kept row."""

    measured: Measured
    rule: str
    counts: Int64s

    def of(self, places: Int64s) -> RowSamples:
        """Those of the kept rows at ``places``, in order."""
        if places.size == self.counts.size and int(self.counts.min(initial=1)) > 0:
            # All rows, which are in order: nothing to choose.
            return RowSamples(
                ragged=self.measured.ragged,
                rule=self.rule,
                rows=self.measured.kept,
                counts=self.counts,
            )
        some = places[self.counts[places] > 0]
        return RowSamples(
            ragged=self.measured.ragged,
            rule=self.rule,
            rows=self.measured.kept[some],
            counts=self.counts[some],
        )


def batch_samples(measured: Measured, rule: str) -> BatchSamples:
    """The samples of all kept rows, to be asked for by group."""
    counts = _counts(measured.ragged, rule)
    if measured.kept.size < counts.size:
        counts = counts[measured.kept]
    return BatchSamples(measured=measured, rule=rule, counts=counts)


def itl_samples(measured: Measured, rule: str, chosen: Int64s | None = None) -> Samples:
    """Samples of the kept rows, or of those of them at the positions ``chosen``, in order."""
    rows = measured.kept if chosen is None else measured.kept[chosen]
    return _written(measured.ragged, rule, rows, _counts(measured.ragged, rule)[rows])


def _counts(ragged: Ragged, rule: str) -> Int64s:
    """Samples of every row, (R,)."""
    counts = np.zeros(ragged.rows, dtype=np.int64)
    gaps.count_row_samples(*tokens_of(ragged), ITL_RULES.index(rule), counts)
    return counts


def _written(ragged: Ragged, rule: str, rows: Int64s, counts: Int64s) -> Samples:
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    values = np.empty(int(starts[-1]))
    code = ITL_RULES.index(rule)
    gaps.fill_samples(*tokens_of(ragged), code, frozen(rows), frozen(starts), values)
    return Samples(values=values, starts=starts)


def itl_histogram(measured: Measured, rule: str, codes: Int64s, groups: int) -> Int64s:
    """Counts (groups, N_BUCKETS) int64 of the kept rows' samples; ``codes`` is each kept row's group."""
    counts = np.zeros((groups, N_BUCKETS), dtype=np.int64)
    if rule == "chunk":
        by_row = np.zeros(measured.ragged.rows, dtype=np.int64)
        by_row[measured.kept] = codes
        ragged = measured.ragged
        gaps.count_gaps(
            ragged.times,
            ragged.offsets,
            frozen(by_row),
            ragged.kinds,
            frozen(measured.kept),
            counts,
            np.empty(gaps.BLOCK, dtype=np.int32),
        )
        return counts
    samples = itl_samples(measured, rule)
    count_samples(samples.values, samples.groups(codes), counts)
    return counts
