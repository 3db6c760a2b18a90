"""ITL of a store's rows from the GAPS histograms: approximate, with a stated error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.aggregate import APPROXIMATE, SLICES, Distribution, Key, SummarySettings, group_rows
from sgengine.aggregate.approximate import RELATIVE_ERROR, approximate
from sgengine.analyze.stored_files import opened
from sgengine.compute.ragged import int64s
from sgengine.executors import Stop
from sgengine.kernels.histogram import N_BUCKETS
from sgengine.store import DataFile, Snapshot

Int64s = npt.NDArray[np.int64]

_COLUMNS = ("run", "hour_ns", "itl_rule", "bucket", "count")
_KNOWN = frozenset({"job", "night", "run", "system", "workload", *SLICES})
"""What histograms can be grouped by."""


def is_stored(settings: SummarySettings) -> bool:
    """Whether the histograms can say anything of the settings' groups: those of all their requests."""
    return settings.population == "defined" and set(settings.by) <= _KNOWN


@dataclass(kw_only=True)
class Gaps:
    """Counts by bucket of every group so far; ``mixed``: groups with samples of another chunk rule."""

    counts: dict[Key, Int64s] = field(default_factory=dict)
    mixed: set[Key] = field(default_factory=set)

    def add(self, key: Key, buckets: Int64s, counts: Int64s) -> None:
        """Take in some buckets of a group."""
        held = self.counts.setdefault(key, np.zeros(N_BUCKETS, dtype=np.int64))
        np.add.at(held, buckets, counts)

    def merge(self, other: Gaps) -> None:
        """Take in all that ``other`` has seen."""
        self.mixed |= other.mixed
        for key, counts in other.counts.items():
            self.add(key, np.arange(N_BUCKETS), counts)

    def distribution(self, key: Key) -> Distribution | None:
        """Of a group; None if samples of another chunk rule are in it."""
        if key in self.mixed:
            return None
        counts = self.counts.get(key, np.zeros(N_BUCKETS, dtype=np.int64))
        buckets = np.flatnonzero(counts)
        return approximate(buckets, counts[buckets])


@dataclass(frozen=True, kw_only=True)
class ReadGaps:
    """Reads files of GAPS for the groups of ``settings``."""

    snapshot: Snapshot
    settings: SummarySettings

    def __call__(self, files: Iterable[DataFile], stop: Stop) -> Gaps:
        """The histograms of some files."""
        found = Gaps()
        for file in files:
            stop.check()
            for batch in self._batches(file):
                self._add(batch, found)
        return found

    def _batches(self, file: DataFile) -> Iterable[pa.RecordBatch]:
        names = dict(zip(("job", "night", "system", "workload"), file.values, strict=True))
        with opened(self.snapshot, file, ("run", "itl_rule")) as parquet:
            for rows in parquet.iter_batches(columns=list(_COLUMNS), use_threads=False):
                columns = {name: rows.column(name) for name in _COLUMNS}
                for name, text in names.items():
                    columns[name] = pa.repeat(pa.scalar(text), rows.num_rows)
                for name, length in SLICES.items():
                    columns[name] = _slices(rows.column("hour_ns"), length)
                yield pa.RecordBatch.from_pydict(columns)

    def _add(self, batch: pa.RecordBatch, found: Gaps) -> None:
        keys, codes = group_rows(batch, (*self.settings.by, "itl_rule"))
        buckets, counts = int64s(batch.column("bucket")), int64s(batch.column("count"))
        for i, (*key, rule) in enumerate(keys):
            rows = np.flatnonzero(codes == i)
            if rule == self.settings.itl_rule:
                found.add(tuple(key), buckets[rows], counts[rows])
            else:
                found.mixed.add(tuple(key))


def _slices(hours: pa.Array, length_ns: int) -> pa.Array:
    known = hours.is_valid().to_numpy(zero_copy_only=False)
    return pa.array(int64s(hours) // length_ns * length_ns, mask=~known)


def itl_figures(found: Distribution | None) -> dict[str, Any]:
    """The figures ``itl_ms``, of which the count alone is known, and ``itl_approx_ms`` of a group."""
    unknown = Distribution(count=0).in_ms() | {"count": None}
    about = unknown if found is None else found.in_ms()
    return {
        "itl_ms": unknown | {"count": about["count"]},
        APPROXIMATE: about | {"relative_error": RELATIVE_ERROR},
    }


def by_rows(files: Iterable[DataFile], most: int) -> Iterable[list[DataFile]]:
    """The files in lists of about ``most`` rows, in order."""
    held: dict[int, list[DataFile]] = defaultdict(list)
    rows = 0
    for file in files:
        held[rows // most].append(file)
        rows += file.rows
    return held.values()
