"""The usual requests of a vLLM result as columns of DELIVERIES, without an object each.

Usual are requests that went well and show their chunks; what ``vllm._row`` makes of each is made here of
all at once. Of the others, it decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sgengine.kernels import numbers
from sgengine.readers import arrays
from sgengine.readers.base import Partition
from sgengine.readers.seconds import NANOS, POWERS
from sgengine.readers.vllm_file import Gaps, Run, joined

ROLE_CHUNK = "role_chunk"
"""What the plan found out: there is such a chunk in most requests."""

_TOKENS_MAX = 2**31 - 1
_FAR = 2.0**60
"""Sums and differences of a few such times fit int64."""


def shows_role_chunk(partition: Partition) -> bool:
    """Whether the run is one of a chat client that counts the role chunk."""
    return partition.detail(ROLE_CHUNK) is not None


class Usual(NamedTuple):
    """The usual requests among some: which, numbered from 0, and their columns."""

    requests: np.ndarray
    columns: pa.RecordBatch


class _Times(NamedTuple):
    """Times of a run in whole ns, one a request; ``None``: the client wrote none."""

    values: np.ndarray | None
    odd: np.ndarray

    def array(self, chosen: np.ndarray, moved: np.ndarray) -> pa.Array:
        """The column of some requests, moved by so many ns."""
        if self.values is None:
            return pa.nulls(len(chosen), pa.int64())
        return pa.array(self.values[chosen] + moved)


class Columns:
    """The arrays of a run, to be read in parts."""

    def __init__(self, run: Run, partition: Partition) -> None:
        assert run.itls is not None and run.ttfts is not None and run.errors is not None
        count = len(run.ttfts)
        self._gaps = run.itls if isinstance(run.itls, Gaps) else joined(run.itls)
        self._has_role = shows_role_chunk(partition)
        self._first = _times(run.ttfts, count)
        self._arrival = _times(run.start_times, count)
        self._end = _times(run.latencies, count)
        is_scheduled = partition.origin == "scheduled"
        queued = _times(run.queue_times if is_scheduled else None, count)
        self._queued = np.zeros(count, np.int64) if queued.values is None else queued.values
        self._input, self._output = _counts(run.input_lens), _counts(run.output_lens)
        odd = self._first.odd | self._arrival.odd | self._end.odd | queued.odd
        for counts in (self._input, self._output):
            odd |= (counts > _TOKENS_MAX) | (counts < -_TOKENS_MAX)
        # Without output and first chunk it failed; with output and without times, these are unknown.
        self._is_blank = np.array(run.ttfts, dtype=np.float64) == 0
        is_failed = np.array([bool(error) for error in run.errors], dtype=np.bool_)
        self._odd = odd | is_failed | (self._is_blank & (self._output == 0))

    @property
    def gaps(self) -> np.ndarray:
        """How many bytes the gaps of each request are (int64)."""
        lengths: np.ndarray = self._gaps.stops - self._gaps.starts
        return lengths

    def usual(self, requests: range) -> Usual:
        """The usual ones among these."""
        some = np.flatnonzero(~self._odd[requests.start : requests.stop]) + requests.start
        offsets, values, is_sure = self._summed(some)
        is_sure &= ~((np.diff(offsets) == 1) & self._is_blank[some])
        made = pa.RecordBatch.from_pydict(self._made(some, offsets, values))
        if is_sure.all():
            return Usual(some, made)
        return Usual(some[is_sure], made.filter(pa.array(is_sure)))

    def _summed(self, some: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where the times of each begin and end, all times, and which requests are sure."""
        gaps = self._gaps
        starts, stops = gaps.starts[some], gaps.stops[some]
        # A number and its comma are two bytes at the least; the first time is another one.
        out = np.empty((stops - starts).sum() // 2 + 2 * len(some) + 1, dtype=np.int64)
        ends = np.empty(len(some), dtype=np.int64)
        assert self._first.values is not None
        first = self._first.values[some] + self._queued[some]
        powers = np.full(len(some), POWERS[NANOS], dtype=np.int64)
        numbers.running_sums(gaps.text, starts, stops, first, powers, out, ends)
        offsets = np.maximum.accumulate(np.concatenate([[0], ends])).astype(np.int32)
        return offsets, out[: offsets[-1]], ends != numbers.UNSURE

    def _made(
        self, some: np.ndarray, offsets: np.ndarray, values: np.ndarray
    ) -> dict[str, pa.Array]:
        count, queued = len(some), self._queued[some]
        chunks, output = np.diff(offsets), self._output[some]
        has_role = self._has_role & (chunks == output + 1) & (chunks > 1)
        return {
            "request_id": pa.array(some).cast(pa.string()),
            "timing": pa.array(["chunk"] * count, pa.string()),
            "status": pa.array(["ok"] * count, pa.string()),
            "error": pa.nulls(count, pa.string()),
            "arrival_ns": self._arrival.array(some, -queued),
            "end_ns": self._end.array(some, queued),
            "chunk_times_ns": arrays.listed(offsets, values),
            "chunk_tokens": arrays.sizes(chunks, has_role.astype(np.int64)),
            "input_tokens": pa.array(self._input[some].astype(np.int32)),
            "output_tokens": pa.array(output.astype(np.int32)),
        }


def _times(seconds: Sequence[float] | None, count: int) -> _Times:
    """In whole ns, half to even; odd where they are beyond what sums of them can hold."""
    if seconds is None:
        return _Times(None, np.zeros(count, dtype=np.bool_))
    with np.errstate(over="ignore"):  # an overflow is infinite, and odd
        scaled = np.array(seconds, dtype=np.float64) * NANOS
    odd = ~(abs(scaled) < _FAR)
    return _Times(np.rint(np.where(odd, 0, scaled)).astype(np.int64), odd)


def _counts(counts: Sequence[int] | None) -> np.ndarray:
    """Counts (int64); what int64 cannot hold becomes one that int32 cannot hold either."""
    try:
        return np.array(counts or (), dtype=np.int64)
    except OverflowError:
        most = _TOKENS_MAX + 1
        return np.array([max(-most, min(count, most)) for count in counts or ()], dtype=np.int64)
