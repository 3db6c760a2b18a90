"""Several pieces as one, and one cut into buckets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.kernels import grouping
from sgengine.shuffle.keys import buckets_of, coded
from sgengine.shuffle.pieces import Piece, no_seqs, no_sizes

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


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
    size = one_size_of(pieces)
    return Piece(
        keys=keys,
        codes=np.concatenate([lookup[piece.codes[at]] for piece, lookup, at in numbered]),
        times=np.concatenate([piece.times[at] for piece, _, at in numbered]),
        sizes=no_sizes() if size is not None else _all_sizes(pieces, places),
        size=grouping.NO_SIZE if size is None else size,
        seqs=_all_seqs(pieces, places),
        arrivals=joined_rows([piece.arrivals for piece in pieces], lookups, types),
        ends=joined_rows([piece.ends for piece in pieces], lookups, types),
    )


def one_size_of(pieces: Sequence[Piece]) -> int | None:
    """The size of all chunks of all pieces, NO_SIZE if none says it; None if they differ."""
    found = {piece.size for piece in pieces}
    is_one = len(found) == 1 and not any(piece.sizes.size for piece in pieces)
    return found.pop() if is_one else None


def _all_sizes(pieces: Sequence[Piece], places: Sequence[Any]) -> Int32s:
    parts = []
    for piece, at in zip(pieces, places, strict=True):
        same = np.broadcast_to(np.int32(piece.size), piece.codes.shape)
        parts.append((piece.sizes if piece.sizes.size else same)[at])
    return np.concatenate(parts)


def _all_seqs(pieces: Sequence[Piece], places: Sequence[Any]) -> Int64s:
    """The seqs of all pieces; NO_TIME where one of them lacks them, empty if all do."""
    if not any(piece.seqs.size for piece in pieces):
        return no_seqs()
    parts = []
    for piece, at in zip(pieces, places, strict=True):
        missing = np.broadcast_to(np.int64(grouping.NO_TIME), piece.codes.shape)
        parts.append((piece.seqs if piece.seqs.size else missing)[at])
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
                size=piece.size,
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
