"""Nights for the store's tests: every row says which revision of its night wrote it.

A night of revision r has ``count(r)`` requests, half as many gaps, r % 3 rejects and a run, so rows
that are lost, doubled or of two revisions show in any of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from sgengine.schema import GAPS, REJECTS, REQUESTS, RUNS

FIRST_DAY = date(2026, 1, 1)
SYSTEMS = ("a", "b")


@dataclass(frozen=True, kw_only=True, order=True)
class Told:
    """One night as it is told to the store. ``rows``: None for as many as the revision says."""

    revision: int
    job: str = "nightly"
    day: date = FIRST_DAY
    systems: tuple[str, ...] = SYSTEMS
    workload: str = "chat"
    rows: int | None = None

    @property
    def requests(self) -> int:
        """How many requests it has."""
        return count(self.revision) if self.rows is None else self.rows

    @property
    def ids(self) -> list[str]:
        """The request ids, which say job, day and revision."""
        return [f"{self.job}|{self.day}|{self.revision}|{i}" for i in range(self.requests)]


def count(revision: int) -> int:
    """Requests of a night of this revision: 4 to 12, different from those next to it."""
    return 4 + revision * 5 % 9


def day(number: int) -> date:
    """A day by number, from FIRST_DAY on."""
    return FIRST_DAY + timedelta(days=number)


def requests(told: Told, **dimensions: str) -> pa.RecordBatch:
    """Its REQUESTS rows, system by system in turn; ``dimensions`` are columns beyond the table's."""
    start = int(datetime(told.day.year, told.day.month, told.day.day, tzinfo=UTC).timestamp())
    rows = [
        {
            "run": told.job,
            "request_id": name,
            "system": told.systems[i % len(told.systems)],
            "workload": told.workload,
            "clock": "unix",
            "origin": "sent",
            "timing": "token",
            "status": "ok",
            "arrival_ns": (start + i) * 10**9,
            "n_output_tokens": told.revision,
            "reader_first_ns": 0,
            "reader_pace_ns": 10**6,
            "envelope": [{"token": 1, "time_ns": i}],
            **dimensions,
        }
        for i, name in enumerate(told.ids)
    ]
    extra = [pa.field(name, pa.string()) for name in dimensions]
    return pa.RecordBatch.from_pylist(rows, schema=pa.schema([*REQUESTS.schema(), *extra]))


def gaps(told: Told) -> pa.Table:
    """Its GAPS rows: half as many as requests, the revision for a count."""
    rows = [
        {
            "run": told.job,
            "system": told.systems[i % len(told.systems)],
            "workload": told.workload,
            "hour_ns": None,
            "itl_rule": "chunk",
            "bucket": i,
            "count": told.revision,
        }
        for i in range(told.requests // 2)
    ]
    return pa.Table.from_pylist(rows, schema=GAPS.schema())


def rejects(told: Told) -> pa.Table:
    """Its REJECTS rows: revision % 3."""
    rows = [
        {
            "source": "trace.parquet",
            "run": told.job,
            "place": f"row {i}",
            "reason": "negative_time",
            "count": 1,
            "detail": str(told.revision),
        }
        for i in range(told.revision % 3)
    ]
    return pa.Table.from_pylist(rows, schema=REJECTS.schema())


def runs(told: Told) -> pa.Table:
    """Its RUNS row."""
    row = dict.fromkeys(RUNS.names) | {
        "source": "trace.parquet",
        "run": told.job,
        "system": told.systems[0],
        "workload": told.workload,
        "format": "deliveries",
        "clock": "unix",
        "origin": "sent",
        "n_chunks": told.requests,
        "n_output_tokens": told.revision,
        "rows_in": told.requests + told.revision % 3,
        "rows_measured": told.requests,
        "rows_rejected": told.revision % 3,
    }
    return pa.Table.from_pylist([row], schema=RUNS.schema())
