"""Rows with one run and request_id, found in bounded memory: 8 bytes a row, sorted on disk if many."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from sgengine.aggregate import SortedSpool

Int64s = npt.NDArray[np.int64]

MOST_SUSPECTS = 1000
"""Keys that are looked at again, to be sure that their hashes are not equal by chance."""


@dataclass(kw_only=True)
class Keys:
    """The hashes of all keys seen."""

    limit_bytes: int
    spool: SortedSpool = field(init=False)

    def __post_init__(self) -> None:
        self.spool = SortedSpool(limit_bytes=self.limit_bytes)

    def add(self, requests: pa.RecordBatch) -> None:
        """Take in the keys of one batch of REQUESTS."""
        self.spool.add("key", hashes(requests))

    def merge(self, other: Keys) -> None:
        """Take in all keys of ``other``."""
        self.spool.merge(other.spool)

    def repeated(self) -> tuple[int, Int64s]:
        """Rows beyond the first of their key, and the hashes of some of these keys."""
        extra, suspects = 0, []
        for (block,) in self.spool.aligned("key"):
            again = block[1:][block[1:] == block[:-1]]
            extra += again.size
            suspects.append(np.unique(again)[:MOST_SUSPECTS])
            suspects = [np.concatenate(suspects)[:MOST_SUSPECTS]]
        return extra, suspects[0] if suspects else np.zeros(0, dtype=np.int64)


def hashes(requests: pa.RecordBatch) -> Int64s:
    """A hash of each row's run and request_id, the same within this process alone."""
    frame = pl.DataFrame(
        [
            pl.Series(name, pl.from_arrow(requests.column(name).cast(pa.string())))
            for name in ("run", "request_id")
        ]
    )
    return frame.hash_rows(seed=20260214).to_numpy().view(np.int64)


def suspects_in(requests: pa.RecordBatch, suspects: Int64s) -> Counter[tuple[str, str]]:
    """Rows by key, of the keys whose hashes are suspect."""
    rows = pa.array(np.flatnonzero(np.isin(hashes(requests), suspects)))
    found = requests.select(["run", "request_id"]).take(rows).to_pylist()
    return Counter((row["run"], row["request_id"]) for row in found)
