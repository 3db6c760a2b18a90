"""What passes go over: partitions of sources, and what the shuffle made of event logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from sgengine import readers, shuffle
from sgengine.readers import Batch, Partition, Reject, Remark, Source

LATE = "chunks after their request's end, kept"


@dataclass(frozen=True, kw_only=True, eq=False)
class Held:
    """A range of the requests of an event log that fits in memory."""

    source: Source
    requests: shuffle.Requests
    start: int
    stop: int
    batch_bytes: int
    bounds: shuffle.Bounds | None = None
    rejects: tuple[Reject, ...] = ()

    def batches(self) -> Iterator[Batch]:
        """The requests with their chunks."""
        found = shuffle.deliveries_of(
            self.requests, self.start, self.stop, self.batch_bytes, self.bounds
        )
        return _batches(found, self.rejects)


@dataclass(frozen=True, kw_only=True, eq=False)
class Bucket:
    """A bucket of an event log: where its pieces lie on disk. Small, and picklable."""

    source: Source
    places: tuple[shuffle.Place, ...]
    types: pa.Schema
    batch_bytes: int
    bounds: shuffle.Bounds | None = None
    rejects: tuple[Reject, ...] = ()

    def batches(self) -> Iterator[Batch]:
        """The requests with their chunks, once the pieces are read."""
        requests = shuffle.requests_of([shuffle.load(place) for place in self.places], self.types)
        found = shuffle.deliveries_of(requests, 0, requests.arrived, self.batch_bytes, self.bounds)
        return _batches(found, self.rejects)


@dataclass(frozen=True, kw_only=True, eq=False)
class Loaded:
    """Deliveries that are in memory already."""

    source: Source
    loaded: tuple[Batch, ...]

    def batches(self) -> Iterator[Batch]:
        """The rows as they came."""
        return iter(self.loaded)


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice:
    """Some rows of a table in memory, from number ``first_row`` on, brought to DELIVERIES by its worker."""

    source: Source
    table: pa.Table
    partition: Partition
    first_row: int

    def batches(self) -> Iterator[Batch]:
        """The rows with their places in the table."""
        return readers.batches_of(self.table, self.partition, self.first_row)


Part = Partition | Held | Bucket | Loaded | Slice

Reads = Callable[[Part], Iterator[Batch]]
"""Gives the batches of a part: ``read``, or what changes them on the way."""


def read(part: Part) -> Iterator[Batch]:
    """The part's rows, in batches of bounded memory."""
    return readers.read(part) if isinstance(part, Partition) else part.batches()


def _batches(found: Iterator[shuffle.Delivered], rejects: tuple[Reject, ...]) -> Iterator[Batch]:
    """What the shuffle delivers as batches of the readers; ``rejects`` go with the first."""
    for delivered in found:
        yield Batch(
            deliveries=delivered.deliveries,
            places=None,
            place_word="request",
            weights=delivered.events,
            rejects=(*rejects, *map(_reject, delivered.rejected)),
            remarks=tuple(
                Remark(run=run, text=LATE, count=count) for run, count in delivered.late.items()
            ),
        )
        rejects = ()


_DETAILS = {
    "no_arrival": "there is no arrival for its events to count from",
    "chunk_before_arrival": "a chunk came before its request's arrival",
    "duplicate_event": "an arrival, an end or a numbered chunk that was logged before",
    "outside_window": "lacks its arrival, or has a chunk before it, and is of another night",
}


def _reject(found: shuffle.Rejected) -> Reject:
    others = f" and {found.requests - 1} more" if found.requests > 1 else ""
    return Reject(
        run=found.run,
        place=f"request {found.request}{others}",
        reason=found.reason,
        count=found.events,
        detail=_DETAILS[found.reason],
    )
