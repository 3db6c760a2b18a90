"""ITL samples of measured batches on their way into a pool, by group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sgengine.aggregate.focus import Focus
from sgengine.aggregate.keys import Key, group_rows, rows_by_key
from sgengine.aggregate.pool import GapPool
from sgengine.aggregate.settings import SummarySettings
from sgengine.aggregate.table import OK, status_codes
from sgengine.compute import Expected, Measured, Rows, batch_samples

Int64s = npt.NDArray[np.int64]


@dataclass(kw_only=True)
class Pooling:
    """Takes the samples of batches to ``pool``, those of the settings' population and rule.

    ``lately``: the group that the last two batches were of, each None if of several.
    """

    settings: SummarySettings
    pool: GapPool
    lately: tuple[Key | None, Key | None] = (None, None)

    def expected(self) -> Expected | None:
        """How gaps of the next batch may be sifted while it is measured: if it is of one group, as lately.

        The batch is to be added next, if at all. What was expected in vain took 0.3 ns a gap.
        """
        before, last = self.lately
        if last is None or last != before:
            return None
        settings = self.settings
        return self.pool.expected(last, settings.itl_rule, only_ok=settings.population == "ok")

    def add(self, requests: Rows, measured: Measured, rows: Mapping[Key, Int64s]) -> None:
        """Pool the samples of each group's ``rows`` of REQUESTS."""
        samples = batch_samples(measured, self.settings.itl_rule)
        only_ok = self.settings.population == "ok"
        is_ok = status_codes(requests.column("status")) == OK if only_ok else None
        alone = next(iter(rows)) if len(rows) == 1 else None
        ready, last = measured.ready, self.lately[1]
        for key, mine in rows.items():
            some = samples.of(mine if is_ok is None else mine[is_ok[mine]])
            if ready is not None and key == alone == last and ready.is_of(some.rows):
                self.pool.add_ready(key, some, ready)
                ready = None
            else:
                self.pool.add_rows(key, some)
        self.lately = (last if ready is None else None, alone)

    def look_again(self, requests: Rows, measured: Measured, focus: Mapping[Key, Focus]) -> None:
        """Pool the samples of the groups of ``focus`` alone, which the pool looks for (GapPool.again)."""
        if requests.num_rows == 0:
            return
        rows = rows_by_key(*group_rows(requests, self.settings.by))
        self.add(requests, measured, {key: mine for key, mine in rows.items() if key in focus})
