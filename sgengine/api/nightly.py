"""The nightly job with its outputs: jobs and exports know nothing of each other."""

from __future__ import annotations

from datetime import date

from sgengine.analyze.stored_files import Wanted
from sgengine.export import export
from sgengine.nightly import Due, Job, JobOutput, Log, Report, run_job
from sgengine.store import Store


def nightly(job: Job, nights: Due, log: Log, *, wait_s: float, is_forced: bool = False) -> Report:
    """Measure and commit the nights that are due, then write the outputs of the job; see ``run_job``."""
    return run_job(job, nights, log, wait_s=wait_s, is_forced=is_forced, export=_export)


def _export(job: Job, output: JobOutput, path: str, day: date | None) -> None:
    snapshot = Store.open(job.store).snapshot()
    wanted = Wanted(job=job.name, since=day, until=day)
    export(snapshot, path, kind=output.format, wanted=wanted)
