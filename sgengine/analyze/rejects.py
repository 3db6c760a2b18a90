"""Rows that were not measured: each with its reason, place and count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.aggregate import INSIDE, WHERE
from sgengine.compute import Measured
from sgengine.readers import Batch
from sgengine.schema import REJECTS, RULE_BY_NAME

OUTSIDE = "outside_window"
LATER = " and later"
"""Behind the place of the first of several rows in one line."""


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """One line of REJECTS."""

    source: str
    run: str | None
    place: str
    reason: str
    count: int
    detail: str

    @property
    def is_error(self) -> bool:
        """Whether the rows are damaged, not merely left out."""
        return RULE_BY_NAME[self.reason].is_error

    def line(self) -> str:
        """One line for people: where, what, and what is allowed."""
        rows = "1 row" if self.count == 1 else f"{self.count} rows"
        return f"{self.source}: {self.place}: {rows} not measured: {self.reason}: {self.detail}"


def rejected_in(batch: Batch, measured: Measured, source: str) -> Iterator[Rejected]:
    """The rejects of one batch: the reader's own, then the rows that break a rule."""
    for reject in batch.rejects:
        yield Rejected(
            source=reject.source or source,
            run=reject.run,
            place=reject.place,
            reason=reject.reason,
            count=reject.count,
            detail=reject.detail,
        )
    if not measured.breaches:
        return
    rows = np.array([breach.row for breach in measured.breaches])
    runs = batch.deliveries.column("run").take(pa.array(rows)).to_pylist()
    counts = batch.weight(rows).tolist()
    for breach, run, count in zip(measured.breaches, runs, counts, strict=True):
        yield Rejected(
            source=source,
            run=run,
            place=batch.place(breach.row),
            reason=breach.rule,
            count=count,
            detail=breach.detail,
        )


def outside_in(
    batch: Batch, rows: npt.NDArray[np.int64], where: npt.NDArray[np.int8], source: str
) -> Iterator[Rejected]:
    """The rows of a batch that are outside of their run's window: a line a run and side of it.

    ``where``: a code of WHERE of each of ``rows``.
    """
    outside = np.flatnonzero(where != INSIDE)
    rows, where = rows[outside], where[outside]
    runs = batch.deliveries.column("run").take(pa.array(rows)).cast(pa.string())
    runs = runs.to_numpy(zero_copy_only=False)
    for code in np.unique(where):
        for run in np.unique(runs[where == code]):
            mine = rows[(where == code) & (runs == run)]
            place = batch.place(int(mine[0]))
            yield Rejected(
                source=source,
                run=str(run),
                place=place if mine.size == 1 else f"{place}{LATER}",
                reason=OUTSIDE,
                count=int(batch.weight(mine).sum()),
                detail=WHERE[code],
            )


def together(first: Rejected, more: Rejected) -> Rejected:
    """Two lines of one source, run and reason as one."""
    place = f"{first.place.removesuffix(LATER)}{LATER}"
    return replace(first, place=place, count=first.count + more.count)


Outside = dict[tuple[str, str | None, str], Rejected]
"""The rows outside of windows: one line a source, run and side of the window."""


def add_outside(lines: Outside, more: Iterable[Rejected]) -> None:
    """Take more rows into ``lines``."""
    for line in more:
        key = (line.source, line.run, line.detail)
        lines[key] = together(lines[key], line) if key in lines else line


def rejects_table(rejects: list[Rejected]) -> pa.Table:
    """The REJECTS table."""
    rows = [{name: getattr(reject, name) for name in REJECTS.names} for reject in rejects]
    return pa.Table.from_pylist(rows, schema=REJECTS.schema())
