"""Staging: the rows of a commit on their way into files that no reader sees yet."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Self
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sgengine.errors import DataError
from sgengine.schema import CLASSES, GAPS, NIGHTS, REJECTS, REQUESTS, RUNS, TableSpec
from sgengine.store.columns import Shaper, plain_batch
from sgengine.store.layout import COMMIT_POINT, NONE, SIDES, STORE_TABLES, partition_value
from sgengine.store.night import Ticket
from sgengine.store.place import Place, told
from sgengine.store.writers import Staged, Writers

MEMORY_BYTES = 128 << 20
"""Of rows that wait for their row group."""

_DAY_NS = 86_400 * 10**9
_ROWS = ("rows_in", "rows_measured", "rows_rejected")
COUNTED = ("requests", "incomplete", *_ROWS)
"""What a staging counts of every day, by the names of NIGHTS."""


class Staging:
    """The rows of one commit, streamed into data files of a store.

    A context manager: without a commit its files are removed at the end. Rows of REQUESTS come by
    ``write``, batch by batch; those of the other tables by calls with whole tables.
    """

    def __init__(self, place: Place, ticket: Ticket, memory_bytes: int) -> None:
        self.ticket = ticket
        self.commit_id = uuid4().hex[:16]
        self.is_published = False
        self.counts: dict[dt.date, Counter[str]] = {day: Counter() for day in ticket.committed}
        self._classes: pa.Table | None = None
        self._shaper = Shaper(ticket.columns)
        self._writers = {
            name: Writers(place, name, self.commit_id, memory_bytes) for name in STORE_TABLES
        }

    @property
    def days(self) -> tuple[dt.date, ...]:
        """The days of this commit so far: those of the ticket, and those of its rows."""
        return tuple(sorted(self.counts))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.is_published:
            for writers in self._writers.values():
                writers.abandon()

    @told
    def write(self, batch: pa.RecordBatch, day: dt.date | None = None) -> None:
        """Take rows of REQUESTS with any dimensions.

        They go to ``day``, or each to its day of arrival (UTC), which needs a clock that is unix.
        Raises DataError for a row without such a day, or of one that the ticket does not cover.
        """
        days = np.full(batch.num_rows, _number(day)) if day else _days_of(batch)
        shaped = self._shaper.shape(batch, self.commit_id)
        for number, system, workload, rows in _parts(batch, days):
            its_day = _date(number)
            values = self._values(its_day, system, workload)
            mine = _taken(shaped, rows)
            self._writers[COMMIT_POINT.name].write(values, mine)
            self._count(its_day, mine.column("status"))

    def _count(self, day: dt.date, statuses: pa.Array) -> None:
        is_open = pc.equal(statuses.cast(pa.string()), "incomplete")
        self.counts[day]["requests"] += len(statuses)
        self.counts[day]["incomplete"] += pc.sum(is_open).as_py() or 0

    @told
    def gaps(self, table: pa.Table, day: dt.date | None = None) -> None:
        """Take rows of GAPS, to ``day`` or each to the day of its hour (UTC)."""
        for batch in table.select(GAPS.names).to_batches():
            days = np.full(batch.num_rows, _number(day)) if day else self._days_of_hours(batch)
            plain = plain_batch(STORE_TABLES[GAPS.name], batch, self.commit_id)
            for number, system, workload, rows in _parts(batch, days):
                values = self._values(_date(number), system, workload)
                self._writers[GAPS.name].write(values, _taken(plain, rows))

    @told
    def rejects(self, table: pa.Table, day: dt.date) -> None:
        """Take rows of REJECTS."""
        self._whole(REJECTS, table, day)

    @told
    def runs(self, table: pa.Table, day: dt.date) -> None:
        """Take rows of RUNS; NIGHTS sums up their counts of rows."""
        self._whole(RUNS, table, day)
        for name in _ROWS:
            self.counts[day][name] += pc.sum(table[name]).as_py() or 0

    def classes(self, table: pa.Table) -> None:
        """Take the SLO classes of the job, which are those of every day of this commit."""
        self._classes = table

    @told
    def finish_requests(self) -> list[Staged]:
        """The files of requests, on disk; one without rows for a day that has none."""
        writers = self._writers[COMMIT_POINT.name]
        empty = pa.RecordBatch.from_pylist([], schema=REQUESTS.schema())
        for day, counts in self.counts.items():
            if not counts["requests"]:
                shaped = self._shaper.shape(empty, self.commit_id)
                writers.write(self._values(day, NONE, NONE), shaped)
        return writers.finish()

    @told
    def finish_sides(self, nights: pa.Table) -> dict[str, list[Staged]]:
        """The files of each side table, on disk; ``nights``: a row a day of this commit."""
        for row, day in enumerate(nights["day"].to_pylist()):
            self._whole(NIGHTS, nights.slice(row, 1), day)
            if self._classes is not None:
                self._whole(CLASSES, self._classes, day)
        return {table.name: self._writers[table.name].finish() for table in SIDES}

    def _whole(self, spec: TableSpec, table: pa.Table, day: dt.date) -> None:
        """Rows of a side table that belong to one day."""
        known = self._values(day)
        values = {name: known[name] for name in STORE_TABLES[spec.name].partitions}
        for batch in table.to_batches():
            plain = plain_batch(STORE_TABLES[spec.name], batch, self.commit_id)
            self._writers[spec.name].write(values, plain)

    def _values(self, day: dt.date, system: str = "", workload: str = "") -> dict[str, str]:
        """The partition columns by name; DataError for a day that this commit must leave alone."""
        if day not in self.counts:
            if not self.ticket.any_day:
                raise DataError(
                    f"rows of {day} came to a commit of {', '.join(map(str, self.days))} of job "
                    f"{self.ticket.job}: commit that day as well, or leave them out"
                )
            self.counts[day] = Counter()
        given = {"job": self.ticket.job, "day": str(day), "system": system, "workload": workload}
        return {name: partition_value(text) for name, text in given.items()}

    def _days_of_hours(self, batch: pa.RecordBatch) -> Days:
        hours = batch.column("hour_ns")
        if not hours.null_count:
            return _day_of(hours)
        if len(self.counts) != 1:
            raise DataError("gaps without an hour belong to no day: give the day with --day")
        return np.full(batch.num_rows, _number(self.days[0]))


Days = npt.NDArray[np.int64]
"""Days since the epoch, one a row."""


def _number(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days


def _date(number: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(number)


def _days_of(batch: pa.RecordBatch) -> Days:
    """The UTC day on which each request arrived."""
    arrivals = batch.column("arrival_ns")
    is_unix = pc.equal(batch.column("clock").cast(pa.string()), "unix")
    dated = pc.sum(pc.and_(is_unix, arrivals.is_valid())).as_py() or 0
    if dated < batch.num_rows:
        raise DataError(
            f"{batch.num_rows - dated} requests have no day: their arrival is not known, or their "
            "clock does not count from the epoch; give the day with --day"
        )
    return _day_of(arrivals)


def _day_of(times_ns: pa.Array) -> Days:
    days: Days = times_ns.to_numpy() // _DAY_NS
    return days


def _parts(batch: pa.RecordBatch, days: Days) -> Iterator[tuple[int, str, str, pa.Array | None]]:
    """Day, system, workload and row numbers of each partition in ``batch``; None for all rows."""
    systems, workloads = (_encoded(batch.column(name)) for name in ("system", "workload"))
    size, width = len(systems.dictionary), len(workloads.dictionary)
    keys = days * (size * width) + _codes(systems) * width + _codes(workloads)
    found, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
    order = np.argsort(which, kind="stable")
    for rows in np.split(order, np.cumsum(counts)[:-1]) if len(found) else ():
        row = int(rows[0])
        texts = (systems[row].as_py(), workloads[row].as_py())
        yield int(days[row]), *texts, None if len(found) == 1 else pa.array(rows)


def _encoded(values: pa.Array) -> pa.DictionaryArray:
    return values if pa.types.is_dictionary(values.type) else values.dictionary_encode()


def _codes(values: pa.DictionaryArray) -> Days:
    codes: Days = values.indices.to_numpy().astype(np.int64)
    return codes


def _taken(batch: pa.RecordBatch, rows: pa.Array | None) -> pa.RecordBatch:
    return batch if rows is None else batch.take(rows)
