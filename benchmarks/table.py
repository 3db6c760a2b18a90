"""Results as Markdown: the budgets, every case, and the curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.budgets import Row, Verdict, median, verdicts
from benchmarks.curves import POINTS, VERBS, WARM, name_of
from benchmarks.machine import described

Results = Mapping[str, Any]


def page(found: Results) -> str:
    """All of it."""
    parts = [_head(found), *_budgets(verdicts(found["cases"])), *_curves(found["cases"])]
    return "\n".join([*parts, "### Every case", "", *_cases(found["cases"])])


def _head(found: Results) -> str:
    return (
        f"Size `{found['size']}`, {found['date']}: {described(found['machine'])}. Medians of "
        f"{found['repeats']} calls where no other number fits; the first call stands apart.\n"
    )


def _budgets(lines: Sequence[Verdict]) -> list[str]:
    measured = [line for line in lines if line.margin is not None]
    met = sum(line.is_met for line in measured)
    return [
        f"### Budgets: {met} of {len(measured)} met",
        "",
        "`ratio` is how many times better than the budget: 1 and more is met.",
        "",
        "| what | measured | budget | ratio | met |",
        "| --- | --- | --- | --- | --- |",
        *(_budget_line(line) for line in lines),
        "",
    ]


def _budget_line(line: Verdict) -> str:
    if line.margin is None:
        return f"| {line.what} | not measured: {line.missing} | {line.budget} | | |"
    met = "yes" if line.is_met else "**no**"
    return f"| {line.what} | {line.measured} | {line.budget} | {line.margin:.2f} | {met} |"


def _cases(rows: Sequence[Row]) -> list[str]:
    by_name = {row["name"]: row for row in rows}
    return [
        "| what | M/s | GB/s | median | extremes | first call | memory | compared |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_case_line(row, by_name) for row in rows if not row["missing"]),
    ]


def _case_line(row: Row, by_name: Mapping[str, Row]) -> str:
    own = median(row)
    name = f"{row['name']} ({row['note']})" if row["note"] else row["name"]
    speed = f"{row['nbytes'] / own / 1e9:.2f}" if row["nbytes"] else ""
    extremes = f"{min(row['seconds']) * 1e3:,.1f} to {max(row['seconds']) * 1e3:,.1f} ms"
    compared = ""
    if row["against"]:
        other = by_name[row["against"]]
        ratio = own / row["amount"] / (median(other) / other["amount"])
        compared = f"{ratio:.4g} x {row['against']}"
    rate = f"{row['amount'] / own / 1e6:,.4g} {row['unit']}" if row["unit"] else ""
    return (
        f"| {name} | {rate} | {speed} | "
        f"{own * 1e3:,.1f} ms | {extremes} | {row['first_s'] * 1e3:,.0f} ms | {_memory(row)} | "
        f"{compared} |"
    )


def _memory(row: Row) -> str:
    """What the case took beyond what was there, or the whole process where that is its own."""
    if row["added_mib"] is not None:
        return f"+{max(row['added_mib'], 0):,.0f} MiB"
    return "" if row["peak_mib"] is None else f"{row['peak_mib']:,.0f} MiB"


def _curves(rows: Sequence[Row]) -> list[str]:
    by_name = {row["name"]: row for row in rows if not row["missing"]}
    if name_of("analyze", POINTS[0]) not in by_name:
        return []
    lines = [
        "### Time and memory from 1e5 to 1e7 requests",
        "",
        f"Each point is a process of its own, which analyzed {WARM:,} requests before: imports and code.",
        "",
        "| requests | "
        + " | ".join(f"{verb} | a million | memory" for verb in VERBS.values())
        + " |",
        "| --- |" + " --- | --- | --- |" * len(VERBS),
    ]
    for requests in POINTS:
        cells = [_point(by_name, verb, requests) for verb in VERBS]
        lines.append(f"| {requests:,} | " + " | ".join(cells) + " |")
    statements = [_statement(by_name, verb) for verb in VERBS]
    return [*lines, "", *statements, "", "![the curves](results/curves.svg)", ""]


def _point(by_name: Mapping[str, Row], verb: str, requests: int) -> str:
    row = by_name[name_of(verb, requests)]
    seconds = median(row)
    return f"{seconds:,.2f} s | {seconds / requests * 1e6:.2f} s | {row['peak_mib']:,.0f} MiB"


def _statement(by_name: Mapping[str, Row], verb: str) -> str:
    points = [by_name[name_of(verb, n)] for n in POINTS]
    each = [median(row) / row["amount"] for row in points]
    peaks = [row["peak_mib"] for row in points]
    return (
        f"- {VERBS[verb]}: time a request, greatest / least, {max(each) / min(each):.2f}; memory at "
        f"{POINTS[-1]:,} requests / at {POINTS[0]:,}, {peaks[-1] / peaks[0]:.2f}."
    )
