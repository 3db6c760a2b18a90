"""RUNS: what each source says about its runs, and what was found in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from sgengine.aggregate import Section, Span
from sgengine.analyze.tallies import Counts, Tally
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
        rows = [
            entry.row(entry.tally.whole, spans.get(entry.run, Span()))
            | _rows(entry.tally.whole.rows, entry.tally.rows_rejected)
            | _window(sections.get(entry.run))
            for entry in self._entries()
        ]
        return pa.Table.from_pylist(rows, schema=RUNS.schema())

    def daily(self, sections: Mapping[str, Section]) -> dict[int | None, pa.Table]:
        """RUNS by day of arrival (its start, ns since the epoch): of each run what that day has.

        What has no day (rejects, and sources that nothing was measured of) is on the first. A stated
        duration and a window are there for runs of one day; others are as long as each day shows.
        """
        spans: dict[tuple[str, int | None], Span] = {}
        entries = list(self._entries())
        for entry in entries:
            for day, counts in entry.tally.days.items():
                spans.setdefault((entry.run, day), Span()).merge(counts.span)
        days_of = {run: sum(run == other for other, _ in spans) for run, _ in spans}
        first = min((day for _, day in spans), key=_order, default=None)
        rows: dict[int | None, list[dict[str, object]]] = {}
        for entry in entries:
            mine = entry.tally.days or {first: Counts()}
            home = min(mine, key=_order)
            for day, counts in mine.items():
                row = entry.row(counts, spans.get((entry.run, day), Span()))
                row |= _rows(counts.rows, entry.tally.rows_rejected if day == home else 0)
                if days_of.get(entry.run, 1) > 1:
                    row |= {"stated_duration_ns": None, **_window(None)}
                else:
                    row |= _window(sections.get(entry.run))
                rows.setdefault(day, []).append(row)
        return {day: pa.Table.from_pylist(rows[day], schema=RUNS.schema()) for day in rows}

    def _entries(self) -> Iterator[_Entry]:
        """Every source and run, sources in order."""
        for plan in self.plans:
            facts_of = {facts.run: facts for facts in plan.facts}
            found = [run for source, run in self.tallies if source == plan.source.path]
            runs = dict.fromkeys([*facts_of, *(run for run in found if run is not None)])
            for run in runs or [plan.source.name]:
                tally = self.tallies.get((plan.source.path, run), Tally(labels={}))
                if run == next(iter(runs), None):
                    tally = _with(tally, self.tallies.get((plan.source.path, None)))
                yield _Entry(plan=plan, run=run, facts=facts_of.get(run), tally=tally)


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """One run of one source."""

    plan: SourcePlan
    run: str
    facts: RunFacts | None
    tally: Tally

    def row(self, counts: Counts, span: Span) -> dict[str, object]:
        """The row of RUNS, without its counts of rows and its window."""
        plan, facts = self.plan, self.facts
        return {
            "source": plan.source.path,
            "run": self.run,
            **self._labels(),
            "format": plan.source.format,
            "client_version": facts.client_version if facts else None,
            "content_hash": plan.content_hash,
            "request_rate": facts.request_rate if facts else None,
            "stated_duration_ns": facts.stated_duration_ns if facts else None,
            "first_arrival_ns": span.first,
            "last_end_ns": span.last,
            "n_chunks": counts.n_chunks,
            "n_output_tokens": counts.n_output_tokens,
            "notes": _notes(facts, self.tally),
        }

    def _labels(self) -> dict[str, str]:
        """Those of the first row, else what the source states, else what nothing is known of."""
        if self.tally.labels:
            return self.tally.labels
        names = ("system", "workload", "clock", "origin")
        if self.facts:
            return {name: getattr(self.facts, name) for name in names}
        return dict(zip(names, (self.plan.source.name, "default", "none", "sent"), strict=True))


def _order(day: int | None) -> tuple[bool, int]:
    return day is None, day or 0


def _rows(measured: int, rejected: int) -> dict[str, int]:
    return {
        "rows_in": measured + rejected,
        "rows_measured": measured,
        "rows_rejected": rejected,
    }


def _with(tally: Tally, runless: Tally | None) -> Tally:
    """A run's counts with those of the source's rejects that name no run."""
    if runless is None:
        return tally
    both = Tally(labels=tally.labels)
    both.merge(tally)
    both.merge(runless)
    return both


def _window(section: Section | None) -> dict[str, int | None]:
    start, end = (None, None) if section is None else (section.start_ns, section.end_ns)
    return {"window_start_ns": start, "window_end_ns": end}


def _notes(facts: RunFacts | None, tally: Tally) -> str | None:
    """What the reader decided, then what was found and left as it is."""
    found = [f"{count} {text}." for text, count in sorted(tally.remarks.items())]
    return "; ".join([*(facts.notes if facts else ()), *found]) or None
