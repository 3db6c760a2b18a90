"""The nightly job: what is due, from which files, under which objectives, and its record."""

from sgengine.nightly.config import load_job
from sgengine.nightly.report import Entry, Log, Outcome, Report
from sgengine.nightly.run import DEFAULT_WAIT_S, Due, due, run_job
from sgengine.nightly.settings import Job, JobOutput, JobSource, SloClass

__all__ = [
    "DEFAULT_WAIT_S",
    "Due",
    "Entry",
    "Job",
    "JobOutput",
    "JobSource",
    "Log",
    "Outcome",
    "Report",
    "SloClass",
    "due",
    "load_job",
    "run_job",
]
