"""Measured rows on their way into a store: analysis and commit as one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

import pyarrow as pa

from sgengine.aggregate import settings_row
from sgengine.analyze import (
    Analysis,
    AnalyzeSettings,
    Planned,
    Progress,
    analyze_plans,
    bounded,
    plan_sources,
)
from sgengine.errors import DataError, UsageError
from sgengine.record.code import code_version
from sgengine.record.names import job_of
from sgengine.record.publish import publish
from sgengine.store import Commit, Night, NightFacts, Staging, Store, Ticket

_NO_PART = ("by", "pool_bytes", "kept_bytes")
"""Settings of figures that no committed row depends on."""

_STAGED_SHARE = 8
"""One part in this many of the memory is for rows that wait to be written."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An analysis and what became of it. No ``commit``: a source failed, and nothing was committed.

    ``incomplete``: requests whose end is not known, which later data may complete.
    """

    analysis: Analysis
    job: str
    commit: Commit | None
    incomplete: int = 0

    def describe(self, root: str) -> str:
        """What was committed to the store at ``root``, in one line."""
        if self.commit is None:
            return f"nothing was committed to {root}: a source cannot be read"
        days = ", ".join(str(night.day) for night in self.commit.nights)
        return (
            f"{self.commit.requests} requests committed to {root} as job {self.job}, {days} "
            f"(version {self.commit.version})"
        )


@dataclass(frozen=True, kw_only=True)
class Days:
    """Where rows are filed: all under one ``day``, or each under its day of arrival (UTC)."""

    staging: Staging
    day: date | None

    def write(self, batch: pa.RecordBatch) -> None:
        """Take a batch of REQUESTS."""
        if batch.num_rows:
            self.staging.write(batch, self.day)

    def file(self, analysis: Analysis) -> None:
        """Take GAPS, RUNS and REJECTS; rejects have no day, and are filed under the first."""
        tables = {self.day: analysis.runs} if self.day else _dated(analysis.daily_runs)
        home = self.day or min(self.staging.days, default=None)
        if home is None:
            raise DataError(
                "no request could be measured, so there is no day to commit it under: give the day "
                "with --day"
            )
        if analysis.gaps is not None:
            self.staging.gaps(analysis.gaps, self.day)
        self.staging.rejects(analysis.rejects, home)
        for day, runs in tables.items():
            self.staging.runs(runs, day or home)


def _dated(tables: Mapping[int | None, pa.Table]) -> dict[date | None, pa.Table]:
    return {
        None if start is None else datetime.fromtimestamp(start // 10**9, UTC).date(): table
        for start, table in tables.items()
    }


def record(
    planned: Planned,
    settings: AnalyzeSettings,
    store: Store,
    ticket: Ticket,
    facts: Callable[[Analysis], NightFacts],
    *,
    day: date | None = None,
    classes: pa.Table | None = None,
    figures: bool = False,
    wait_s: float | None = None,
    progress: Progress | None = None,
) -> Recorded:
    """Measure what is planned and commit it for the nights of ``ticket``.

    ``settings`` are ``bounded``. ``facts``: what the commit says of itself, once all is measured.
    ``wait_s``: how long to wait for other writers before the commit; None: the caller holds the lock.
    Nothing is committed if a source failed. Raises NightConflict if another commit came first.
    """
    memory = settings.memory_bytes // _STAGED_SHARE
    with store.stage(ticket, memory_bytes=memory) as staging:
        days = Days(staging=staging, day=day)
        analysis = analyze_plans(planned, settings, sink=days, figures=figures, progress=progress)
        if analysis.failures:
            return Recorded(analysis=analysis, job=ticket.job, commit=None)
        days.file(analysis)
        if classes is not None:
            staging.classes(classes)
        with nullcontext() if wait_s is None else store.lock(wait_s):
            commit = store.commit(staging, facts(analysis))
            publish(store)
        incomplete = sum(counts["incomplete"] for counts in staging.counts.values())
    return Recorded(analysis=analysis, job=ticket.job, commit=commit, incomplete=incomplete)


def record_inputs(
    inputs: Sequence[str],
    settings: AnalyzeSettings,
    root: str,
    *,
    job: str | None = None,
    day: date | None = None,
    wait_s: float = 3600.0,
    progress: Progress | None = None,
) -> Recorded:
    """Analyse ``inputs`` and commit their requests to the store at ``root``, made if there is none.

    Without ``job`` the run has one of its own, named by its inputs: committed again it replaces all of
    that job and touches no other. A ``job`` that is named collects: days that come are replaced.
    ``day``: all requests are filed under it; else each under the UTC day of its arrival, which needs a
    unix clock. Raises UsageError for a wrong call, DataError for what cannot be read or has no day.
    """
    _check_no_store(inputs)
    settings = bounded(settings)
    planned = plan_sources(inputs, settings)
    store = Store.create(root)
    name = job or job_of(inputs, settings.read)
    return record(
        planned,
        settings,
        store,
        _ticket(store, name, day, is_own=job is None),
        lambda found: facts_of(settings, found),
        day=day,
        figures=True,
        wait_s=wait_s,
        progress=progress,
    )


def _check_no_store(inputs: Sequence[str]) -> None:
    for given in inputs:
        if Store.is_store(given):
            raise UsageError(
                f"{given} is a store, whose requests are measured: give traces to --store"
            )


def _ticket(store: Store, job: str, day: date | None, *, is_own: bool) -> Ticket:
    if is_own or day is None:
        return store.begin_job(job, whole=is_own)
    return store.begin([Night(job, day)])


def facts_of(settings: AnalyzeSettings, analysis: Analysis) -> NightFacts:
    """What every commit says of itself."""
    summary = asdict(settings.summary)
    chosen = {
        "measure": asdict(settings.measure),
        "summary": {name: value for name, value in summary.items() if name not in _NO_PART},
        "preset": settings.preset,
    }
    return NightFacts(
        settings_row=settings_row(settings.summary),
        code_version=code_version(),
        rows_outside=rows_outside(analysis),
        settings=json.dumps(chosen, default=str, ensure_ascii=False),
    )


def rows_outside(analysis: Analysis) -> int:
    """Rows that another night or window has."""
    return sum(line.count for line in analysis.rejected if line.reason == "outside_window")
