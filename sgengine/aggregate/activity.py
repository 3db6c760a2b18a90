"""When each run was at work: its span, its clocks, and how many requests were in flight.

A request is in flight from its arrival until max(last chunk, end). Requests without an arrival say
nothing here; they are counted where they are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.aggregate.keys import group_rows
from sgengine.aggregate.sorted_spool import SortedSpool
from sgengine.aggregate.windows import Span, flights, span_of

Int64s = npt.NDArray[np.int64]
Levels = tuple[Int64s, Int64s]
"""Times in ns, ascending, and the number of requests in flight from each of them on."""

_COLUMNS = ["run", "clock", "arrival_ns", "last_chunk_ns", "end_ns"]

_NONE: Int64s = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """The longest stretch [start, end) ns on the run's clock, and the peak it was chosen by."""

    start_ns: int
    end_ns: int
    peak: int


@dataclass(kw_only=True)
class Activity:
    """What is kept of all requests seen: a span a run; with ``in_flight``, 16 bytes a request."""

    in_flight: bool = False
    limit_bytes: int = 64 << 20
    spans: dict[str, Span] = field(default_factory=dict)
    clocks: dict[str, set[str]] = field(default_factory=dict)
    times: SortedSpool = field(init=False)

    def __post_init__(self) -> None:
        self.times = SortedSpool(limit_bytes=self.limit_bytes)

    def add(self, requests: pa.RecordBatch) -> None:
        """Take in one batch of REQUESTS."""
        requests = requests.select(_COLUMNS)
        keys, codes = group_rows(requests, ("run",))
        for i, (run,) in enumerate(keys):
            mine = (
                requests if len(keys) == 1 else requests.take(pa.array(np.flatnonzero(codes == i)))
            )
            self._add(str(run), mine)

    def _add(self, run: str, requests: pa.RecordBatch) -> None:
        self.spans.setdefault(run, Span()).merge(span_of(requests))
        clocks = requests.column("clock").cast(pa.string()).unique().to_pylist()
        self.clocks.setdefault(run, set()).update(clocks)
        if self.in_flight:
            starts, ends = flights(requests)
            self.times.add((run, "start"), starts)
            self.times.add((run, "end"), ends)

    def merge(self, other: Activity) -> None:
        """Take in all that ``other`` has seen."""
        for run, span in other.spans.items():
            self.spans.setdefault(run, Span()).merge(span)
            self.clocks.setdefault(run, set()).update(other.clocks[run])
        self.times.merge(other.times)

    def levels(self, run: str) -> Iterator[Levels]:
        """How many requests of ``run`` were in flight, in steps of ascending times."""
        return ((times, counts) for _, times, counts in self.sweep(run))

    def sweep(self, run: str) -> Iterator[tuple[Int64s, Int64s, Int64s]]:
        """The arrivals of ``run`` in order, beside the levels of the same step."""
        level = 0
        for starts, ends in self.times.aligned((run, "start"), (run, "end")):
            times = np.union1d(starts, ends)
            begun = np.searchsorted(starts, times, side="right")
            counts = level + begun - np.searchsorted(ends, times, side="right")
            level = int(counts[-1])
            yield starts, times, counts

    def peak(self, run: str) -> int:
        """The most requests of ``run`` in flight at the same time; 0 if none took any time."""
        return max((int(counts.max()) for _, counts in self.levels(run)), default=0)

    def steady(self, run: str, share: Fraction) -> Stretch | None:
        """The longest stretch with ``share`` of the peak in flight, the first of equals.

        None if no request of the run took any time.
        """
        peak = self.peak(run)
        if peak == 0:
            return None
        start, end = longest(self.levels(run), -(-share.numerator * peak // share.denominator))
        return Stretch(start_ns=start, end_ns=end, peak=peak)


def longest(levels: Iterable[Levels], least: int) -> tuple[int, int]:
    """The longest [start, end) with ``least`` (1 or more) in flight, the first of equals.

    ``levels`` ends with none in flight and reaches ``least`` somewhere.
    """
    best = (0, 0)
    open_since = _NONE
    for times, counts in levels:
        enough = counts >= least
        before = np.concatenate([[open_since.size > 0], enough[:-1]])
        edges = np.concatenate([open_since, times[enough != before]])
        closed, open_since = (
            edges[: edges.size // 2 * 2].reshape(-1, 2),
            edges[edges.size // 2 * 2 :],
        )
        lengths = closed[:, 1] - closed[:, 0]
        if lengths.max(initial=0) > best[1] - best[0]:
            start, end = closed[np.argmax(lengths)]
            best = (int(start), int(end))
    return best
