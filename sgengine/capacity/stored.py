"""``capacity_store``: capacity of requests that were measured before and lie in a store.

A run's part of each night is a run: nights are what a store replaces and divides by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from sgengine.aggregate import Aggregator, group_rows
from sgengine.aggregate.keys import check_by
from sgengine.analyze import AnalyzeSettings, Progress
from sgengine.analyze.stored import side_rows, stored_analysis, units_of
from sgengine.analyze.stored_files import Task, Wanted, check_wanted, tasks_of
from sgengine.analyze.stored_rows import UNIT, Rows, known_columns
from sgengine.capacity.offers import CONCURRENCY, RATE, Offers
from sgengine.capacity.run import Capacities, CapacitySettings, groups_of, of_runs
from sgengine.errors import UsageError
from sgengine.executors import Stop
from sgengine.schema import LABEL
from sgengine.store import Snapshot

_NAMES = ("job", "night", "run")


@dataclass(frozen=True, kw_only=True)
class _Read:
    """Reads a task's rows, each under the name of its run, and adds them up."""

    rows: Rows
    names: dict[tuple[object, ...], str]

    def __call__(self, task: Task, stop: Stop) -> tuple[Aggregator, pa.RecordBatch]:
        stop.check()
        batch = self._named(self.rows.read(task))
        found = Aggregator(settings=self.rows.settings, unit=UNIT)
        found.add(batch)
        return found, batch

    def _named(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        keys, codes = group_rows(batch, _NAMES)
        texts = pa.array([self.names[key] for key in keys], pa.string())
        column = pa.DictionaryArray.from_arrays(pa.array(codes), texts).cast(LABEL)
        return batch.set_column(batch.schema.get_field_index("run"), "run", column)


def capacity_store(
    snapshot: Snapshot,
    settings: AnalyzeSettings,
    wanted: Wanted | None = None,
    *,
    asked: CapacitySettings | None = None,
    progress: Progress | None = None,
) -> Capacities:
    """Capacity and best rate of the wanted rows of a store, by group, for any reader and SLO.

    A run is named by its job and night too where there are several. Raises UsageError for a night
    that is not there, a window of runs, and what holds for the measured reader alone if it is
    another.
    """
    asked, wanted = asked or CapacitySettings(), wanted or Wanted()
    if settings.summary.selection is not None:
        raise UsageError(
            f"--{settings.summary.selection.kind} chooses a part of a run, and the runs of a store "
            "were cut into nights: give it to the analysis that fills the store"
        )
    check_wanted(wanted, snapshot)
    nights, runs = (side_rows(snapshot, table, wanted) for table in ("nights", "runs"))
    units, summary = units_of(nights, runs), of_runs(settings).summary
    files = wanted.files(snapshot, "requests")
    check_by(summary.by, known_columns(snapshot, files))
    names = _names(runs)
    rows = Rows(
        snapshot=snapshot, settings=summary, bounded=units.bounded, more=(RATE, *CONCURRENCY)
    )
    aggregate = Aggregator(settings=summary, unit=UNIT, sources=units.sources)
    offers = Offers(limit_bytes=settings.share_bytes)
    tasks = list(tasks_of(files, snapshot))
    found = settings.executor.run(_Read(rows=rows, names=names), tasks)
    for done, (part, batch) in enumerate(found, 1):
        aggregate.merge(part)
        offers.write(batch)
        if progress is not None:
            progress(done, len(tasks))
    for row in runs:
        offers.state(names[_key(row)], row[RATE])
    groups = groups_of(aggregate, units.stated, offers, settings.summary.by, asked)
    analysis = stored_analysis(snapshot, settings, [], nights, runs)
    return Capacities(asked=asked, settings=settings, groups=groups, analysis=analysis)


def _key(run: Mapping[str, Any]) -> tuple[object, ...]:
    return run["job"], str(run["day"]), run["run"]


def _names(runs: Sequence[Mapping[str, Any]]) -> dict[tuple[object, ...], str]:
    """The name of every run, by job, night and run: as short as tells them apart."""
    keys = dict.fromkeys(map(_key, runs))
    jobs, nights = ({key[i] for key in keys} for i in (0, 1))
    shown = [i for i, several in ((0, len(jobs) > 1), (1, len(nights) > 1)) if several]
    return {key: " ".join(str(key[i]) for i in (*shown, 2)) for key in keys}
