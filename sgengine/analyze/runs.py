"""RUNS: what each source says about its runs, and what was found in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from sgengine.aggregate import Section, Span
from sgengine.analyze.partition import Tally
from sgengine.readers import RunFacts, SourcePlan
from sgengine.schema import RUNS


@dataclass(kw_only=True)
class RunLedger:
    """Counts of every (source, run) so far, and the facts that sources stated."""

    plans: tuple[SourcePlan, ...]
    tallies: dict[tuple[str, str | None], Tally] = field(default_factory=dict)

    def add(self, source: str, tallies: Mapping[str | None, Tally]) -> None:
        """Take in one partition's counts."""
        for run, tally in tallies.items():
            held = self.tallies.setdefault((source, run), Tally(labels={}))
            held.merge(tally)

    def stated_ns(self) -> dict[str, int]:
        """Stated duration of each run that has one; of several sources of a run the longest."""
        stated: dict[str, int] = {}
        for facts in self._facts():
            if facts.stated_duration_ns is not None:
                stated[facts.run] = max(stated.get(facts.run, 0), facts.stated_duration_ns)
        return stated

    def _facts(self) -> Iterable[RunFacts]:
        return (facts for plan in self.plans for facts in plan.facts)

    def table(self, spans: Mapping[str, Span], sections: Mapping[str, Section]) -> pa.Table:
        """The RUNS table, sources in order; ``spans`` and chosen ``sections`` by run."""
        rows = []
        for plan in self.plans:
            facts_of = {facts.run: facts for facts in plan.facts}
            found = [run for source, run in self.tallies if source == plan.source.path]
            runs = dict.fromkeys([*facts_of, *(run for run in found if run is not None)])
            for run in runs or [plan.source.name]:
                tally = self.tallies.get((plan.source.path, run), Tally(labels={}))
                if run == next(iter(runs), None):
                    tally = _with(tally, self.tallies.get((plan.source.path, None)))
                row = _row(plan, run, facts_of.get(run), tally, spans.get(run, Span()))
                rows.append(row | _window(sections.get(run)))
        return pa.Table.from_pylist(rows, schema=RUNS.schema())


def _with(tally: Tally, runless: Tally | None) -> Tally:
    """A run's counts with those of the source's rejects that name no run."""
    if runless is None:
        return tally
    both = Tally(labels=tally.labels)
    both.merge(tally)
    both.merge(runless)
    return both


def _window(section: Section | None) -> dict[str, object]:
    start, end = (None, None) if section is None else (section.start_ns, section.end_ns)
    return {"window_start_ns": start, "window_end_ns": end}


def _row(
    plan: SourcePlan, run: str, facts: RunFacts | None, tally: Tally, span: Span
) -> dict[str, object]:
    labels = tally.labels or (
        {name: getattr(facts, name) for name in ("system", "workload", "clock", "origin")}
        if facts
        else {"system": plan.source.name, "workload": "default", "clock": "none", "origin": "sent"}
    )
    return {
        "source": plan.source.path,
        "run": run,
        **labels,
        "format": plan.source.format,
        "client_version": facts.client_version if facts else None,
        "content_hash": plan.content_hash,
        "request_rate": facts.request_rate if facts else None,
        "stated_duration_ns": facts.stated_duration_ns if facts else None,
        "first_arrival_ns": span.first,
        "last_end_ns": span.last,
        "n_chunks": tally.n_chunks,
        "n_output_tokens": tally.n_output_tokens,
        "rows_in": tally.rows_measured + tally.rows_rejected,
        "rows_measured": tally.rows_measured,
        "rows_rejected": tally.rows_rejected,
        "notes": _notes(facts, tally),
    }


def _notes(facts: RunFacts | None, tally: Tally) -> str | None:
    """What the reader decided, then what was found and left as it is."""
    found = [f"{count} {text}." for text, count in sorted(tally.remarks.items())]
    return "; ".join([*(facts.notes if facts else ()), *found]) or None
