"""One batch of EVENTS as the shuffle holds it: chunks as flat arrays, arrivals and ends as tables.

Chunks are nearly all of a log and have only a request, a time and a size: 16 bytes an event, 12 where
all are of one size. Arrivals and ends are one a request and carry everything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.kernels import grouping
from sgengine.schema.enums import EVENT_KINDS
from sgengine.shuffle.keys import Coded, coded

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]

_PACKED = 4
"""Kinds, with that of NULL, that fit in 32 bits."""

_PER_CHUNK = ("request_id", "run", "event", "tokens", "seq")

LABELS = ("system", "workload", "clock", "origin")
"""What a batch says of all its requests, where their arrivals do not say."""


def no_sizes() -> Int32s:
    """Of chunks that are of one size, or of unknown sizes."""
    return np.empty(0, dtype=np.int32)


def no_seqs() -> Int64s:
    """Of chunks that are not numbered."""
    return np.empty(0, dtype=np.int64)


def _no_kinds() -> UInt8s:
    return np.empty(0, dtype=np.uint8)


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """Some events, in the order in which they were read.

    ``codes``, ``times`` (N,): request (into ``keys``) and time of each event; with ``kinds`` (N,) of
    all events, else of chunks alone; ``sizes`` and ``seqs`` (N,) mean something of chunks alone. Without
    ``sizes`` (of size 0) every chunk is of ``size``, NO_SIZE if the log does not say; ``seqs`` are of
    size 0 where it has none.
    ``arrivals``, ``ends``: columns code, time_ns, then what those rows say.
    """

    keys: pa.RecordBatch
    codes: Int32s
    times: Int64s
    arrivals: pa.RecordBatch
    ends: pa.RecordBatch
    sizes: Int32s = field(default_factory=no_sizes)
    size: int = grouping.NO_SIZE
    seqs: Int64s = field(default_factory=no_seqs)
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
    others = np.flatnonzero(kinds != grouping.CHUNK)
    arrivals, ends = (others[kinds[others] == kind] for kind in (grouping.ARRIVAL, grouping.END))
    sizes = _of_chunks(rows, "tokens", others, np.int32, grouping.NO_SIZE)
    size = _one_size(sizes, kinds, others)
    return Piece(
        keys=found.keys,
        codes=found.codes,
        times=rows.column("time_ns").to_numpy(zero_copy_only=False),
        kinds=kinds,
        sizes=sizes if size is None else no_sizes(),
        size=grouping.NO_SIZE if size is None else size,
        seqs=_of_chunks(rows, "seq", others, np.int64, grouping.NO_TIME),
        arrivals=_labelled(_rows_at(arrivals, found, rows), labels),
        ends=_rows_at(ends, found, rows),
    )


def kinds_of(events: pa.DictionaryArray) -> UInt8s:
    """The kind of each row (kernels.grouping), UNKNOWN for NULL and for names that are none."""
    names = events.dictionary.to_pylist()
    known = {name: code for code, name in enumerate(EVENT_KINDS)}
    kinds = [known.get(name, grouping.UNKNOWN) for name in names] + [grouping.UNKNOWN]
    indices = events.indices.fill_null(len(names)) if events.indices.null_count else events.indices
    codes = indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    found = np.empty(codes.size, dtype=np.uint8)
    if len(kinds) <= _PACKED:
        packed = sum(kind << 8 * code for code, kind in enumerate(kinds))
        grouping.look_up_packed(codes, packed, found)
    else:
        grouping.look_up(codes, np.array(kinds, np.uint8), found)
    return found


def _of_chunks(
    rows: pa.RecordBatch, name: str, others: Int64s, kind: type[np.generic], missing: int
) -> Any:
    """A column with ``missing`` for a chunk's NULL; of size 0 if it is not there, or NULL throughout.

    ``others`` are the rows that are no chunks: if they have all the NULLs nothing is copied.
    """
    column = rows.column(name) if name in rows.schema.names else None
    if column is None or column.null_count == len(column):
        return np.empty(0, dtype=kind)
    if column.null_count and column.null_count == column.take(pa.array(others)).null_count:
        values = np.frombuffer(column.buffers()[1], dtype=kind)
        return values[column.offset : column.offset + len(column)]
    if column.null_count:
        column = column.fill_null(missing)
    return column.to_numpy(zero_copy_only=False)


def _one_size(sizes: Int32s, kinds: UInt8s, others: Int64s) -> int | None:
    """The size of all chunks, if it is one: most logs have a token a chunk."""
    if not sizes.size or others.size == kinds.size:
        return None
    size = int(sizes[np.argmax(kinds == grouping.CHUNK)])
    unlike = sizes != size
    is_one = np.count_nonzero(unlike) == np.count_nonzero(unlike[others])
    return size if is_one and size != grouping.NO_SIZE else None


def _rows_at(chosen: Int64s, found: Coded, rows: pa.RecordBatch) -> pa.RecordBatch:
    """Some rows, with their codes first."""
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
