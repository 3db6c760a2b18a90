"""The job: its nights one after another, under one lock, and what became of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sgengine.errors import DataError, UsageError
from sgengine.nightly.days import day_of, days_between, midnight_ns
from sgengine.nightly.night import NightRun
from sgengine.nightly.report import FAILED, WARNING, Entry, Log, Outcome, Report
from sgengine.nightly.settings import Job, JobOutput
from sgengine.record import publish
from sgengine.store import Store

Export = Callable[[Job, JobOutput, date], str]
"""Writes one output of a night, and says where it is."""

DEFAULT_WAIT_S = 3600.0
MOST_DAYS = 3660


@dataclass(frozen=True, kw_only=True)
class Due:
    """The nights that a run is for. ``is_named``: by the caller, not by the calendar."""

    days: tuple[date, ...]
    is_named: bool


def due(
    job: Job,
    day: date | None = None,
    since: date | None = None,
    until: date | None = None,
    *,
    now_ns: int | None = None,
) -> Due:
    """One day, or all from ``since`` to ``until``; else the last nights of the job that are over.

    Raises UsageError for a day beside a span, half a span, or one that ends before it begins.
    """
    if day is not None and (since is not None or until is not None):
        raise UsageError("--day names one night, --since and --until several: give one of them")
    if day is not None:
        return Due(days=(day,), is_named=True)
    if (since is None) != (until is None):
        raise UsageError("--since and --until go together: give both, or --day")
    if since is not None and until is not None:
        days = tuple(days_between(since, until))
        if not 0 < len(days) <= MOST_DAYS:
            raise UsageError(f"{since} to {until} is {len(days)} days: give 1 to {MOST_DAYS}")
        return Due(days=days, is_named=True)
    today = day_of(time.time_ns() if now_ns is None else now_ns, job.zone)
    first = today - timedelta(days=job.nights)
    return Due(days=tuple(days_between(first, today - timedelta(days=1))), is_named=False)


def run_job(
    job: Job,
    nights: Due,
    log: Log,
    *,
    wait_s: float = DEFAULT_WAIT_S,
    is_forced: bool = False,
    export: Export | None = None,
) -> Report:
    """Measure and commit the nights that are due, oldest first; a night that fails stops no other.

    Another job on the same store is waited for, ``wait_s`` at most. ``is_forced``: unchanged nights
    are measured again. ``export`` writes the outputs of each night that was committed. Raises DataError
    if the store cannot be opened or stays locked.
    """
    log = _of_job(job, log)
    store = Store.create(job.store)
    with ExitStack() as stack:
        _lock(store, wait_s, log, stack)
        night = NightRun(
            job=job, store=store, log=log, is_named=nights.is_named, is_forced=is_forced
        )
        outcomes = tuple(_exported(job, night(day), export, log) for day in nights.days)
        publish(store)
    _warn_of_grace(job, nights.days, log)
    return Report(
        job=job.name,
        store=job.store,
        zone=job.zone_name,
        allows_rejects=job.allows_rejects,
        nights=outcomes,
    )


def _of_job(job: Job, log: Log) -> Log:
    """The log with the job's name in every entry."""
    return lambda entry: log(replace(entry, fields={"job": job.name} | dict(entry.fields)))


def _lock(store: Store, wait_s: float, log: Log, stack: ExitStack) -> None:
    """Hold the lock of the store's writers until ``stack`` closes; waiting for it is said."""
    try:
        stack.enter_context(store.lock(0))
        return
    except DataError:
        if wait_s <= 0:
            raise
    text = f"another job holds {store.root}: waiting up to {wait_s:g} s"
    log(Entry(event="waiting", text=text, fields={"store": store.root}))
    began = time.monotonic()
    stack.enter_context(store.lock(wait_s))
    waited = round(time.monotonic() - began, 3)
    log(Entry(event="waited", text=f"waited {waited:g} s", fields={"seconds": waited}))


def _exported(job: Job, outcome: Outcome, export: Export | None, log: Log) -> Outcome:
    """The outcome with the outputs that were written; one that cannot be makes the night fail."""
    if export is None or outcome.commit_id is None:
        return outcome
    written: list[str] = []
    for output in job.outputs:
        try:
            written.append(export(job, output, outcome.day))
        except (DataError, UsageError, OSError) as error:
            text = f"committed, but output {output.path} cannot be written: {error}"
            log(Entry(event="output_failed", text=text, level="error", fields={"day": outcome.day}))
            outcome = replace(outcome, status=FAILED, error=text)
    return replace(outcome, outputs=tuple(written))


def _warn_of_grace(job: Job, days: Sequence[date], log: Log) -> None:
    """Say of nights whose grace is not over that their open requests wait for another run."""
    for day in days:
        ends = midnight_ns(day + timedelta(days=1), job.zone) + job.grace_ns
        left = ends - time.time_ns()
        if left > 0:
            text = (
                f"{day} is listened to for {left / 1e9:.0f} s more: run it again then, for requests "
                "that are incomplete now"
            )
            log(Entry(event="grace_not_over", text=text, level=WARNING, fields={"day": day}))
