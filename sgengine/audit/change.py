"""Operations on one batch of DELIVERIES: what the users would have seen instead.

The arrival and the prompt stay, and so does whatever is not known well enough to change: such rows are
marked as undetermined, left as they are, and later operations leave them alone too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.audit.operations import Abandon, Delay, Operation
from sgengine.compute import Measured, MeasureSettings, compute
from sgengine.compute.bare import BareTimes, as_chunks
from sgengine.compute.ragged import Bools, Ragged, bools, frozen, int64s
from sgengine.compute.rows import tokens_of
from sgengine.kernels import audit as kernels
from sgengine.kernels import scan
from sgengine.objectives import Slo
from sgengine.schema import DELIVERIES

Int64s = npt.NDArray[np.int64]

CUT_STATUS = "cancelled"

_SLIM = MeasureSettings(envelopes=False, smoothness=False, gaps=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """A batch of R rows, changed: ``deliveries``, in the same order.

    ``delayed``, ``cut``, ``undetermined``: (R,) bool. Rows that break a rule are none of these.
    """

    deliveries: pa.RecordBatch
    delayed: Bools
    cut: Bools
    undetermined: Bools


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
        return self.free & ~bools(self.batch.column("chunk_times_ns").is_valid())


def change(
    batch: pa.RecordBatch, operations: Sequence[Operation], measured: Measured | None = None
) -> Change:
    """The batch after all ``operations``, in their order.

    ``measured``: the batch as any reader measured it, where that is known already. The result depends
    on the arguments alone, and a row of it on nothing but the row.
    """
    none = np.zeros(batch.num_rows, dtype=np.bool_)
    found = Change(deliveries=batch, delayed=none, cut=none, undetermined=none)
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
    free = np.zeros(found.cut.size, dtype=np.bool_)
    free[measured.kept] = True
    free &= ~found.undetermined
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
    return replace(
        found,
        deliveries=batch,
        delayed=found.delayed | moved,
        undetermined=found.undetermined | (rows.listless & ~np.isin(rows.n, (0, 1))),
    )


# --- Abandon -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cuts:
    """Of R rows: a code of kernels.audit, the moment in ns, and the chunks and tokens that stay."""

    outcome: npt.NDArray[np.uint8]
    moment: Int64s
    chunks: Int64s
    tokens: Int64s


def _abandon(found: Change, rows: _Rows, operation: Abandon) -> Change:
    cuts = _cuts(rows.ragged, rows.n, operation.slo)
    _decide_listless(cuts, rows, operation.slo)
    cut = cuts.outcome == kernels.LOST
    return replace(
        found,
        deliveries=_cut(rows, cuts, cut) if cut.any() else rows.batch,
        cut=found.cut | cut,
        undetermined=found.undetermined | (cuts.outcome == kernels.OPEN),
    )


def _cuts(ragged: Ragged, n: Int64s, slo: Slo) -> _Cuts:
    """When each row with chunks loses the SLO."""
    cuts = _Cuts(
        outcome=np.zeros(ragged.rows, dtype=np.uint8),
        moment=np.zeros(ragged.rows, dtype=np.int64),
        chunks=np.diff(ragged.offsets),
        tokens=n.copy(),
    )
    pace = slo.pace
    bounds = [slo.ttft_ns, slo.tbt_ns, slo.tpot_ns, slo.e2e_ns]
    limits: tuple[Any, ...] = (
        *(kernels.NEVER if bound is None else bound for bound in bounds),
        0 if pace is None else pace.first_ns,
        -1 if pace is None else pace.pace_ns,
    )
    outputs = (cuts.outcome, cuts.moment, cuts.chunks, cuts.tokens)
    kernels.abandon(*tokens_of(ragged), frozen(n), *limits, *outputs)
    return cuts


def _decide_listless(cuts: _Cuts, rows: _Rows, slo: Slo) -> None:
    """The rows without chunk times, as the one or two chunks that are known of them.

    A first token alone says nothing of the clauses but ttft, and no token's time nothing at all.
    """
    at = np.flatnonzero(rows.listless)
    bare = BareTimes(
        ttft=int64s(rows.batch.column("ttft_ns")),
        last=int64s(rows.batch.column("last_ns")),
        has_ttft=bools(rows.batch.column("ttft_ns").is_valid()),
        has_last=bools(rows.batch.column("last_ns").is_valid()),
    )
    ragged, _ = as_chunks(bare, rows.n, at)
    n = rows.n[at]
    found = _cuts(ragged, n, slo)
    only_ttft = slo.ttft_ns is not None and slo == Slo(ttft_ns=slo.ttft_ns)
    lone = (np.diff(ragged.offsets) == 1) & (n >= 2)
    unknown = (ragged.kinds == scan.NO_CHUNKS) | (lone & (not only_ttft))
    cuts.outcome[at] = np.where(
        unknown & (found.outcome == kernels.KEPT), kernels.OPEN, found.outcome
    )
    cuts.moment[at], cuts.tokens[at] = found.moment, found.tokens


def _cut(rows: _Rows, cuts: _Cuts, cut: Bools) -> pa.RecordBatch:
    """The batch with the ``cut`` rows ended at their moment."""
    batch, ragged = rows.batch, rows.ragged
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
