"""A column of lists of whole numbers from their JSON text, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.kernels import numbers

_NULL = b"null"


def whole_lists(texts: Sequence[msgspec.Raw]) -> pa.Array | None:
    """The lists that ``texts`` are, or null, as list<int64>; None if any is something else.

    Lists with nulls, fractions or numbers of more than 18 digits are something else as well: another
    decoder knows what to say of them.
    """
    parts = [bytes(text) for text in texts]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    text = np.frombuffer(b"".join(parts), dtype=np.uint8)
    # A number and its comma are two bytes at the least.
    out = np.empty(text.size // 2 + 1, dtype=np.int64)
    ends = np.empty(len(parts), dtype=np.int64)
    numbers.whole_lists(text, starts, out, ends)
    is_null = np.array([part == _NULL for part in parts], dtype=np.bool_)
    if ((ends == numbers.UNSURE) & ~is_null).any():
        return None
    offsets = np.maximum.accumulate(np.concatenate([[0], ends]))
    values = pa.array(out[: offsets[-1]])
    return pa.ListArray.from_arrays(
        pa.array(offsets.astype(np.int32)), values, mask=pa.array(is_null)
    )
