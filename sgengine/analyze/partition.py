"""The unit of work: one partition measured, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from sgengine.aggregate import Aggregator, GapTable, Gathering, group_rows, pooled_samples
from sgengine.analyze.rejects import Rejected, rejected_in
from sgengine.analyze.settings import AnalyzeSettings
from sgengine.compute import Measured, MeasureSettings, compute
from sgengine.executors import Stop
from sgengine.readers import Batch, Partition, read

MAX_LISTED = 1000
"""Rejects of a partition listed one by one; further ones are counted by reason."""


@dataclass(kw_only=True)
class Tally:
    """Counts of one run within one source, and the labels of its first row."""

    labels: dict[str, str]
    rows_measured: int = 0
    rows_rejected: int = 0
    n_chunks: int = 0
    n_output_tokens: int = 0

    def merge(self, other: Tally) -> None:
        """Add another part's counts."""
        self.rows_measured += other.rows_measured
        self.rows_rejected += other.rows_rejected
        self.n_chunks += other.n_chunks
        self.n_output_tokens += other.n_output_tokens
        self.labels = self.labels or other.labels


@dataclass(kw_only=True)
class Receipt:
    """What is left of a partition once its tokens are gone."""

    aggregate: Aggregator
    gaps: GapTable | None
    requests: list[pa.RecordBatch] = field(default_factory=list)
    tokens: list[Measured] = field(default_factory=list)
    rejects: list[Rejected] = field(default_factory=list)
    tallies: dict[str | None, Tally] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Measures partitions under ``settings``.

    ``keep_requests``: the REQUESTS rows are wanted too. ``keep_tokens``: so are the measured batches,
    and the ITL samples are then not pooled.
    """

    settings: AnalyzeSettings
    keep_requests: bool = False
    keep_tokens: bool = False

    def __call__(self, partition: Partition, stop: Stop) -> Receipt:
        """Read, measure and aggregate one partition, a batch at a time."""
        return self.batches(read(partition), partition.source.path, stop)

    def batches(self, batches: Iterable[Batch], source: str, stop: Stop) -> Receipt:
        """Measure and aggregate some batches of ``source``."""
        settings = self.settings
        gaps = GapTable(rule=settings.measure.itl_rule) if settings.measure.gaps else None
        receipt = Receipt(aggregate=Aggregator(settings=settings.summary), gaps=gaps)
        for batch in batches:
            stop.check()
            self._take(batch, source, receipt)
        return receipt

    def _take(self, batch: Batch, source: str, receipt: Receipt) -> None:
        measured = compute(batch.deliveries, self.settings.measure)
        requests = measured.requests
        receipt.aggregate.add(requests, None if self.keep_tokens else measured)
        if receipt.gaps is not None:
            receipt.gaps.add(requests, measured)
        if self.keep_requests:
            receipt.requests.append(requests)
        if self.keep_tokens:
            receipt.tokens.append(measured)
        found = list(rejected_in(batch, measured, source))
        list_rejects(found, receipt)
        count_rows(requests, found, receipt)


def list_rejects(found: list[Rejected], receipt: Receipt) -> None:
    """List rejects one by one up to a limit, then by reason, so that a broken file stays small."""
    for reject in found:
        if len(receipt.rejects) < MAX_LISTED:
            receipt.rejects.append(reject)
            continue
        for i, listed in enumerate(receipt.rejects[MAX_LISTED:], MAX_LISTED):
            if (listed.reason, listed.run) == (reject.reason, reject.run):
                receipt.rejects[i] = _together(listed, reject)
                break
        else:
            receipt.rejects.append(reject)


def _together(listed: Rejected, more: Rejected) -> Rejected:
    first = listed.place.removesuffix(" and later")
    return Rejected(
        source=listed.source,
        run=listed.run,
        place=f"{first} and later",
        reason=listed.reason,
        count=listed.count + more.count,
        detail=listed.detail,
    )


_LABELS = ("system", "workload", "clock", "origin")


def count_rows(requests: pa.RecordBatch, found: list[Rejected], receipt: Receipt) -> None:
    """Add one batch's rows to the counts of their runs."""
    runs, codes = group_rows(requests, ("run",))
    for i, (run,) in enumerate(runs):
        rows = np.flatnonzero(codes == i)
        part = requests.take(pa.array(rows)) if len(runs) > 1 else requests
        first = {name: part.column(name)[0].as_py() for name in _LABELS}
        tally = receipt.tallies.setdefault(str(run), Tally(labels=first))
        tally.labels = tally.labels or first
        tally.rows_measured += part.num_rows
        tally.n_chunks += part.column("n_chunks").cast(pa.int64()).sum().as_py() or 0
        tally.n_output_tokens += part.column("n_output_tokens").cast(pa.int64()).sum().as_py() or 0
    for reject in found:
        tally = receipt.tallies.setdefault(reject.run, Tally(labels={}))
        tally.rows_rejected += reject.count


@dataclass(frozen=True, kw_only=True)
class Gather:
    """One further pass over the tokens, for pooled ITL percentiles that did not fit in memory."""

    settings: AnalyzeSettings
    empty: Gathering

    def __call__(self, partition: Partition, stop: Stop) -> Gathering:
        """Collect one partition's samples in the intervals that are still wanted."""
        summary = self.settings.summary
        found = self.empty.again()
        slim = MeasureSettings(
            reader=summary.reader,
            itl_rule=summary.itl_rule,
            envelopes=False,
            smoothness=False,
            gaps=False,
        )
        for batch in read(partition):
            stop.check()
            measured: Measured = compute(batch.deliveries, slim)
            if measured.requests.num_rows:
                keys, codes = group_rows(measured.requests, summary.by)
                pooled = pooled_samples(measured.requests, measured, keys, codes, summary)
                found.add(keys, *pooled)
        return found
