"""The second half of the shuffle: requests with their chunks, as DELIVERIES.

The rules, of which REJECTS and RUNS state how often each was needed:

* A request without an arrival is rejected with all its events (``no_arrival``): all times count from
  there. So is one with a chunk before its arrival (``chunk_before_arrival``).
* Of several arrivals, or ends, the earliest counts; the others are dropped (``duplicate_event``).
* Chunks of a request with the same seq, time and tokens are one (``duplicate_event``). Without a seq
  equal chunks are different chunks: two can be real.
* A request without an end is ``incomplete``. Chunks after the end are kept, and counted in the notes.
* Where a night is looked for (``Bounds``), what another night has to account for is no fault of this
  one (``outside_window``).

Every event is in exactly one of: a delivered request, a reject.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.kernels import grouping
from sgengine.schema import DELIVERIES
from sgengine.shuffle.bounds import Bounds
from sgengine.shuffle.faults import Rejected, count_by_run, faults, rejected_of, without_arrival
from sgengine.shuffle.join import one_size_of
from sgengine.shuffle.pieces import Piece
from sgengine.shuffle.requests import Requests

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

_CHUNK_BYTES = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Delivered:
    """Some requests: DELIVERIES, then dimensions; and how many events each was made of.

    ``late``: chunks after their request's end, by run.
    """

    deliveries: pa.RecordBatch
    events: Int64s
    rejected: tuple[Rejected, ...]
    late: dict[str, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Chunks:
    """Chunks of R requests in order: flat times since arrival and sizes.

    ``sizes`` of size 0: every chunk is of ``size``, NO_SIZE where no piece says it.
    """

    offsets: Int64s
    times: Int64s
    sizes: Int32s
    size: int
    dropped: Int64s
    late: Int64s
    early: Bools


def deliveries_of(
    requests: Requests, start: int, stop: int, batch_bytes: int, bounds: Bounds | None = None
) -> Iterator[Delivered]:
    """Requests ``start`` to ``stop`` of the A that have an arrival, in batches.

    The range that ends at A also rejects the requests without an arrival. ``bounds``: the night whose
    faults count; None: all do.
    """
    chunks = _chunks(requests, start, stop)
    extra = without_arrival(requests, bounds) if stop == requests.arrived else ()
    for first, last in _slices(chunks.offsets, batch_bytes):
        yield _delivered(requests, chunks, start, first, last, extra, bounds)
        extra = ()


def _slices(offsets: Int64s, batch_bytes: int) -> Iterator[tuple[int, int]]:
    """Ranges of requests whose chunks take about ``batch_bytes``; one, even if there are none."""
    first, rows = 0, offsets.size - 1
    while True:
        limit = offsets[first] + max(1, batch_bytes // _CHUNK_BYTES)
        last = min(rows, max(first + 1, int(np.searchsorted(offsets, limit, side="right")) - 1))
        yield first, last
        if last >= rows:
            return
        first = last


def _chunks(requests: Requests, start: int, stop: int) -> Chunks:
    rows = stop - start
    mine = list(_of_range(requests, start, stop))
    counts = np.zeros(rows, dtype=np.int64)
    for piece, lookup in mine:
        grouping.count_chunks(piece.codes, lookup, piece.kinds, counts)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    arrivals = requests.arrivals[start:stop]
    size = one_size_of(requests.pieces)
    times, sizes, seqs, is_mixed = _placed(mine, offsets, arrivals, size)
    if is_mixed.any():
        _sort(offsets, is_mixed, times, sizes, seqs)
    dropped = np.zeros(rows, dtype=np.int64)
    if seqs.size:
        offsets, dropped = _without_repeats(offsets, times, sizes, seqs)
    late = np.empty(rows, dtype=np.int64)
    grouping.count_late(offsets, _since(arrivals, requests.ends[start:stop]), times, late)
    early = np.zeros(rows, dtype=np.bool_)
    some = np.flatnonzero(np.diff(offsets))
    early[some] = times[offsets[some]] < 0
    return Chunks(
        offsets=offsets,
        times=times,
        sizes=sizes,
        size=grouping.NO_SIZE if size is None else size,
        dropped=dropped,
        late=late,
        early=early,
    )


def _since(arrivals: Int64s, ends: Int64s) -> Int64s:
    """Ends since the arrivals, NO_TIME where there is none."""
    is_open = ends == grouping.NO_TIME
    return np.where(is_open, grouping.NO_TIME, np.where(is_open, 0, ends) - arrivals)


def _of_range(requests: Requests, start: int, stop: int) -> Iterator[tuple[Piece, Int32s]]:
    """The pieces with requests of the range, and which each code is: from 0, -1 for others."""
    for piece, numbers in zip(requests.pieces, requests.lookups, strict=True):
        inside = (numbers >= start) & (numbers < stop)
        if inside.any():
            yield piece, np.where(inside, numbers - start, -1).astype(np.int32)


def _placed(
    mine: list[tuple[Piece, Int32s]], offsets: Int64s, arrivals: Int64s, size: int | None
) -> tuple[Int64s, Int32s, Int64s, UInt8s]:
    """Times, sizes and seqs of all chunks, request by request; and which requests are not in order.

    ``size``: that of all chunks, which then are not written; None if they differ.
    """
    total = int(offsets[-1])
    has_seqs = any(piece.seqs.size for piece, _ in mine)
    times = np.empty(total, dtype=np.int64)
    sizes = np.empty(total if size is None else 0, dtype=np.int32)
    seqs = np.empty(total if has_seqs else 0, dtype=np.int64)
    places = offsets[:-1].copy()
    lasts = np.full(arrivals.size, grouping.NO_TIME, dtype=np.int64)
    is_mixed = np.zeros(arrivals.size, dtype=np.uint8)
    for piece, lookup in mine:
        grouping.place_chunks(
            piece.codes,
            lookup,
            piece.kinds,
            piece.times,
            piece.sizes,
            piece.seqs,
            arrivals,
            places,
            lasts,
            is_mixed,
            piece.size,
            times,
            sizes,
            seqs,
        )
    return times, sizes, seqs, is_mixed


def _sort(offsets: Int64s, is_mixed: UInt8s, times: Int64s, sizes: Int32s, seqs: Int64s) -> None:
    """Put the chunks of the mixed requests in order, in place."""
    spare = int(np.diff(offsets)[is_mixed > 0].max())
    grouping.sort_chunks(
        offsets,
        is_mixed,
        times,
        sizes,
        seqs,
        np.empty(spare, dtype=np.int64),
        np.empty(spare if sizes.size else 0, dtype=np.int32),
        np.empty(spare if seqs.size else 0, dtype=np.int64),
    )


def _without_repeats(
    offsets: Int64s, times: Int64s, sizes: Int32s, seqs: Int64s
) -> tuple[Int64s, Int64s]:
    """New offsets, and how many chunks of each request were dropped."""
    kept = np.empty(offsets.size - 1, dtype=np.int64)
    grouping.drop_repeats(offsets, times, sizes, seqs, kept)
    dropped = np.diff(offsets) - kept
    if not dropped.any():
        return offsets, dropped
    moved = np.empty_like(offsets)
    grouping.close_up(offsets, kept, times, sizes, moved)
    return moved, dropped


def _delivered(
    requests: Requests,
    chunks: Chunks,
    start: int,
    first: int,
    last: int,
    extra: tuple[Rejected, ...],
    bounds: Bounds | None,
) -> Delivered:
    """Requests ``first`` to ``last`` of the range that begins at ``start``."""
    mine = slice(first, last)
    numbers = np.arange(start + first, start + last)
    lengths = np.diff(chunks.offsets[first : last + 1])
    repeated = requests.repeated[numbers] + chunks.dropped[mine]
    events = requests.events[numbers] - requests.repeated[numbers] + lengths
    early = chunks.early[mine]
    ours = None if bounds is None else bounds.has_arrivals(requests.arrivals[numbers[early]])
    rejected = [
        *extra,
        *faults(requests, numbers[early], events[early], "chunk_before_arrival", ours),
        *rejected_of(requests, numbers, repeated, "duplicate_event"),
    ]
    rows = _with_chunks(requests.rows(start + first, start + last), chunks, first, last)
    good = ~early
    late = count_by_run(requests, numbers[good], chunks.late[mine][good])
    if early.any():
        rows, events = rows.filter(pa.array(good)), events[good]
    return Delivered(deliveries=rows, events=events, rejected=tuple(rejected), late=late)


def _with_chunks(rows: pa.RecordBatch, chunks: Chunks, first: int, last: int) -> pa.RecordBatch:
    """The rows with their chunk columns, in the order of DELIVERIES."""
    bounds = chunks.offsets[first : last + 1]
    span = slice(bounds[0], bounds[-1])
    offsets = (bounds - bounds[0]).astype(np.int32)
    kinds = {name: DELIVERIES.column(name).type for name in DELIVERIES.names}
    made = {name: rows.column(name) for name in rows.schema.names}
    times = pa.array(chunks.times[span])
    made["chunk_times_ns"] = pa.ListArray.from_arrays(
        pa.array(offsets), times, type=kinds["chunk_times_ns"]
    )
    made["chunk_tokens"] = _sizes(chunks, first, last, offsets, kinds["chunk_tokens"])
    for name in ("ttft_ns", "last_ns"):
        made[name] = pa.nulls(rows.num_rows, kinds[name])
    dimensions = [field for field in rows.schema if field.name not in DELIVERIES.names]
    schema = pa.schema([*DELIVERIES.schema(), *dimensions])
    return pa.RecordBatch.from_arrays([made[name] for name in schema.names], schema=schema)


def _sizes(chunks: Chunks, first: int, last: int, offsets: Int32s, kind: pa.DataType) -> pa.Array:
    """chunk_tokens: NULL where no chunk of a request says its size; where some do not, a NULL inside."""
    rows = last - first
    bounds = chunks.offsets[first : last + 1]
    if not chunks.sizes.size:
        if chunks.size == grouping.NO_SIZE or not chunks.times.size:
            return pa.nulls(rows, kind)
        same = np.full(int(offsets[-1]), chunks.size, dtype=np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(same), type=kind)
    values = chunks.sizes[bounds[0] : bounds[-1]]
    unsized = np.empty(rows, dtype=np.int64)
    grouping.count_unsized(bounds, chunks.sizes, unsized)
    if not unsized.any():
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values), type=kind)
    unknown = (unsized > 0) & (unsized == np.diff(bounds))
    return pa.ListArray.from_arrays(
        pa.array(offsets),
        pa.array(values, mask=values == grouping.NO_SIZE),
        type=kind,
        mask=pa.array(unknown),
    )
