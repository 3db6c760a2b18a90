"""Work on as many threads as the engine uses, a function over the parts of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pyarrow as pa

Part = TypeVar("Part")
Found = TypeVar("Found")

WORKERS = 2

_PARTS = 8 * WORKERS


def over(function: Callable[[Part], Found], parts: Iterable[Part]) -> list[Found]:
    """``function`` of every part, in order, on WORKERS threads."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(function, parts))


def evenly(table: pa.Table) -> Sequence[pa.RecordBatch]:
    """The table in slices of equal numbers of rows, several a thread, none copied."""
    whole = pa.concat_tables([table]).combine_chunks()
    size = max(1, -(-whole.num_rows // _PARTS))
    batches: list[pa.RecordBatch] = whole.to_batches(max_chunksize=size)
    return batches
