"""Arrow columns from numpy arrays and the rows they are defined for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.compute.ragged import Bools
from sgengine.compute.rows import Hulls
from sgengine.schema import ENVELOPE


@dataclass(frozen=True, kw_only=True)
class Values:
    """One column in the making: ``data`` (R,), meaningful where ``defined`` (R,) bool."""

    data: npt.NDArray[Any]
    defined: Bools

    def arrow(self, type_: pa.DataType) -> pa.Array:
        """The Arrow column: NULL where not defined."""
        data = self.data.astype(type_.to_pandas_dtype(), copy=False)
        return pa.array(data, type=type_, mask=~self.defined)

    def overlaid(self, over: Values, rows: npt.NDArray[np.int64]) -> Values:
        """These values, with ``over``'s at ``rows`` where it defines them."""
        data, defined = self.data.copy(), self.defined.copy()
        take = rows[over.defined]
        data[take] = over.data[over.defined]
        defined[take] = True
        return Values(data=data, defined=defined)


def nothing(rows: int, dtype: type[np.generic] = np.int64) -> Values:
    """A column that is NULL in every row."""
    return Values(data=np.zeros(rows, dtype=dtype), defined=np.zeros(rows, dtype=np.bool_))


def envelopes(hulls: Hulls, defined: Bools) -> pa.Array:
    """The ENVELOPE column of ``hulls``, NULL where not ``defined``; vertices of NULL rows are dropped."""
    counts = np.where(defined, np.diff(hulls.offsets), 0)
    keep = np.repeat(defined, np.diff(hulls.offsets))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    vertex = ENVELOPE.value_type
    points = pa.StructArray.from_arrays(
        [pa.array(hulls.tokens[keep]), pa.array(hulls.times[keep])],
        fields=[vertex.field(0), vertex.field(1)],
    )
    mask = pa.array(~defined)
    return pa.ListArray.from_arrays(pa.array(offsets), points, type=ENVELOPE, mask=mask)


def overlaid_envelopes(base: pa.Array, over: pa.Array, rows: npt.NDArray[np.int64]) -> pa.Array:
    """``base`` with ``over`` at ``rows``, both ENVELOPE columns."""
    positions = np.arange(len(base), dtype=np.int64)
    positions[rows] = len(base) + np.arange(len(over), dtype=np.int64)
    return pa.concat_arrays([base, over]).take(pa.array(positions))
