"""The files that are written of nights once they are committed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from sgengine.nightly.patterns import filled, has_day
from sgengine.nightly.report import COMMITTED, ERROR, FAILED, Entry, Log, Outcome
from sgengine.nightly.settings import Job, JobOutput

Export = Callable[[Job, JobOutput, str, date | None], None]
"""Writes an output to a path: of one night, or of all that the store has of the job (None)."""


def with_outputs(job: Job, outcome: Outcome, export: Export | None, log: Log) -> Outcome:
    """The outcome of a night with the outputs that have a day in their path.

    Those of a night that did not change are written if they are not there.
    """
    if export is None or outcome.status == FAILED:
        return outcome
    for output in job.outputs:
        path = filled(output.path, outcome.day)
        if has_day(output.path) and (outcome.status == COMMITTED or not Path(path).exists()):
            outcome = _written(job, output, path, outcome, export, log)
    return outcome


def with_whole_outputs(
    job: Job, outcomes: Sequence[Outcome], export: Export | None, log: Log
) -> tuple[Outcome, ...]:
    """The outcomes of a run, the last with the outputs of all nights, which have no day in their path."""
    if export is None or not outcomes:
        return tuple(outcomes)
    is_new = any(outcome.commit_id is not None for outcome in outcomes)
    *others, last = outcomes
    for output in job.outputs:
        path = filled(output.path, last.day)
        if not has_day(output.path) and (is_new or not Path(path).exists()):
            last = _written(job, output, path, last, export, log)
    return (*others, last)


def _written(
    job: Job, output: JobOutput, path: str, outcome: Outcome, export: Export, log: Log
) -> Outcome:
    """The outcome with one more output; failed if it cannot be written, whatever was committed."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        export(job, output, path, outcome.day if has_day(output.path) else None)
    except Exception as error:  # noqa: BLE001 - the night is committed, and others are to be run
        text = f"output {path} cannot be written: {' '.join(str(error).split())}"
        fields = {"day": outcome.day, "file": path}
        log(Entry(event="output_failed", text=text, level=ERROR, fields=fields))
        return replace(outcome, status=FAILED, error=text)
    return replace(outcome, outputs=(*outcome.outputs, path))
