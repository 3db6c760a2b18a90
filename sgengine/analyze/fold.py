"""What an analysis gathers while its receipts come in, in order."""

from __future__ import annotations

import pyarrow as pa

from sgengine.aggregate import Aggregator, Each, GapTable, Sections
from sgengine.analyze.carried import Carried, Sums
from sgengine.analyze.partition import Receipt
from sgengine.analyze.rejects import Outside, Rejected, add_outside
from sgengine.analyze.runs import RunLedger
from sgengine.analyze.settings import AnalyzeSettings
from sgengine.analyze.tables import joined_requests
from sgengine.compute import Measured
from sgengine.executors import Executor
from sgengine.readers import SourcePlan


def at_once(executor: Executor) -> Each:
    """Goes over numbers on as many workers as there are."""
    return lambda work, places: executor.run(lambda at, stop: work(at), places)


class Fold:
    """All receipts so far: the aggregate, GAPS, rejects, counts by run, and what was to be kept."""

    def __init__(
        self,
        settings: AnalyzeSettings,
        plans: tuple[SourcePlan, ...],
        sections: Sections | None = None,
    ) -> None:
        self.settings = settings
        self.sections = sections
        self.ledger = RunLedger(plans=plans)
        self.aggregate = Aggregator(settings=settings.summary, sections=sections)
        self.gaps = GapTable(rule=settings.measure.itl_rule) if settings.measure.gaps else None
        self.rejects: list[Rejected] = []
        self.outside: Outside = {}
        self.batches: list[pa.RecordBatch] = []
        self.tokens: list[Measured] = []

    def take(self, source: str, receipt: Receipt, *, keep_requests: bool) -> None:
        """Take in the receipt of the next part of ``source``."""
        self._merge(Sums(aggregate=receipt.aggregate, gaps=receipt.gaps))
        self.rejects.extend(receipt.rejects)
        add_outside(self.outside, receipt.outside.values())
        self.ledger.add(source, receipt.tallies)
        self.tokens.extend(receipt.tokens)
        if keep_requests:
            self.batches.extend(receipt.requests)

    def finish(self, carried: Carried) -> None:
        """Take in what was carried from part to part, once all are measured."""
        for sums in carried.rest():
            self._merge(sums)

    def _merge(self, sums: Sums) -> None:
        self.aggregate.merge(sums.aggregate)
        if self.gaps is not None and sums.gaps is not None:
            self.gaps.merge(sums.gaps)

    def requests(self) -> pa.Table:
        """The REQUESTS rows that were kept, in order."""
        return joined_requests(self.batches)

    def runs(self) -> pa.Table:
        """The RUNS table."""
        return self.ledger.table(self.aggregate.spans, self.chosen)

    @property
    def chosen(self) -> Sections:
        """The part of each run that counts, of those of which a part was chosen."""
        return {} if self.sections is None else self.sections
