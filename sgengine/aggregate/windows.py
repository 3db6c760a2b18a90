"""T, the window that rates divide by (METRICS 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sgengine.compute import Rows, numbers_of, once
from sgengine.compute.ragged import bools, frozen, int64s
from sgengine.kernels.spans import LATEST, span

Int64s = npt.NDArray[np.int64]

_NONE: Int64s = np.zeros(0, dtype=np.int64)

HOUR_NS = 3600 * 10**9
SLICES = {"hour": HOUR_NS, "day": 24 * HOUR_NS}
"""Columns that ``by`` may name beside those of the table: slices of time, aligned to the epoch."""


@dataclass(kw_only=True)
class Span:
    """First arrival and last end of a run's rows so far, ns; rows without an arrival say nothing."""

    first: int | None = None
    last: int | None = None

    def merge(self, other: Span) -> None:
        """Take in more rows of the same run."""
        self.first = _least(self.first, other.first)
        self.last = _greatest(self.last, other.last)

    @property
    def observed_ns(self) -> int | None:
        """max(arrival + max(last chunk, end)) - min(arrival), or None."""
        if self.first is None or self.last is None:
            return None
        return self.last - self.first


def _least(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def _greatest(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else max(a, b)


def flights(rows: Rows) -> tuple[Int64s, Int64s]:
    """Arrival and arrival + max(last chunk, end), ns, of the REQUESTS rows with an arrival."""
    starts, last_chunks, ends = _times(rows)
    stays = np.maximum(last_chunks, 0)
    if ends.size:
        stays = np.maximum(stays, ends)
    if starts.size and int(starts.max()) + int(stays.max()) <= LATEST:
        return starts, starts + stays
    return starts, starts + np.minimum(stays, LATEST - np.maximum(starts, 0))


def _times(rows: Rows) -> tuple[Int64s, Int64s, Int64s]:
    """Arrival, last chunk and end of the rows with an arrival, -1 if unknown; no ends if none is known."""
    arrival, end = rows.column("arrival_ns"), rows.column("end_ns")
    last_chunks = numbers_of(rows, "last_chunk_ns")
    ends = _NONE if end.null_count == len(end) else int64s(end)
    if not arrival.null_count:
        return int64s(arrival), last_chunks, ends
    known = np.flatnonzero(bools(arrival.is_valid()))
    return int64s(arrival)[known], last_chunks[known], ends[known] if ends.size else ends


def span_of(rows: Rows) -> Span:
    """The span of some REQUESTS rows, all of one run."""
    first, last = once(rows, "span", lambda: _ends(rows))
    return Span(first=first, last=last)


def _ends(rows: Rows) -> tuple[int, int] | tuple[None, None]:
    """The first arrival and the last end, ns; None without an arrival."""
    times = _times(rows)
    if times[0].size == 0:
        return None, None
    first, last = span(*(frozen(column) for column in times))
    return int(first), int(last)


@dataclass(frozen=True, kw_only=True)
class Window:
    """A group's T in ns (None: unknown, rates are NULL) and where it comes from."""

    duration_ns: int | None
    source: str

    @property
    def duration_s(self) -> float | None:
        """T in seconds, None if unknown or 0."""
        return self.duration_ns / 1e9 if self.duration_ns else None


_NOTHING = Span()


def window(
    runs: Iterable[str],
    spans: Mapping[str, Span],
    stated: Mapping[str, int],
    *,
    sources: Mapping[str, str] | None = None,
    given_ns: int | None = None,
    slice_ns: int | None = None,
) -> Window:
    """The first of METRICS 5 (a) to (d) that applies to a group that touches ``runs``.

    ``stated``: the durations that the runs' files state; ``sources``: where one comes from, if not
    from there. Several runs add up.
    """
    if given_ns is not None:
        return Window(duration_ns=given_ns, source="given")
    if slice_ns is not None:
        return Window(duration_ns=slice_ns, source="slice")
    total: int | None = 0
    found: set[str] = set()
    for run in runs:
        span = spans.get(run, _NOTHING).observed_ns
        duration = stated.get(run, span)
        said = "stated by the run" if run in stated else "observed over the run"
        found.add((sources or {}).get(run, said))
        total = None if total is None or duration is None else total + duration
    return Window(duration_ns=total, source=" and ".join(sorted(found)))
