"""One night of a job: found, compared with what is committed, measured, committed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from sgengine import analyze
from sgengine.errors import SgengineError
from sgengine.nightly.config_objectives import classes_table
from sgengine.nightly.days import night_ns
from sgengine.nightly.inputs import Inputs, digest_of, inputs_of, missing_of, planned
from sgengine.nightly.report import (
    COMMITTED,
    ERROR,
    FAILED,
    INFO,
    UNCHANGED,
    WARNING,
    Entry,
    Log,
    Outcome,
)
from sgengine.nightly.settings import Job
from sgengine.record import Recorded, facts_of, record, rows_outside
from sgengine.store import Night, NightConflict, NightFacts, Store

_MOST_LINES = 5
"""Places with damaged rows that the log of a night names."""

_ATTEMPTS = 3
"""Times that a night is tried which another writer commits meanwhile."""


@dataclass(frozen=True, kw_only=True)
class NightRun:
    """Runs nights of one job against its store.

    ``tells_day``: requests whose clock tells no day are of the night that is run.
    ``is_forced``: unchanged inputs are measured again.
    """

    job: Job
    store: Store
    log: Log
    tells_day: bool = False
    is_forced: bool = False

    def __call__(self, day: date) -> Outcome:
        """Run one night; whatever goes wrong is its outcome, and keeps no other from being run."""
        began = time.monotonic()
        try:
            outcome = self._tried(day)
        except Exception as error:  # noqa: BLE001 - the other nights are to be measured all the same
            outcome = Outcome(day=day, status=FAILED, seconds=0, error=_said(error))
        outcome = replace(outcome, seconds=round(time.monotonic() - began, 3))
        self.log(_entry(outcome))
        return outcome

    def _tried(self, day: date) -> Outcome:
        """The night, again if another writer commits it meanwhile."""
        for attempt in range(_ATTEMPTS - 1):
            try:
                return self._once(day)
            except NightConflict as conflict:
                text = f"{conflict} (attempt {attempt + 1})"
                self.log(Entry(event="conflict", text=text, level=WARNING, fields={"day": day}))
        return self._once(day)

    def _once(self, day: date) -> Outcome:
        job = self.job
        start, end = night_ns(day, job.zone)
        night = analyze.Night(
            start_ns=start,
            end_ns=end,
            cut_ns=end + job.grace_ns,
            has_every_clock=self.tells_day,
            is_window=job.is_window,
        )
        found = inputs_of(job, night)
        for path in missing_of(found):
            text = f"{path} is missing, as it may"
            self.log(Entry(event="missing_input", text=text, level=WARNING, fields={"file": path}))
        ticket = self.store.begin([Night(job.name, day)])
        digest = digest_of(job, night, found, job.settings.executor)
        if ticket.committed[day].input_digest == digest and not self.is_forced:
            return Outcome(day=day, status=UNCHANGED, seconds=0, missing=missing_of(found))
        settings = analyze.bounded(job.settings)
        plans, later = planned(found, settings.batch_bytes, self.log)
        settings = replace(settings, night=replace(night, next_files=later))
        recorded = record(
            plans,
            settings,
            self.store,
            ticket,
            self._facts(settings, night, digest, found),
            day=day,
            classes=classes_table(job.classes) if job.classes else None,
        )
        self._tell_faults(recorded.analysis)
        return _committed(day, recorded, missing_of(found))

    def _tell_faults(self, analysis: analyze.Analysis) -> None:
        """The first places with rows that cannot be measured; the store has them all."""
        for line in [line for line in analysis.rejected if line.is_error][:_MOST_LINES]:
            fields = {name: getattr(line, name) for name in ("source", "place", "reason", "count")}
            self.log(Entry(event="rows_rejected", text=line.line(), level=WARNING, fields=fields))

    def _facts(
        self,
        settings: analyze.AnalyzeSettings,
        night: analyze.Night,
        digest: int,
        found: tuple[Inputs, ...],
    ) -> Callable[[analyze.Analysis], NightFacts]:
        """What the commit says of itself, once all is measured."""
        job = self.job
        bounds = (night.start_ns, night.end_ns) if job.is_window else (None, None)
        return lambda analysis: replace(
            facts_of(settings, analysis),
            zone=job.zone_name,
            from_ns=bounds[0],
            until_ns=bounds[1],
            input_digest=digest,
            sources_missing=sum(bool(inputs.missing) for inputs in found),
            settings=json.dumps(job.given, default=str, ensure_ascii=False),
        )


def _committed(day: date, recorded: Recorded, missing: tuple[str, ...]) -> Outcome:
    analysis, commit = recorded.analysis, recorded.commit
    assert commit is not None, "a source that fails raises"
    runs = analysis.runs
    faulty = sum(line.count for line in analysis.rejected if line.is_error)
    return Outcome(
        day=day,
        status=COMMITTED,
        seconds=0,
        requests=commit.requests,
        incomplete=recorded.incomplete,
        rows_in=sum(runs["rows_in"].to_pylist()),
        rows_measured=sum(runs["rows_measured"].to_pylist()),
        rows_rejected=sum(runs["rows_rejected"].to_pylist()),
        rows_faulty=faulty,
        rows_outside=rows_outside(analysis),
        missing=missing,
        commit_id=commit.commit_id,
        version=commit.version,
    )


def _said(error: Exception) -> str:
    """In one line; what is no error of ours with its type."""
    said = " ".join(str(error).split())
    return said if isinstance(error, SgengineError) else f"{type(error).__name__}: {said}"


def _entry(outcome: Outcome) -> Entry:
    names = ("requests", "incomplete", "rows_faulty", "commit_id", "version", "seconds", "error")
    fields = {name: getattr(outcome, name) for name in names}
    level = ERROR if outcome.status == FAILED else WARNING if outcome.rows_faulty else INFO
    return Entry(
        event=f"night_{outcome.status}",
        text=outcome.describe(),
        level=level,
        fields={"day": outcome.day} | {n: v for n, v in fields.items() if v is not None},
    )
