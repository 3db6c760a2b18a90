"""Findings about runs and sources as wholes: load, duration, samples, warm-up, span, notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from sgengine.aggregate import Load
from sgengine.check.evidence import FIRST, Evidence
from sgengine.check.findings import Example, Finding, finding
from sgengine.check.kinds import INFO, WARNING
from sgengine.readers import RunFacts, Skipped, SourcePlan

Key = tuple[str, str]

DURATION_OFF, RATE_OFF = 0.1, 0.25
RATED_FROM = 50
P99_FROM, P99_9_FROM = 100, 1000
SLOW_FROM, SLOW = 50, 3.0


def runs_judged(
    seen: Evidence,
    plans: Sequence[SourcePlan],
    skipped: Sequence[Skipped],
    loads: Mapping[str, Load],
) -> Iterator[Finding]:
    """All findings of this kind."""
    facts = {(plan.source.path, each.run): each for plan in plans for each in plan.facts}
    yield from _sources(seen, plans)
    yield from _durations(seen, facts)
    yield from _rates(seen, facts, loads)
    yield from _samples(seen)
    yield from _starts(seen)
    yield from _loads(seen, facts, loads)
    yield from _spans(seen)
    yield from _notes(plans, skipped)
    yield from _remarks(seen, plans)


def _sources(seen: Evidence, plans: Sequence[SourcePlan]) -> Iterator[Finding]:
    if seen.failures:
        source, error = next(iter(seen.failures.items()))
        example = Example(source=source)
        total = len({plan.source.path for plan in plans} | seen.failures.keys())
        yield finding("unreadable_source", len(seen.failures), error, total=total, example=example)
    looked_at = {source for source, _ in seen.runs} | seen.failures.keys()
    empty = [plan.source.path for plan in plans if plan.source.path not in looked_at]
    if empty:
        example = Example(source=empty[0])
        found = "no row can be measured"
        yield finding("no_requests", len(empty), found, total=len(plans), example=example)


def _durations(seen: Evidence, facts: Mapping[Key, RunFacts]) -> Iterator[Finding]:
    off: dict[Key, tuple[int, int]] = {}
    for key in seen.runs:
        stated = facts[key].stated_duration_ns if key in facts else None
        observed = seen.activity.spans[key[1]].observed_ns
        if stated and observed and abs(stated - observed) > DURATION_OFF * observed:
            off[key] = stated, observed
    if off:
        key = max(off, key=lambda key: abs(off[key][0] / off[key][1] - 1))
        stated, observed = off[key]
        found = f"{stated / 1e9:.2f} s stated, {observed / 1e9:.2f} s observed in run {key[1]}"
        yield _of_runs(seen, "duration_differs", [key, *off], found)


def _rates(
    seen: Evidence, facts: Mapping[Key, RunFacts], loads: Mapping[str, Load]
) -> Iterator[Finding]:
    off: dict[Key, tuple[float, float]] = {}
    for key in seen.runs:
        stated, load = facts[key].request_rate if key in facts else None, loads.get(key[1])
        if not stated or load is None or load.rate is None or load.arrivals < RATED_FROM:
            continue
        if abs(load.rate - stated) > RATE_OFF * stated:
            off[key] = stated, load.rate
    if off:
        key, (stated, rate) = next(iter(off.items()))
        found = f"{stated:g} requests/s stated, {rate:.3g} observed in run {key[1]}"
        yield _of_runs(seen, "rate_differs", [key, *off], found)


def _samples(seen: Evidence) -> Iterator[Finding]:
    few = {
        key: run.counts["has_ttft"]
        for key, run in seen.runs.items()
        if run.counts["has_ttft"] < P99_9_FROM
    }
    if few:
        key = min(few, key=lambda key: few[key])
        worst = "p99 and p99.9 rest" if few[key] < P99_FROM else "p99.9 rests"
        found = f"{few[key]} requests with a TTFT in run {key[1]}, {worst} on the largest alone"
        severity = WARNING if few[key] < P99_FROM else INFO
        yield _of_runs(seen, "few_samples", [key, *few], found, severity=severity)


def _starts(seen: Evidence) -> Iterator[Finding]:
    slow: dict[Key, tuple[float, float]] = {}
    for key, run in seen.runs.items():
        median = run.ttft.median()
        if run.counts["has_ttft"] < SLOW_FROM or len(run.earliest) < FIRST or not median:
            continue
        first = sorted(ttft for _, ttft in run.earliest)[FIRST // 2]
        if first > SLOW * median:
            slow[key] = first, median
    if slow:
        key, (early, usual) = next(iter(slow.items()))
        found = (
            f"the first {FIRST} arrivals of run {key[1]} have a median TTFT of {early / 1e6:.1f} ms, "
            f"all of it {usual / 1e6:.1f} ms"
        )
        yield _of_runs(seen, "slow_start", [key, *slow], found)


def _loads(
    seen: Evidence, facts: Mapping[Key, RunFacts], loads: Mapping[str, Load]
) -> Iterator[Finding]:
    kinds: dict[str, dict[Key, str]] = {}
    for key in seen.runs:
        stated, load = facts[key].request_rate if key in facts else None, loads.get(key[1])
        if stated:
            kinds.setdefault("open_loop", {})[key] = f"{stated:g} requests/s are stated"
        elif load is not None:
            kinds.setdefault(load.kind, {})[key] = _looks(load)
    for kind in ("closed_loop", "open_loop", "burst"):
        if kind in kinds:
            key, found = next(iter(kinds[kind].items()))
            yield _of_runs(seen, kind, list(kinds[kind]), f"{found} in run {key[1]}")


def _looks(load: Load) -> str:
    if load.kind == "closed_loop":
        return f"looks like a closed loop of about {load.peak} in flight"
    if load.kind == "burst":
        return f"{load.arrivals} requests arrive at once"
    rate = "unknown" if load.rate is None else f"about {load.rate:.3g} requests/s"
    return f"looks like an open loop, {rate}, up to {load.peak} in flight"


def _spans(seen: Evidence) -> Iterator[Finding]:
    spans = {
        key: seen.activity.spans[key[1]]
        for key in seen.runs
        if seen.activity.spans[key[1]].observed_ns is not None
    }
    if not spans:
        return
    lengths = [(span.observed_ns or 0) / 1e9 for span in spans.values()]
    found = f"runs last {min(lengths):.2f} to {max(lengths):.2f} s"
    if len(lengths) == 1:
        found = f"the run lasts {lengths[0]:.2f} s"
    unix = [
        (span.first or 0, span.last or 0)
        for key, span in spans.items()
        if set(seen.runs[key].labels["clock"]) == {"unix"}
    ]
    if unix:
        first, last = min(a for a, _ in unix), max(b for _, b in unix)
        found += f", from {_time_of_day(first)} to {_time_of_day(last)}"
    yield _of_runs(seen, "time_span", list(spans), found)


def _time_of_day(ns: int) -> str:
    try:
        return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{ns} ns"


def _notes(plans: Sequence[SourcePlan], skipped: Sequence[Skipped]) -> Iterator[Finding]:
    noted = {(plan.source.path, f.run): f.notes for plan in plans for f in plan.facts if f.notes}
    texts = dict.fromkeys(note for notes in noted.values() for note in notes)
    for text in texts:
        hit = [key for key, notes in noted.items() if text in notes]
        example = Example(source=hit[0][0], run=hit[0][1])
        sources = len({source for source, _ in hit})
        found = text.rstrip(". ")
        yield finding("source_note", sources, found, total=len(plans), example=example)
    if skipped:
        found = skipped[0].reason
        yield finding("skipped_file", len(skipped), found, example=Example(source=skipped[0].path))


def _remarks(seen: Evidence, plans: Sequence[SourcePlan]) -> Iterator[Finding]:
    """What was found of rows that were measured all the same."""
    for (source, run, text), count in seen.remarks.items():
        found, example = f"{count} {text}", Example(source=source, run=run)
        yield finding("source_note", 1, found, total=len(plans), example=example)


def _of_runs(
    seen: Evidence, name: str, hit: Sequence[Key], found: str, *, severity: str | None = None
) -> Finding:
    """A finding that counts runs; ``hit`` begins with the example, which may come again."""
    return finding(
        name,
        len(set(hit)),
        found,
        total=len(seen.runs),
        example=Example(source=hit[0][0], run=hit[0][1]),
        severity=severity,
    )
