"""What was known at a moment: events and parts of deliveries that came later are not seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.compute.ragged import bools, int64s
from sgengine.readers import Partition, Reject
from sgengine.schema import LABEL

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]

INCOMPLETE = "incomplete"
_FAR = 2**63 - 1
_OF_THE_END = ("end_ns", "error", "output_tokens")
"""What the end of a request says; an event log has it there."""


@dataclass(kw_only=True)
class Unseen:
    """Leaves out the events of a partition at ``cut_ns`` or later, None: none; and counts them by run."""

    cut_ns: int | None
    counts: dict[str | None, int] = field(default_factory=dict)

    def without(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The events of a batch that are seen."""
        if self.cut_ns is None:
            return rows
        seen = pc.less(rows.column("time_ns"), self.cut_ns)
        if seen.true_count == rows.num_rows:
            return rows
        self._count(rows.filter(pc.invert(seen)))
        return rows.filter(seen)

    def _count(self, rows: pa.RecordBatch) -> None:
        runs = rows.column("run") if "run" in rows.schema.names else pa.nulls(rows.num_rows)
        for found in pc.value_counts(runs.cast(pa.string())).to_pylist():
            run = found["values"]
            self.counts[run] = self.counts.get(run, 0) + found["counts"]

    def rejects(self, partition: Partition) -> Iterator[Reject]:
        """A line a run."""
        for run, count in self.counts.items():
            yield Reject(
                run=run or partition.run,
                place="events behind the night",
                reason="outside_window",
                count=count,
                detail="came after the night and its grace: not seen",
                source=partition.path,
            )


def seen_before(rows: pa.RecordBatch, on_clock: Bools, cut_ns: int) -> pa.RecordBatch:
    """The rows without chunks, first and last times, and ends at ``cut_ns`` or later.

    ``on_clock`` (R,): rows whose arrivals count from the Unix epoch, as ``cut_ns`` does; they arrive
    before it. A request whose end is not seen is incomplete, and what its end said is NULL. Of rows
    that break the rules of lists the last chunk alone decides; with sizes that do not match they keep
    their lists, to be rejected.
    """
    left = np.where(on_clock, cut_ns - int64s(rows.column("arrival_ns"), 0), _FAR)
    times = rows.column("chunk_times_ns")
    ends = {name: int64s(rows.column(name), 0) for name in ("end_ns", "ttft_ns", "last_ns")}
    late = {name: on_clock & (values >= left) for name, values in ends.items()}
    lengths, chunks = _lengths(times), _flat(times)
    is_late = on_clock & (_lasts(chunks, lengths) >= left)
    if not (is_late.any() or any(found.any() for found in late.values())):
        return rows
    kept = (chunks < np.repeat(left, lengths)) | np.repeat(~is_late, lengths)
    has_end = bools(rows.column("end_ns").is_valid())
    is_open = np.where(has_end, late["end_ns"], is_late | late["last_ns"] | late["ttft_ns"])
    made = {
        **_shortened(rows, kept, lengths),
        **{name: _nulled(rows.column(name), found) for name, found in late.items()},
        "status": _status(rows.column("status"), is_open),
    }
    for name in _OF_THE_END:
        made[name] = _nulled(made.get(name, rows.column(name)), is_open)
    return _with(rows, made)


def _shortened(rows: pa.RecordBatch, kept: Bools, lengths: Int64s) -> dict[str, pa.Array]:
    """The lists of chunks with the kept ones alone; of rows whose sizes do not match, all."""
    times, sizes = rows.column("chunk_times_ns"), rows.column("chunk_tokens")
    matches = ~bools(sizes.is_valid()) | (_lengths(sizes) == lengths)
    kept = kept | np.repeat(~matches, lengths)
    made = {"chunk_times_ns": _filtered(times, kept, lengths)}
    has_sizes = bools(sizes.is_valid())
    kept_sizes = np.ones(int(_lengths(sizes).sum()), dtype=np.bool_)
    kept_sizes[np.repeat(has_sizes & matches, _lengths(sizes))] = kept[
        np.repeat(has_sizes & matches, lengths)
    ]
    made["chunk_tokens"] = _filtered(sizes, kept_sizes, _lengths(sizes))
    return made


def _lengths(lists: pa.Array) -> Int64s:
    """Entries of each row, 0 for NULL."""
    return int64s(lists.value_lengths(), 0)


def _flat(lists: pa.Array) -> Int64s:
    """The entries of all rows, one after the other; a NULL among them as 0, which is kept."""
    return int64s(lists.flatten(), 0)


def _lasts(chunks: Int64s, lengths: Int64s) -> Int64s:
    """The last entry of each row, 0 for none."""
    found = np.zeros(lengths.size, dtype=np.int64)
    some = lengths > 0
    found[some] = chunks[np.cumsum(lengths)[some] - 1]
    return found


def _filtered(lists: pa.Array, kept: Bools, lengths: Int64s) -> pa.Array:
    counts = np.concatenate([[0], np.cumsum(kept)])
    stops = np.cumsum(lengths)
    offsets = counts[np.concatenate([[0], stops])].astype(np.int32)
    return pa.ListArray.from_arrays(
        pa.array(offsets),
        lists.flatten().filter(pa.array(kept)),
        type=lists.type,
        mask=lists.is_null(),
    )


def _nulled(column: pa.Array, rows: Bools) -> pa.Array:
    return pc.if_else(pa.array(rows), pa.scalar(None, column.type), column)


def _status(status: pa.Array, is_open: Bools) -> pa.Array:
    texts = pc.if_else(pa.array(is_open), INCOMPLETE, status.cast(pa.string()))
    return texts.dictionary_encode().cast(LABEL)


def _with(rows: pa.RecordBatch, made: dict[str, pa.Array]) -> pa.RecordBatch:
    columns = [made.get(name, rows.column(name)) for name in rows.schema.names]
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)
