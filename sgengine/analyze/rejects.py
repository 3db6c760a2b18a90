"""Rows that were not measured: each with its reason, place and count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from sgengine.compute import Measured
from sgengine.readers import Batch
from sgengine.schema import REJECTS, RULE_BY_NAME


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
            source=source,
            run=reject.run,
            place=reject.place,
            reason=reject.reason,
            count=reject.count,
            detail=reject.detail,
        )
    runs = batch.deliveries.column("run")
    for breach in measured.breaches:
        yield Rejected(
            source=source,
            run=runs[breach.row].as_py(),
            place=f"{batch.place_word} {batch.places[breach.row]}",
            reason=breach.rule,
            count=1,
            detail=breach.detail,
        )


def rejects_table(rejects: list[Rejected]) -> pa.Table:
    """The REJECTS table."""
    rows = [{name: getattr(reject, name) for name in REJECTS.names} for reject in rejects]
    return pa.Table.from_pylist(rows, schema=REJECTS.schema())
