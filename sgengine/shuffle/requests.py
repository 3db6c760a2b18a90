"""The requests of some pieces: one arrival and at most one end each, chosen and joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.kernels import grouping
from sgengine.schema import DELIVERIES, LABEL
from sgengine.shuffle.join import joined_rows, merged_keys
from sgengine.shuffle.pieces import LABELS, Piece

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

_OF_CHUNKS = ("chunk_times_ns", "chunk_tokens", "ttft_ns", "last_ns")
_DECLARED = ("input_tokens", "output_tokens")


@dataclass(frozen=True, kw_only=True, eq=False)
class Requests:
    """All that is known of the requests of some pieces but for their chunks.

    Requests are numbered in the order in which their arrivals were read; 0 to A - 1 have one, A to
    U - 1 do not. ``lookups`` turn the codes of each piece into these numbers. ``known``: keys, arrivals
    and ends as they were read, and which of their rows are each request's, for ``rows`` to be made of.
    ``arrivals``, ``ends`` (A,) on the run's clock, NO_TIME for no end. ``events`` (U,): arrivals and
    ends of each request, ``repeated`` (U,): those beyond one.
    """

    pieces: tuple[Piece, ...]
    lookups: tuple[Int32s, ...]
    known: Known
    arrivals: Int64s
    ends: Int64s
    events: Int64s
    repeated: Int64s

    @property
    def arrived(self) -> int:
        """A."""
        return int(self.arrivals.size)

    @property
    def count(self) -> int:
        """U."""
        return int(self.events.size)

    def keys(self, numbers: Int64s) -> pa.RecordBatch:
        """Run and request_id of some requests."""
        return self.known.keys.take(pa.array(self.known.order[numbers]))

    def rows(self, first: int, last: int) -> pa.RecordBatch:
        """Requests ``first`` to ``last`` as DELIVERIES without its chunk columns, then dimensions.

        Made when they are wanted, by whoever delivers them: texts take longest, and every worker has
        requests of its own.
        """
        known = self.known
        came = known.arrivals.take(pa.array(known.first[first:last]))
        went = _taken(known.ends, known.last[first:last])
        return _rows(self.keys(np.arange(first, last)), came, went)


class Known(NamedTuple):
    """Keys (U,) in any order and the row of each request's; arrivals and ends, and the rows of the A's.

    ``last`` is -1 where there is no end.
    """

    keys: pa.RecordBatch
    order: Int64s
    arrivals: pa.RecordBatch
    first: Int64s
    ends: pa.RecordBatch
    last: Int64s


def requests_of(pieces: Sequence[Piece], types: pa.Schema) -> Requests:
    """Join what the pieces say of each request; ``types``: the columns of arrivals and ends."""
    lookups, keys = merged_keys(pieces)
    arrivals = joined_rows([piece.arrivals for piece in pieces], lookups, types)
    ends = joined_rows([piece.ends for piece in pieces], lookups, types)
    first, n_arrivals = _earliest(arrivals, keys.num_rows)
    last, n_ends = _earliest(ends, keys.num_rows)
    order = _order(first)
    arrived = order[: int((first >= 0).sum())]
    numbers = np.empty(keys.num_rows, dtype=np.int32)
    numbers[order] = np.arange(keys.num_rows, dtype=np.int32)
    first, last = first[arrived], last[arrived]
    return Requests(
        pieces=tuple(pieces),
        lookups=tuple(numbers[lookup] for lookup in lookups),
        known=Known(keys, order, arrivals, first, ends, last),
        arrivals=arrivals.column("time_ns").to_numpy()[first],
        ends=_times(ends, last),
        events=(n_arrivals + n_ends)[order],
        repeated=(np.maximum(n_arrivals - 1, 0) + np.maximum(n_ends - 1, 0))[order],
    )


def _earliest(table: pa.RecordBatch, keys: int) -> tuple[Int64s, Int64s]:
    """The row of each key's earliest event, -1 for none, and how many events it has.

    Of several at one time it is the one that was read first.
    """
    codes = table.column("code").to_numpy()
    counts = np.bincount(codes, minlength=keys)
    first = np.full(keys, -1, dtype=np.int64)
    if counts.size and counts.max() > 1:
        rows = np.lexsort((table.column("time_ns").to_numpy(), codes))[::-1]
    else:
        rows = np.arange(codes.size, dtype=np.int64)
    # Of several values for one place NumPy keeps the last.
    first[codes[rows]] = rows
    return first, counts


def _order(first: Int64s) -> Int64s:
    """Keys in the order in which their arrivals were read, then those without one."""
    arrived = np.flatnonzero(first >= 0)
    return np.concatenate([arrived[np.argsort(first[arrived])], np.flatnonzero(first < 0)])


def _taken(table: pa.RecordBatch, rows: Int64s) -> pa.RecordBatch:
    """The rows at these places, NULL where the place is -1."""
    return table.take(pa.array(np.maximum(rows, 0), mask=rows < 0))


def _times(table: pa.RecordBatch, rows: Int64s) -> Int64s:
    """The times of the rows at these places, NO_TIME where the place is -1."""
    times = table.column("time_ns").to_numpy()
    found = np.full(rows.size, grouping.NO_TIME, dtype=np.int64)
    found[rows >= 0] = times[rows[rows >= 0]]
    return found


def _rows(keys: pa.RecordBatch, came: pa.RecordBatch, went: pa.RecordBatch) -> pa.RecordBatch:
    """DELIVERIES of A requests without their chunks, then the dimensions."""
    made = {
        "run": _label(keys.column("run")),
        "request_id": keys.column("request_id").cast(pa.string()),
        **{name: _label(came.column(name)) for name in LABELS},
        "timing": _label(_timing(came)),
        "status": _label(_status(went)),
        "error": _text(went, "error"),
        "arrival_ns": came.column("time_ns"),
        "end_ns": pc.subtract(went.column("time_ns"), came.column("time_ns")),
    }
    for name in _DECLARED:
        made[name] = _declared(name, went, came)
    columns = [made[name] for name in DELIVERIES.names if name in made]
    fields = [DELIVERIES.column(name).field() for name in DELIVERIES.names if name in made]
    for name in came.schema.names:
        if name not in ("code", "time_ns", *DELIVERIES.names):
            # A dimension is on the arrival; what only the end can know is on the end.
            columns.append(pc.coalesce(came.column(name), went.column(name)))
            fields.append(pa.field(name, columns[-1].type))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _label(values: pa.Array) -> pa.Array:
    return values.dictionary_encode().cast(LABEL)


def _text(rows: pa.RecordBatch, name: str) -> pa.Array:
    if name not in rows.schema.names:
        return pa.nulls(rows.num_rows, pa.string())
    return rows.column(name).cast(pa.string())


def _timing(came: pa.RecordBatch) -> pa.Array:
    return pc.fill_null(_text(came, "timing"), "chunk")


def _status(went: pa.RecordBatch) -> pa.Array:
    """As the end says; failed if it names an error only, else ok; incomplete without an end."""
    has_end = went.column("time_ns").is_valid()
    plain = pc.if_else(_text(went, "error").is_valid(), "failed", "ok")
    return pc.if_else(has_end, pc.coalesce(_text(went, "status"), plain), "incomplete")


def _declared(name: str, went: pa.RecordBatch, came: pa.RecordBatch) -> pa.Array:
    if name not in came.schema.names:
        return pa.nulls(came.num_rows, pa.int32())
    return pc.coalesce(went.column(name), came.column(name)).cast(pa.int32())
