"""Operations on one batch of DELIVERIES: what the users would have seen instead.

The arrival and the prompt stay, and so does whatever is not known well enough to change: such rows are
marked as undetermined, left as they are, and later operations leave them alone too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.aggregate.attainment import YES, clause_answers
from sgengine.aggregate.table import requests_of
from sgengine.audit.operations import Abandon, Delay, Operation
from sgengine.compute import Measured, MeasureSettings, compute
from sgengine.compute.ragged import Bools, Ragged, bools, frozen, int64s
from sgengine.compute.rows import tokens_of
from sgengine.kernels import audit as kernels
from sgengine.kernels import scan
from sgengine.objectives import DEFAULT_READER, Slo
from sgengine.schema import DELIVERIES

Int64s = npt.NDArray[np.int64]

CUT_STATUS = "cancelled"

_SLIM = MeasureSettings(envelopes=False, smoothness=False, gaps=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Marks:
    """What became of R rows, (R,) bool each; a row that breaks a rule has no mark."""

    delayed: Bools
    cut: Bools
    undetermined: Bools

    def of(self, rows: Int64s) -> Marks:
        """The marks of some rows."""
        return Marks(
            delayed=self.delayed[rows], cut=self.cut[rows], undetermined=self.undetermined[rows]
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """A batch of DELIVERIES, changed, its rows in the same order, and their ``marks``."""

    deliveries: pa.RecordBatch
    marks: Marks


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rows:
    """What an operation looks at: ``free`` (R,) bool are the rows that it may change."""

    batch: pa.RecordBatch
    ragged: Ragged
    n: Int64s
    free: Bools

    @property
    def listless(self) -> Bools:
        """The rows without chunk times, (R,) bool."""
        found: Bools = self.free & ~bools(self.batch.column("chunk_times_ns").is_valid())
        return found

    @property
    def bounded(self) -> Bools:
        """The rows with tokens, or perhaps some, not all of which have a time, (R,) bool."""
        found: Bools = (self.listless | (self.ragged.kinds == scan.UNKNOWN_SIZES)) & (self.n != 0)
        return found


def change(
    batch: pa.RecordBatch, operations: Sequence[Operation], measured: Measured | None = None
) -> Change:
    """The batch after all ``operations``, in their order.

    ``measured``: the batch as any reader measured it, where that is known already. The result depends
    on the arguments alone, and a row of it on nothing but the row.
    """
    none = np.zeros(batch.num_rows, dtype=np.bool_)
    found = Change(deliveries=batch, marks=Marks(delayed=none, cut=none, undetermined=none))
    for operation in operations:
        if measured is None:
            measured = compute(found.deliveries, _SLIM)
        rows = _rows(found, measured)
        found = (
            _delay(found, rows, operation)
            if isinstance(operation, Delay)
            else _abandon(found, rows, operation)
        )
        measured = None
    return found


def _rows(found: Change, measured: Measured) -> _Rows:
    free = np.zeros(found.deliveries.num_rows, dtype=np.bool_)
    free[measured.kept] = True
    free &= ~found.marks.undetermined
    n = np.full(free.size, -1, dtype=np.int64)
    n[measured.kept] = int64s(measured.requests.column("n_output_tokens"))
    kinds = np.where(free, measured.ragged.kinds, scan.NO_CHUNKS).astype(np.uint8)
    return _Rows(batch=found.deliveries, ragged=measured.ragged.with_kinds(kinds), n=n, free=free)


# --- Delay ---------------------------------------------------------------------------------------


def _delay(found: Change, rows: _Rows, operation: Delay) -> Change:
    """Of rows without chunk times, those of one token or none stay, others are undetermined."""
    ragged, offsets = rows.ragged, rows.ragged.offsets
    times = np.empty(int(offsets[-1] - offsets[0]), dtype=np.int64)
    moved = np.zeros(ragged.rows, dtype=np.bool_)
    kernels.delay(ragged.times, offsets, ragged.kinds, operation.threshold_ns, times, moved)
    ends = np.maximum(offsets[1:] - offsets[0] - 1, 0)
    last = times[ends] if times.size else np.zeros(ragged.rows, dtype=np.int64)
    end = int64s(rows.batch.column("end_ns"))
    batch = _with_lists(rows.batch, "chunk_times_ns", times, offsets - offsets[0])
    batch = _with(batch, "end_ns", moved & (end >= 0), pa.array(np.maximum(end, last)))
    undetermined = rows.listless & ~np.isin(rows.n, (0, 1))
    return _marked(found, batch, delayed=moved, undetermined=undetermined)


def _marked(found: Change, batch: pa.RecordBatch, **more: Bools) -> Change:
    """The next change, which adds rows to some of the marks."""
    marks = {name: getattr(found.marks, name) | rows for name, rows in more.items()}
    return Change(deliveries=batch, marks=replace(found.marks, **marks))


# --- Abandon -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cuts:
    """Of R rows: whether, and at which moment in ns, each is cut, and the chunks and tokens that stay."""

    lost: Bools
    moment: Int64s
    chunks: Int64s
    tokens: Int64s


def _abandon(found: Change, rows: _Rows, operation: Abandon) -> Change:
    cuts = _cuts(rows, operation.slo)
    undetermined = _decide_bounded(cuts, rows, operation.slo)
    batch = _cut(rows, cuts) if cuts.lost.any() else rows.batch
    return _marked(found, batch, cut=cuts.lost, undetermined=undetermined)


def _cuts(rows: _Rows, slo: Slo) -> _Cuts:
    """When each row loses the SLO, of those whose tokens all have a time."""
    ragged, pace = rows.ragged, slo.pace
    cuts = _Cuts(
        lost=np.zeros(ragged.rows, dtype=np.bool_),
        moment=np.zeros(ragged.rows, dtype=np.int64),
        chunks=np.diff(ragged.offsets),
        tokens=rows.n.copy(),
    )
    bounds = [slo.ttft_ns, slo.tbt_ns, slo.tpot_ns, slo.e2e_ns]
    limits: tuple[Any, ...] = (
        *(kernels.NEVER if bound is None else bound for bound in bounds),
        0 if pace is None else pace.first_ns,
        -1 if pace is None else pace.pace_ns,
    )
    run: Callable[..., None] = kernels.abandon
    outputs = (cuts.lost, cuts.moment, cuts.chunks, cuts.tokens)
    run(*tokens_of(ragged), frozen(rows.n), *limits, *outputs)
    return cuts


def _decide_bounded(cuts: _Cuts, rows: _Rows, slo: Slo) -> Bools:
    """Cut the rows without chunk times or sizes whose first token is too late: nothing came before.

    Others keep every clause for certain, by their bounds, or are undetermined: what is returned.
    """
    undetermined = np.zeros(rows.n.size, dtype=np.bool_)
    at = np.flatnonzero(rows.bounded)
    if at.size == 0:
        return undetermined
    reader = slo.pace or DEFAULT_READER
    measured = compute(rows.batch.take(pa.array(at)), replace(_SLIM, reader=reader))
    requests = requests_of(measured.requests)
    first_ns = None if slo.pace is None else slo.pace.first_ns
    early = min(b for b in (slo.ttft_ns, slo.e2e_ns, first_ns, kernels.NEVER) if b is not None)
    lost = (requests.ttft > early) & (requests.n >= 1)
    holds = np.ones(at.size, dtype=np.bool_)
    for _, answers in clause_answers(requests, slo, reader):
        holds &= answers == YES
    cuts.lost[at] = lost
    for column, value in ((cuts.moment, early), (cuts.chunks, 0), (cuts.tokens, 0)):
        column[at[lost]] = value
    undetermined[at] = ~lost & ~holds
    return undetermined


def _cut(rows: _Rows, cuts: _Cuts) -> pa.RecordBatch:
    """The batch with the lost rows ended at their moment."""
    batch, ragged, cut = rows.batch, rows.ragged, cuts.lost
    for name, values, offsets in (
        ("chunk_times_ns", ragged.times, ragged.offsets),
        ("chunk_tokens", ragged.sizes, ragged.size_offsets),
    ):
        batch = _shortened(batch, name, values, offsets, np.where(cut, cuts.chunks, -1))
    batch = _with(batch, "end_ns", cut, pa.array(cuts.moment))
    declared = cut & bools(batch.column("output_tokens").is_valid())
    batch = _with(batch, "output_tokens", declared, pa.array(cuts.tokens.astype(np.int32)))
    for name in ("ttft_ns", "last_ns"):
        batch = _with(batch, name, cut, pa.scalar(None, pa.int64()))
    return _with(batch, "status", cut, pa.scalar(CUT_STATUS))


# --- Columns -------------------------------------------------------------------------------------


def _with(
    batch: pa.RecordBatch, name: str, rows: Bools, values: pa.Array | pa.Scalar
) -> pa.RecordBatch:
    """The batch with ``values`` in the ``rows`` of one column; labels as texts of a dictionary."""
    column = batch.column(name)
    if pa.types.is_dictionary(column.type):
        texts = pc.if_else(pa.array(rows), values, column.cast(pa.string()))
        column = texts.dictionary_encode().cast(column.type)
    else:
        column = pc.if_else(pa.array(rows), values, column)
    return batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), column)


def _with_lists(
    batch: pa.RecordBatch, name: str, values: npt.NDArray[Any], offsets: Int64s
) -> pa.RecordBatch:
    """The batch with other lists in one column, NULL where they were."""
    lists = pa.ListArray.from_arrays(
        pa.array(offsets.astype(np.int32)),
        pa.array(values),
        type=DELIVERIES.column(name).type,
        mask=batch.column(name).is_null(),
    )
    return batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), lists)


def _shortened(
    batch: pa.RecordBatch,
    name: str,
    values: npt.NDArray[Any],
    offsets: Int64s,
    counts: Int64s,
) -> pa.RecordBatch:
    """The batch with the first ``counts`` (R,) values of each list of a column; -1 leaves all of it."""
    valid = bools(batch.column(name).is_valid())
    if not valid.any():
        return batch
    lengths = np.where(valid, np.where(counts < 0, np.diff(offsets), counts), 0)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    out = np.empty(int(ends[-1]), dtype=values.dtype)
    kernels.first_of_each(values, offsets, lengths, out)
    return _with_lists(batch, name, out, ends)
