"""One batch of EVENTS as the shuffle holds it: chunks as flat arrays, arrivals and ends as tables.

Chunks are nearly all of a log and have only a request, a time and a size: 16 bytes an event. Arrivals
and ends are one a request and carry everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.kernels import grouping
from sgengine.schema.enums import EVENT_KINDS
from sgengine.shuffle.keys import Coded, buckets_of, coded

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]

_PER_CHUNK = ("request_id", "run", "event", "tokens", "seq")

LABELS = ("system", "workload", "clock", "origin")
"""What a batch says of all its requests, where their arrivals do not say."""


def _no_sizes() -> Int32s:
    return np.empty(0, dtype=np.int32)


def _no_seqs() -> Int64s:
    return np.empty(0, dtype=np.int64)


def _no_kinds() -> UInt8s:
    return np.empty(0, dtype=np.uint8)


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """Some events, in the order in which they were read.

    ``codes``, ``times`` (N,): request (into ``keys``) and time of each event; with ``kinds`` (N,) of
    all events, else of chunks alone. ``sizes``, ``seqs`` (N,): of size 0 where the log has none.
    ``arrivals``, ``ends``: columns code, time_ns, then what those rows say.
    """

    keys: pa.RecordBatch
    codes: Int32s
    times: Int64s
    arrivals: pa.RecordBatch
    ends: pa.RecordBatch
    sizes: Int32s = field(default_factory=_no_sizes)
    seqs: Int64s = field(default_factory=_no_seqs)
    kinds: UInt8s = field(default_factory=_no_kinds)

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        flat = (self.codes, self.times, self.sizes, self.seqs, self.kinds)
        tables = (self.keys, self.arrivals, self.ends)
        return int(sum(a.nbytes for a in flat) + sum(table.nbytes for table in tables))

    @property
    def rows(self) -> int:
        """Events in it."""
        if self.kinds.size:
            return self.codes.size
        return self.codes.size + int(self.arrivals.num_rows) + int(self.ends.num_rows)


def piece_of(rows: pa.RecordBatch, labels: Mapping[str, str]) -> Piece:
    """A batch of EVENTS in the declared types, every row of a known kind, as a piece.

    ``request_id`` may be int64; ``event`` is dictionary-encoded. ``labels`` gives run, system,
    workload, clock and origin where there is no such column, or NULL in it.
    """
    runs = rows.column("run") if "run" in rows.schema.names else labels["run"]
    found = coded(rows.column("request_id"), runs)
    kinds = kinds_of(rows.column("event"))
    times = rows.column("time_ns").to_numpy(zero_copy_only=False)
    return Piece(
        keys=found.keys,
        codes=found.codes,
        times=times,
        kinds=kinds,
        sizes=_flat(rows, "tokens", np.int32, grouping.NO_SIZE),
        seqs=_flat(rows, "seq", np.int64, grouping.NO_TIME),
        arrivals=_labelled(_rows_of(grouping.ARRIVAL, kinds, found, rows), labels),
        ends=_rows_of(grouping.END, kinds, found, rows),
    )


def kinds_of(events: pa.DictionaryArray) -> UInt8s:
    """The kind of each row (kernels.grouping), UNKNOWN for NULL and for names that are none."""
    names = events.dictionary.to_pylist()
    known = {name: code for code, name in enumerate(EVENT_KINDS)}
    kinds = [known.get(name, grouping.UNKNOWN) for name in names] + [grouping.UNKNOWN]
    indices = events.indices.fill_null(len(names)) if events.indices.null_count else events.indices
    codes = indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    found = np.empty(codes.size, dtype=np.uint8)
    grouping.look_up(codes, np.array(kinds, np.uint8), found)
    return found


def _flat(rows: pa.RecordBatch, name: str, kind: type[np.generic], missing: int) -> Any:
    """A column with ``missing`` for NULL; of size 0 if it is not there, or NULL throughout."""
    column = rows.column(name) if name in rows.schema.names else None
    if column is None or column.null_count == len(column):
        return np.empty(0, dtype=kind)
    if column.null_count:
        column = column.fill_null(missing)
    return column.to_numpy(zero_copy_only=False)


def _rows_of(kind: int, kinds: UInt8s, found: Coded, rows: pa.RecordBatch) -> pa.RecordBatch:
    """The rows of one kind, with their codes first."""
    chosen = np.flatnonzero(kinds == kind)
    names = ["time_ns", *(n for n in rows.schema.names if n not in (*_PER_CHUNK, "time_ns"))]
    columns = [_plain(rows.column(name).take(pa.array(chosen))) for name in names]
    codes = pa.array(found.codes[chosen])
    return pa.RecordBatch.from_arrays([codes, *columns], names=["code", *names])


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _labelled(rows: pa.RecordBatch, labels: Mapping[str, str]) -> pa.RecordBatch:
    """The arrivals with every label filled in."""
    for name in LABELS:
        value = pa.scalar(labels[name], pa.string())
        if name in rows.schema.names:
            place = rows.schema.get_field_index(name)
            filled = pc.coalesce(rows.column(name).cast(pa.string()), value)
            rows = rows.set_column(place, name, filled)
        else:
            rows = rows.append_column(name, pa.repeat(value, rows.num_rows))
    return rows


def merged_keys(pieces: Sequence[Piece]) -> tuple[list[Int32s], pa.RecordBatch]:
    """The distinct keys of all pieces, and for each piece what its codes are among them."""
    if len(pieces) == 1:
        return [np.arange(pieces[0].keys.num_rows, dtype=np.int32)], pieces[0].keys
    ids = _joined([piece.keys.column("request_id") for piece in pieces])
    runs = _joined([piece.keys.column("run") for piece in pieces]).dictionary_encode()
    found = coded(ids, runs)
    bounds = np.cumsum([piece.keys.num_rows for piece in pieces])[:-1]
    return np.split(found.codes, bounds), found.keys


def _joined(columns: Sequence[pa.Array]) -> pa.Array:
    """One array; of large_string where the texts of all together need it."""
    if any(pa.types.is_large_string(column.type) for column in columns):
        return pa.concat_arrays([column.cast(pa.large_string()) for column in columns])
    texts = sum(column.nbytes for column in columns) if pa.types.is_string(columns[0].type) else 0
    if texts >= 2**31:
        return pa.concat_arrays([column.cast(pa.large_string()) for column in columns])
    return pa.concat_arrays(columns)


def merged(pieces: Sequence[Piece], types: pa.Schema) -> Piece:
    """One piece of chunks alone from several; ``types`` as for ``joined_rows``."""
    lookups, keys = merged_keys(pieces)
    places = [
        np.flatnonzero(piece.kinds == grouping.CHUNK) if piece.kinds.size else slice(None)
        for piece in pieces
    ]
    numbered = list(zip(pieces, lookups, places, strict=True))
    return Piece(
        keys=keys,
        codes=np.concatenate([lookup[piece.codes[at]] for piece, lookup, at in numbered]),
        times=np.concatenate([piece.times[at] for piece, _, at in numbered]),
        sizes=_filled(pieces, places, "sizes", grouping.NO_SIZE),
        seqs=_filled(pieces, places, "seqs", grouping.NO_TIME),
        arrivals=joined_rows([piece.arrivals for piece in pieces], lookups, types),
        ends=joined_rows([piece.ends for piece in pieces], lookups, types),
    )


def _filled(pieces: Sequence[Piece], places: Sequence[Any], name: str, missing: int) -> Any:
    """An optional array of all pieces; ``missing`` where one of them lacks it, empty if all do."""
    kind = getattr(pieces[0], name).dtype
    if not any(getattr(piece, name).size for piece in pieces):
        return np.empty(0, dtype=kind)
    parts = []
    for piece, at in zip(pieces, places, strict=True):
        held = getattr(piece, name)
        parts.append(held[at] if held.size else np.full(piece.codes[at].size, missing, dtype=kind))
    return np.concatenate(parts)


def joined_rows(
    tables: Sequence[pa.RecordBatch], lookups: Sequence[Int32s], types: pa.Schema
) -> pa.RecordBatch:
    """Arrivals or ends of several pieces as one table, with codes of ``lookups``.

    ``types``: the columns behind code and time_ns, and their types; NULL where a piece lacks one.
    """
    codes = [
        lookup[table.column("code").to_numpy()]
        for table, lookup in zip(tables, lookups, strict=True)
    ]
    columns = [pa.array(np.concatenate(codes))]
    columns.append(pa.concat_arrays([table.column("time_ns") for table in tables]))
    columns += [pa.concat_arrays([_cast(table, wanted) for table in tables]) for wanted in types]
    return pa.RecordBatch.from_arrays(columns, names=["code", "time_ns", *types.names])


def _cast(table: pa.RecordBatch, wanted: pa.Field) -> pa.Array:
    if wanted.name not in table.schema.names:
        return pa.nulls(table.num_rows, wanted.type)
    column = table.column(wanted.name)
    return column if column.type == wanted.type else column.cast(wanted.type)


def split_by_bucket(piece: Piece, buckets: int) -> Iterator[tuple[int, Piece]]:
    """The piece (of chunks alone) cut by the bucket of each request, empty buckets left out."""
    bucket = buckets_of(piece.keys, buckets)
    order, starts = _ordered(bucket, buckets)
    local = np.empty(bucket.size, dtype=np.int32)
    local[order] = np.arange(bucket.size, dtype=np.int32) - np.repeat(
        starts[:-1], np.diff(starts)
    ).astype(np.int32)
    rows, bounds = _ordered(bucket[piece.codes], buckets)
    codes, times = local[piece.codes[rows]], piece.times[rows]
    sizes = piece.sizes[rows] if piece.sizes.size else piece.sizes
    seqs = piece.seqs[rows] if piece.seqs.size else piece.seqs
    keys = piece.keys.take(pa.array(order))
    arrivals = _cut(piece.arrivals, bucket, local, buckets)
    ends = _cut(piece.ends, bucket, local, buckets)
    for b in np.flatnonzero(np.diff(starts)):
        mine = slice(bounds[b], bounds[b + 1])
        yield (
            int(b),
            Piece(
                keys=keys.slice(starts[b], starts[b + 1] - starts[b]),
                codes=codes[mine],
                times=times[mine],
                sizes=sizes[mine] if sizes.size else sizes,
                seqs=seqs[mine] if seqs.size else seqs,
                arrivals=arrivals[b],
                ends=ends[b],
            ),
        )


def _ordered(codes: Int32s, size: int) -> tuple[Int64s, Int64s]:
    """Rows in the order of their codes, stable, and where each code's rows begin and end."""
    counts = np.zeros(size, dtype=np.int64)
    grouping.count_codes(codes, counts)
    bounds = np.concatenate([[0], np.cumsum(counts)])
    out = np.empty(codes.size, dtype=np.int64)
    grouping.order_by_code(codes, bounds[:-1].copy(), out)
    return out, bounds


def _cut(
    table: pa.RecordBatch, bucket: Int32s, local: Int32s, buckets: int
) -> list[pa.RecordBatch]:
    codes = table.column("code").to_numpy()
    rows, bounds = _ordered(bucket[codes], buckets)
    ordered = table.take(pa.array(rows)).set_column(0, "code", pa.array(local[codes[rows]]))
    return [ordered.slice(a, b - a) for a, b in pairwise(bounds)]
