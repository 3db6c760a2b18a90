"""Findings about clocks, units and the order of arrivals."""

from __future__ import annotations

from collections.abc import Iterator

from sgengine.check.evidence import Evidence, RunEvidence
from sgengine.check.findings import Example, Finding, finding
from sgengine.objectives import format_duration

Key = tuple[str, str]

MICROSECOND, SECOND = 1_000, 10**9
LONGEST_GAP = 60 * SECOND
LONGEST_TTFT = 3600 * SECOND
EPOCH_FROM, EPOCH_TO = 946_684_800 * SECOND, 4_102_444_800 * SECOND
"""2000-01-01 and 2100-01-01."""

DENSE_FROM = 10
FEW_STEPS = 0.01


def times_judged(seen: Evidence) -> Iterator[Finding]:
    """All findings of this kind."""
    yield from _clocks(seen)
    yield from _epochs(seen)
    yield from _dense(seen)
    yield from _units(seen)
    yield from _order(seen)


def _clocks(seen: Evidence) -> Iterator[Finding]:
    clocks = {key: sorted(run.labels["clock"]) for key, run in seen.runs.items()}
    origins = {key: sorted(run.labels["origin"]) for key, run in seen.runs.items()}
    hits = {
        "mixed_clocks": {key: names for key, names in clocks.items() if len(names) > 1},
        "mixed_origins": {key: names for key, names in origins.items() if len(names) > 1},
        "monotonic_clock": {key: names for key, names in clocks.items() if names == ["monotonic"]},
    }
    for name, hit in hits.items():
        if hit:
            key, names = next(iter(hit.items()))
            found = f"{' and '.join(names)} in run {key[1]}"
            yield _of_runs(seen, name, list(hit), found)


def _epochs(seen: Evidence) -> Iterator[Finding]:
    hit = []
    for key, run in seen.runs.items():
        first = seen.activity.spans[key[1]].first
        if first is None or set(run.labels["clock"]) != {"unix"}:
            continue
        if not EPOCH_FROM <= first < EPOCH_TO:
            hit.append(key)
    if hit:
        first = seen.activity.spans[hit[0][1]].first
        yield _of_runs(seen, "epoch_unlikely", hit, f"the first arrival is {first} ns since 1970")


def _dense(seen: Evidence) -> Iterator[Finding]:
    """Arrivals less than 1 us apart; all at one moment is a burst, not a unit."""
    hit = []
    for key, run in seen.runs.items():
        first, last = seen.activity.spans[key[1]].first, run.last_arrival_ns
        arrivals = run.counts["rows"] - run.counts["no_arrivals"]
        if first is None or last is None or arrivals < DENSE_FROM:
            continue
        if 0 < last - first < MICROSECOND * (arrivals - 1):
            hit.append((key, arrivals, last - first))
    if hit:
        _, arrivals, span = hit[0]
        found = f"{arrivals} requests arrive within {format_duration(span)}"
        yield _of_runs(seen, "arrivals_too_dense", [key for key, _, _ in hit], found)


def _units(seen: Evidence) -> Iterator[Finding]:
    """Times of a source that no server has: gaps first, times to first token where there are none."""
    small: dict[str, str] = {}
    large: dict[str, str] = {}
    for source in dict.fromkeys(source for source, _ in seen.runs):
        gap = seen.gaps[source].median(least=1) if source in seen.gaps else None
        ttft = _median_ttft(seen, source)
        told = {"gap": (gap, LONGEST_GAP), "time to first token": (ttft, LONGEST_TTFT)}
        for what, (median, most) in told.items():
            if median is not None and median > most:
                large.setdefault(source, f"the median {what} is {_about(median)}")
        what, lowest = ("gap", gap) if gap is not None else ("time to first token", ttft)
        if lowest is not None and lowest < MICROSECOND:
            small[source] = f"the median {what} is {_about(lowest)}"
    total = len({source for source, _ in seen.runs})
    for name, hit in (("times_too_small", small), ("times_too_large", large)):
        if hit:
            source, found = next(iter(hit.items()))
            yield finding(name, len(hit), found, total=total, example=Example(source=source))


def _median_ttft(seen: Evidence, source: str) -> float | None:
    medians = [
        median
        for (path, _), run in seen.runs.items()
        if path == source and (median := run.ttft.median(least=1)) is not None
    ]
    return sorted(medians)[len(medians) // 2] if medians else None


def _about(ns: float) -> str:
    return f"{ns / SECOND:.3g} s" if ns >= SECOND else f"{ns:.3g} ns"


def _order(seen: Evidence) -> Iterator[Finding]:
    """Few steps back by more than the longest request are a clock's, others are the file's order."""
    stepped: dict[Key, int] = {}
    mixed: dict[Key, RunEvidence] = {}
    for key, run in seen.runs.items():
        wide = sum(step > run.longest_ns for step in run.steps_back)
        if 0 < wide < FEW_STEPS * run.counts["rows"]:
            stepped[key] = wide
        elif run.counts["backwards"]:
            mixed[key] = run
    total = sum(run.counts["rows"] for run in seen.runs.values())
    if stepped:
        key = next(iter(stepped))
        widest = format_duration(seen.runs[key].steps_back[0])
        found = f"arrivals step back by up to {widest}, more than the longest request takes"
        example = Example(source=key[0], run=key[1])
        yield finding("clock_steps", sum(stepped.values()), found, total=total, example=example)
    if mixed:
        key = next(iter(mixed))
        count = sum(run.counts["backwards"] for run in mixed.values())
        example = Example(source=key[0], run=key[1])
        yield finding(
            "out_of_order",
            count,
            "rows arrive before the row in front",
            total=total,
            example=example,
        )


def _of_runs(seen: Evidence, name: str, hit: list[Key], found: str) -> Finding:
    example = Example(source=hit[0][0], run=hit[0][1])
    return finding(name, len(hit), found, total=len(seen.runs), example=example)
