"""A column of lists of whole numbers from their JSON text, a batch at a time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sgengine.kernels import numbers
from sgengine.readers.json_shape import Spans


def whole_lists(text: np.ndarray, places: Spans, item: pa.DataType) -> pa.Array | None:
    """The lists at these places, or null, as list of int64 or int32; None if any is something else.

    Lists with nulls, fractions or numbers of more than 18 digits are something else as well: another
    decoder knows what to say of them.
    """
    is_null = places.starts < 0
    # A number and its comma are two bytes at the least.
    out = np.empty((places.stops - places.starts).sum() // 2 + 1, dtype=np.int64)
    ends = np.empty(len(is_null), dtype=np.int64)
    numbers.whole_lists(text, *places, out, ends)
    if ((ends == numbers.UNSURE) & ~is_null).any():
        return None
    offsets = np.maximum.accumulate(np.concatenate([[0], ends])).astype(np.int32)
    values = out[: offsets[-1]]
    if item == pa.int32():
        values = values.astype(np.int32)
        if not np.array_equal(values, out[: offsets[-1]]):
            return None
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values), mask=pa.array(is_null))
