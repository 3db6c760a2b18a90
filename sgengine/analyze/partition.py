"""The unit of work: one partition measured, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from sgengine.aggregate import (
    INSIDE,
    Activity,
    Aggregator,
    Focus,
    GapTable,
    Gathering,
    Key,
    NumberFile,
    Sections,
    Steady,
    gather_samples,
    only,
    places,
)
from sgengine.analyze.carried import Carried, Sums
from sgengine.analyze.parts import Part, Reads, read
from sgengine.analyze.rejects import (
    OUTSIDE,
    Outside,
    Rejected,
    add_outside,
    outside_in,
    rejected_in,
    together,
)
from sgengine.analyze.settings import AnalyzeSettings
from sgengine.analyze.tallies import Tallies, Tally, count_outside, count_rejects, count_rows
from sgengine.compute import Measured, MeasureSettings, compute
from sgengine.executors import Stop
from sgengine.readers import Batch

MAX_LISTED = 1000
"""Rejects of a partition listed one by one; further ones are counted by reason."""


@dataclass(kw_only=True)
class Receipt:
    """What is left of a partition once its tokens are gone, but for the sums that are ``carried`` on."""

    aggregate: Aggregator
    gaps: GapTable | None
    requests: list[pa.RecordBatch] = field(default_factory=list)
    tokens: list[Measured] = field(default_factory=list)
    rejects: list[Rejected] = field(default_factory=list)
    outside: Outside = field(default_factory=dict)
    tallies: Tallies = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Measures partitions under ``settings``.

    ``sections``: the part of each run that counts, None for all of it; other rows are counted only.
    ``keep_requests``: the REQUESTS rows are wanted too. ``keep_tokens``: so are the measured batches,
    and the ITL samples are then not pooled, nor without ``itl``. ``figures``: those of groups are
    wanted at all. ``read`` gives the batches of a partition. ``seen``: where percentiles lie, found
    by one partition for all later ones (GapPool.seen). ``file``: where numbers of requests wait.
    ``carried``: most of what is summed up, to be merged once all partitions are measured.
    """

    settings: AnalyzeSettings
    sections: Sections | None = None
    keep_requests: bool = False
    keep_tokens: bool = False
    itl: bool = True
    figures: bool = True
    read: Reads = read
    seen: dict[Key, Focus] = field(default_factory=dict)
    file: NumberFile = field(default_factory=NumberFile)
    carried: Carried = field(default_factory=Carried)

    def __call__(self, partition: Part, stop: Stop) -> Receipt:
        """Read, measure and aggregate one partition, a batch at a time."""
        return self.batches(stop.ahead(self.read(partition)), partition.source.path, stop)

    def batches(self, batches: Iterable[Batch], source: str, stop: Stop) -> Receipt:
        """Measure and aggregate some batches of ``source``."""
        sums = self.carried.take(self.empty)
        receipt = Receipt(aggregate=sums.aggregate, gaps=sums.gaps)
        for batch in batches:
            stop.check()
            self.take(batch, source, receipt)
            del batch  # so that pages of its file can be given back
        left = self.carried.give(sums, self.empty, self.settings.carried_bytes)
        receipt.aggregate, receipt.gaps = left
        return receipt

    def start(self, seen: dict[Key, Focus]) -> Receipt:
        """A receipt of nothing yet, whose sums are its own; ``seen`` in place of ``self.seen``."""
        sums = replace(self, seen=seen).empty()
        return Receipt(aggregate=sums.aggregate, gaps=sums.gaps)

    def empty(self) -> Sums:
        """Sums of nothing yet."""
        settings = self.settings
        aggregate = Aggregator(
            settings=settings.summary,
            sections=self.sections,
            seen=self.seen,
            file=self.file,
            workers=settings.workers,
        )
        gaps = GapTable(rule=settings.measure.itl_rule) if settings.measure.gaps else None
        return Sums(aggregate=aggregate, gaps=gaps)

    def take(self, batch: Batch, source: str, receipt: Receipt) -> Measured:
        """Add one batch of ``source`` to ``receipt``; all of it, measured."""
        pooled = self.figures and self.itl and not self.keep_tokens
        expected = receipt.aggregate.expected() if pooled else None
        whole = measured = compute(batch.deliveries, self.settings.measure, expected)
        found = list(rejected_in(batch, measured, source))
        add_outside(receipt.outside, (line for line in found if line.reason == OUTSIDE))
        if self.sections is not None:
            measured = self._members(batch, measured, self.sections, source, receipt)
        requests = measured.columns
        # Before what goes over tokens once more, while what was measured of rows is in cache.
        count_rows(requests, batch.weights_of(measured.kept), receipt.tallies)
        if self.figures:
            receipt.aggregate.add(requests, measured if pooled else None)
        else:
            receipt.aggregate.note(requests)
        if receipt.gaps is not None:
            receipt.gaps.add(requests, measured)
        if self.keep_requests:
            receipt.requests.append(measured.requests)
        if self.keep_tokens:
            receipt.tokens.append(measured)
        list_rejects([line for line in found if line.reason != OUTSIDE], receipt)
        count_rejects(found, receipt.tallies)
        for remark in batch.remarks:
            tally = receipt.tallies.setdefault(remark.run, Tally(labels={}))
            tally.remarks[remark.text] += remark.count
        return whole

    def _members(
        self, batch: Batch, measured: Measured, sections: Sections, source: str, receipt: Receipt
    ) -> Measured:
        """The rows within their runs' sections; the others are counted by group, run and source."""
        where = places(measured.columns, sections)
        outside = np.flatnonzero(where != INSIDE)
        if outside.size == 0:
            return measured
        left = only(measured, outside)
        receipt.aggregate.leave_out(left.requests)
        count_outside(left.requests, batch.weights_of(left.kept), receipt.tallies)
        add_outside(receipt.outside, outside_in(batch, measured.kept, where, source))
        return only(measured, np.flatnonzero(where == INSIDE))


def list_rejects(found: list[Rejected], receipt: Receipt) -> None:
    """List rejects one by one up to a limit, then by reason, so that a broken file stays small."""
    for reject in found:
        if len(receipt.rejects) < MAX_LISTED:
            receipt.rejects.append(reject)
            continue
        for i, listed in enumerate(receipt.rejects[MAX_LISTED:], MAX_LISTED):
            if (listed.reason, listed.run) == (reject.reason, reject.run):
                receipt.rejects[i] = together(listed, reject)
                break
        else:
            receipt.rejects.append(reject)


@dataclass(frozen=True, kw_only=True)
class Observe:
    """The pass before the others, where part of each run is chosen: when each run was at work."""

    settings: AnalyzeSettings

    def empty(self) -> Activity:
        """What has seen nothing yet."""
        return Activity(
            in_flight=isinstance(self.settings.summary.selection, Steady),
            limit_bytes=self.settings.share_bytes // 2,
        )

    def __call__(self, partition: Part, stop: Stop) -> Activity:
        """The activity of one partition's rows, of those that will be measured."""
        found = self.empty()
        slim = slim_of(self.settings)
        for batch in read(partition):
            stop.check()
            found.add(compute(batch.deliveries, slim).requests)
        return found


@dataclass(frozen=True, kw_only=True)
class Gather:
    """One further pass over the tokens, for pooled ITL percentiles that did not fit in memory.

    ``read`` gives the batches of a partition, as the pass that measured had them.
    """

    settings: AnalyzeSettings
    empty: Gathering
    sections: Sections | None = None
    read: Reads = read

    def __call__(self, partition: Part, stop: Stop) -> Gathering:
        """Collect one partition's samples in the intervals that are still wanted."""
        found = self.empty.again()
        slim = slim_of(self.settings)
        for batch in self.read(partition):
            stop.check()
            measured = compute(batch.deliveries, slim)
            if self.sections is not None:
                inside = places(measured.columns, self.sections) == INSIDE
                measured = only(measured, np.flatnonzero(inside))
            gather_samples(found, measured.columns, measured, self.settings.summary)
        return found


def slim_of(settings: AnalyzeSettings) -> MeasureSettings:
    """What a pass needs that only looks at times."""
    return replace(settings.measure, envelopes=False, smoothness=False, gaps=False)
