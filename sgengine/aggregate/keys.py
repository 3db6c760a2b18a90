"""Which group each row belongs to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.aggregate.windows import SLICES
from sgengine.compute.ragged import int64s
from sgengine.errors import UsageError

Int64s = npt.NDArray[np.int64]
Key = tuple[object, ...]


def group_rows(batch: pa.RecordBatch, by: tuple[str, ...]) -> tuple[list[Key], Int64s]:
    """The distinct values of the ``by`` columns in ``batch``, and each row's index among them.

    ``hour`` and ``day`` are slices of the arrival on a unix clock, as ns since the epoch, else None.
    Raises UsageError for a column that is not there, or that holds lists.
    """
    columns = [_column(batch, name) for name in by]
    codes = np.zeros(batch.num_rows, dtype=np.int64)
    for column in columns:
        encoded = column.dictionary_encode(null_encoding="encode")
        codes = codes * max(len(encoded.dictionary), 1) + int64s(encoded.indices)
        _, codes = np.unique(codes, return_inverse=True)
    _, firsts, codes = np.unique(codes, return_index=True, return_inverse=True)
    values = [column.take(pa.array(firsts)).to_pylist() for column in columns]
    keys: list[Key] = list(zip(*values, strict=True)) if values else [()] * firsts.size
    return keys, codes.astype(np.int64)


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    if name in batch.schema.names:
        column = batch.column(name)
        if pa.types.is_nested(column.type):
            raise UsageError(f"by names {name}, which holds lists: give a column of plain values")
        if pa.types.is_dictionary(column.type):
            return column.cast(column.type.value_type)
        return column
    if name in SLICES:
        return _slice(batch, SLICES[name])
    known = [f.name for f in batch.schema if not pa.types.is_nested(f.type)]
    raise UsageError(
        f"by names {name}, which is no column of this trace: give one of "
        f"{', '.join([*known, *SLICES])}"
    )


def _slice(batch: pa.RecordBatch, length_ns: int) -> pa.Array:
    arrival = batch.column("arrival_ns")
    unix = pc.equal(batch.column("clock").cast(pa.string()), "unix")
    start = int64s(arrival) // length_ns * length_ns
    known = pc.and_(arrival.is_valid(), unix).to_numpy(zero_copy_only=False)
    return pa.array(start, mask=~known)
