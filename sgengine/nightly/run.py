"""The job: its nights one after another, under one lock, and what became of each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sgengine.errors import DataError, UsageError
from sgengine.nightly.days import day_of, days_between, midnight_ns
from sgengine.nightly.night import NightRun
from sgengine.nightly.outputs import Export, with_outputs, with_whole_outputs
from sgengine.nightly.report import WARNING, Entry, Log, Report
from sgengine.nightly.settings import Job
from sgengine.record import publish
from sgengine.store import Store

DEFAULT_WAIT_S = 3600.0
MOST_DAYS = 3660

FIRST_DAY, LAST_DAY = date(1678, 1, 1), date(2261, 12, 31)
"""All their moments, and a grace of months behind, are within 2**63 ns of 1970."""


@dataclass(frozen=True, kw_only=True)
class Due:
    """The nights that a run is for. ``tells_day``: requests whose clock tells no day are of the one."""

    days: tuple[date, ...]
    tells_day: bool = False


def due(
    job: Job,
    day: date | None = None,
    since: date | None = None,
    until: date | None = None,
    *,
    now_ns: int | None = None,
) -> Due:
    """One day, or all from ``since`` to ``until``; else the last nights of the job that are over.

    Raises UsageError for a day beside a span, half a span, one that ends before it begins, and days
    whose moments do not fit in 64 bits of ns.
    """
    for given in (day, since, until):
        if given is not None and not FIRST_DAY <= given <= LAST_DAY:
            raise UsageError(f"the day is {given}: give one from {FIRST_DAY} to {LAST_DAY}")
    if day is not None and (since is not None or until is not None):
        raise UsageError("--day names one night, --since and --until several: give one of them")
    if day is not None:
        return Due(days=(day,), tells_day=True)
    if (since is None) != (until is None):
        raise UsageError("--since and --until go together: give both, or --day")
    if since is not None and until is not None:
        days = tuple(days_between(since, until))
        if not 0 < len(days) <= MOST_DAYS:
            raise UsageError(f"{since} to {until} is {len(days)} days: give 1 to {MOST_DAYS}")
        return Due(days=days)
    today = day_of(time.time_ns() if now_ns is None else now_ns, job.zone)
    first = today - timedelta(days=job.nights)
    return Due(days=tuple(days_between(first, today - timedelta(days=1))))


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
    are measured again. ``export`` writes outputs; None: there are none. Raises DataError if the store
    cannot be opened or stays locked.
    """
    log = _of_job(job, log)
    store = Store.create(job.store)
    with ExitStack() as stack:
        _lock(store, wait_s, log, stack)
        night = NightRun(
            job=job, store=store, log=log, tells_day=nights.tells_day, is_forced=is_forced
        )
        outcomes = tuple(with_outputs(job, night(day), export, log) for day in nights.days)
        if all(outcome.commit_id is None for outcome in outcomes):
            publish(store)  # a run that was killed between commit and publishing left it behind
    _warn_of_grace(job, nights.days, log)
    outcomes = with_whole_outputs(job, outcomes, export, log)
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
