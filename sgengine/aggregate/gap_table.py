"""GAPS: mergeable histograms of inter-token gaps by run, system, workload and hour."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.aggregate.keys import Key, group_rows
from sgengine.compute import Measured, Rows, itl_histogram
from sgengine.kernels.histogram import N_BUCKETS, bucket_edges
from sgengine.schema import GAPS

Int64s = npt.NDArray[np.int64]

GAP_KEYS = ("run", "system", "workload", "hour")


def gap_edges() -> npt.NDArray[np.float64]:
    """Lower edges of the buckets of GAPS in ns, and the end of the last, which holds 2^63 too."""
    out = np.empty(N_BUCKETS + 1)
    bucket_edges(out)
    out[-1] = np.nextafter(out[-1], np.inf)
    return out


@dataclass(kw_only=True)
class GapTable:
    """Histograms so far, sparse: by group, the buckets in use and their counts."""

    rule: str
    counts: dict[Key, tuple[Int64s, Int64s]] = field(default_factory=dict)

    def add(self, requests: Rows, measured: Measured) -> None:
        """Take in the samples of one batch, whose REQUESTS rows are ``requests``."""
        if requests.num_rows == 0:
            return
        keys, codes = group_rows(requests, GAP_KEYS)
        dense = itl_histogram(measured, self.rule, codes, len(keys))
        for key, row in zip(keys, dense, strict=True):
            buckets = np.flatnonzero(row)
            self._add(key, buckets, row[buckets])

    def merge(self, other: GapTable) -> None:
        """Take in another part's histograms: counts add up, in any order."""
        for key, (buckets, counts) in other.counts.items():
            self._add(key, buckets, counts)

    def _add(self, key: Key, buckets: Int64s, counts: Int64s) -> None:
        if buckets.size == 0:
            return
        if key not in self.counts:
            self.counts[key] = (buckets, counts)
            return
        held_buckets, held_counts = self.counts[key]
        both = np.concatenate([held_buckets, buckets])
        merged, place = np.unique(both, return_inverse=True)
        total = np.zeros(merged.size, dtype=np.int64)
        np.add.at(total, place, np.concatenate([held_counts, counts]))
        self.counts[key] = (merged, total)

    def table(self) -> pa.Table:
        """The GAPS table, sorted by key and bucket."""
        schema = GAPS.schema()
        keys = sorted(self.counts, key=lambda key: tuple((part is None, part) for part in key))
        if not keys:
            return schema.empty_table()
        sizes = [self.counts[key][0].size for key in keys]
        labels = [pa.array(np.repeat(np.arange(len(keys)), sizes), pa.int32()) for _ in GAP_KEYS]
        columns = [
            pa.DictionaryArray.from_arrays(index, pa.array([key[i] for key in keys], type_)).cast(
                schema.field(i).type
            )
            for i, (index, type_) in enumerate(
                zip(labels, (pa.string(), pa.string(), pa.string(), pa.int64()), strict=True)
            )
        ]
        rule = pa.array([self.rule] * sum(sizes)).cast(schema.field("itl_rule").type)
        buckets = np.concatenate([self.counts[key][0] for key in keys]).astype(np.int32)
        counts = np.concatenate([self.counts[key][1] for key in keys])
        arrays = [*columns, rule, pa.array(buckets), pa.array(counts)]
        return pa.Table.from_arrays(arrays, schema=schema)
