"""Findings that count rows: what breaks rules, tokens and chunks, statuses, what timing forbids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sgengine.check.evidence import Evidence, RunEvidence
from sgengine.check.findings import Example, Finding, finding
from sgengine.check.kinds import INFO, WARNING
from sgengine.schema import RULE_BY_NAME

Key = tuple[str, str]

HALF = 0.5
SURVIVORS = 0.01
"""Share of unfinished requests from which the others say too little of all."""

CHUNKS_PER_TOKEN = 0.8


def rows_judged(seen: Evidence) -> Iterator[Finding]:
    """All findings of this kind."""
    yield from _rules(seen)
    yield from _shares(seen)
    yield from _any(seen)
    yield from _unfinished(seen)
    yield from _chunks(seen)


def _rules(seen: Evidence) -> Iterator[Finding]:
    """Rows that were left out, a finding a rule."""
    by_rule: Counter[str] = Counter()
    for (_, _, rule), count in seen.rejects.items():
        by_rule[rule] += count
    total = sum(by_rule.values()) + seen.rows
    for rule in [name for name in RULE_BY_NAME if name in by_rule]:
        source, run, place, detail = seen.places[rule]
        example = Example(source=source, run=run, request=place)
        yield finding(rule, by_rule[rule], f"{place}: {detail}", total=total, example=example)


def _shares(seen: Evidence) -> Iterator[Finding]:
    """What is a finding where it holds of half of a run."""
    told = {
        "zero_ttft": ("has_ttft", "of the first tokens come at the arrival itself"),
        "buffered": ("several", "of the answers of several tokens come all at once"),
    }
    for name, (of, words) in told.items():
        hit = {key: run for key, run in seen.runs.items() if run.share(name, of) >= HALF}
        if hit:
            worst = max(hit, key=lambda key, name=name, of=of: seen.runs[key].share(name, of))  # type: ignore[misc] # a lambda's defaults have no types
            share = seen.runs[worst].share(name, of)
            found = f"{_of_runs(hit)}{100 * share:.0f} % {words}"
            yield _counted(seen, name, hit, found, of=of)


def _any(seen: Evidence) -> Iterator[Finding]:
    """What is a finding where it holds of any row."""
    told = {
        "end_before_last_chunk": ("rows", "the request's end is before its last chunk"),
        "token_deficit": ("rows", "more output tokens declared than the chunks account for"),
        "token_surplus": ("rows", "fewer output tokens declared than the chunks account for"),
        "ok_without_output": ("rows", "status ok, and no token"),
        "timing_none": ("output", "no times"),
        "timing_mean": ("output", "first token and mean gap alone are known"),
        "timing_first_last": ("output", "first and last token's times alone are known"),
        "timing_split": ("output", "gaps are spread over the tokens of a chunk"),
        "no_arrivals": ("rows", "no arrival time"),
    }
    for name, (of, words) in told.items():
        hit = {key: run for key, run in seen.runs.items() if run.counts[name]}
        if hit:
            yield _counted(seen, name, hit, words, of=of)


def _unfinished(seen: Evidence) -> Iterator[Finding]:
    hit = {key: run for key, run in seen.runs.items() if run.counts["unfinished"]}
    if not hit:
        return
    worst = max(hit, key=lambda key: hit[key].share("unfinished", "rows"))
    share = hit[worst].share("unfinished", "rows")
    statuses: Counter[str] = Counter()
    for run in hit.values():
        statuses.update(run.labels["status"])
    named = ", ".join(f"{n} {status}" for status, n in statuses.most_common() if status != "ok")
    where = f"{100 * share:.1f} % of run {worst[1]}" + (" at worst" if len(hit) > 1 else "")
    severity = WARNING if share > SURVIVORS else INFO
    found = f"{named}; {where}"
    ordered = {worst: hit[worst]} | hit
    yield _counted(seen, "unfinished", ordered, found, of="rows", severity=severity)


def _chunks(seen: Evidence) -> Iterator[Finding]:
    """Runs with fewer than 0.8 chunks a token."""
    ratios = {
        key: run.share("chunks", "tokens") for key, run in seen.runs.items() if run.counts["tokens"]
    }
    low = {key: ratio for key, ratio in ratios.items() if ratio < CHUNKS_PER_TOKEN}
    if low:
        worst = min(low, key=lambda key: low[key])
        found = f"{low[worst]:.2f} chunks a token in run {worst[1]}"
        example = Example(source=worst[0], run=worst[1])
        yield finding("chunks_per_token", len(low), found, total=len(seen.runs), example=example)


def _of_runs(hit: dict[Key, RunEvidence]) -> str:
    return f"in {len(hit)} runs up to " if len(hit) > 1 else ""


def _counted(
    seen: Evidence,
    name: str,
    hit: dict[Key, RunEvidence],
    found: str,
    *,
    of: str,
    severity: str | None = None,
) -> Finding:
    """A finding that counts the rows of all runs; its example is of the first of ``hit``."""
    first = next(iter(hit))
    example = Example(source=first[0], run=first[1], request=hit[first].examples.get(name))
    return finding(
        name,
        sum(run.counts[name] for run in hit.values()),
        found,
        total=sum(run.counts[of] for run in seen.runs.values()),
        example=example,
        severity=severity,
    )
