"""``sgengine parity``: a client's own figures, recomputed by its own rules, and ours beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from sgengine.cli.cells import UNDEFINED
from sgengine.cli.commands import Verb, option
from sgengine.cli.failures import say
from sgengine.cli.options import inputs_argument
from sgengine.cli.output import json_option, put_json

if TYPE_CHECKING:
    from sgengine.cli.tables import Page
    from sgengine.parity import Parity, Row, RunParity

EXAMPLES = (
    "sgengine parity results/vllm.json",
    "sgengine parity results/ --json",
)

HEADLINES = (None, "mean", "p50", "p99")
"""Statistics that the table shows unless all are asked for."""

MOST_NOTES = 3


@click.command(cls=Verb, examples=EXAMPLES)
@inputs_argument
@option(
    "Output",
    "--all",
    "every",
    is_flag=True,
    help="Show every figure.  [default: mean, median and p99 of the main ones, and what differs]",
)
@json_option
def parity(inputs: tuple[str, ...], every: bool, as_json: bool) -> int:
    """Recompute a client's own figures by its own rules.

    INPUT is a result file of a benchmark client, a folder or a glob; summaries that a client writes
    beside its detail are found there. Each figure that a file states is shown with its recomputed
    value, ours, and why ours differs; what cannot be recomputed is counted with the reason.

    Exit code: 0, or 1 if a figure differs by more than its tolerance or a file is damaged, or 2 for a
    wrong call.
    """
    from sgengine.parity import parity as run

    found = run(inputs)
    if as_json:
        put_json(document(found))
    else:
        _print(found, every=every)
    _notify(found)
    return 0 if found.is_clean else 1


def document(found: Parity) -> dict[str, Any]:
    """The JSON document: every row of every run; an unbounded maximum is null with a lower bound."""
    import sgengine

    return {
        "sgengine": sgengine.__version__,
        "runs": [asdict(run) | {"counts": dict(run.counts)} for run in found.runs],
        "mismatches": found.mismatches,
        "skipped": [asdict(file) for file in found.skipped],
        "failures": [asdict(file) for file in found.failures],
    }


def _notify(found: Parity) -> None:
    for failure in found.failures:
        say(failure.reason)
    if found.skipped:
        names = ", ".join(file.path for file in found.skipped[:MOST_NOTES])
        count = len(found.skipped)
        said = f"{count} files state no run of their own" if count > 1 else "1 file states no run"
        more = f", and {count - MOST_NOTES} more" if count > MOST_NOTES else ""
        say(f"note: {said}: {names}{more}")


def _print(found: Parity, *, every: bool) -> None:
    from sgengine.cli.tables import Page

    page = Page()
    for run in found.runs:
        _run(page, run, every=every)
    page.line()
    page.line(_counts(_sum(run.counts for run in found.runs)))
    page.write()


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for verdict, count in each.items():
            total[verdict] = total.get(verdict, 0) + count
    return total


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


def _run(page: Page, run: RunParity, *, every: bool) -> None:
    """One run: its table, then what is not in it."""
    from sgengine.cli.tables import Column, texts
    from sgengine.parity import OPEN

    name = f" {run.run}" if run.run else ""
    page.heading(f"{run.source}{name}: {run.client}, {run.version}")
    if run.note:
        page.line(f"note: {run.note}")
    shown = [row for row in run.rows if row.verdict != OPEN and (every or _is_shown(row))]
    columns = [
        *texts("figure"),
        *(Column(title) for title in ("file", "recomputed", "off by", "ours")),
        *texts("verdict", "why ours differs"),
    ]
    if shown:
        page.table(columns, _lines(shown))
    closed = [row for row in run.rows if row.verdict == OPEN]
    if closed:
        page.table(
            [*texts("not recomputed"), Column("figures"), *texts("because")],
            [[row.figure, str(row.count), row.reason] for row in closed],
        )
    hidden = sum(row.count for row in run.rows) - len(shown) - sum(row.count for row in closed)
    rest = f"; {hidden} more with --all" if hidden else ""
    page.line(f"{_counts(run.counts)}{rest}")


def _is_shown(row: Row) -> bool:
    from sgengine.parity import MISMATCH

    return row.verdict == MISMATCH or (row.headline and row.statistic in HEADLINES)


def _lines(rows: Iterable[Row]) -> Iterable[list[str]]:
    """The cells; of rows in a row with the same reason, the first says it."""
    said = ""
    for row in rows:
        why = "" if row.why == said else row.why
        said = row.why
        yield [
            row.figure,
            _number(row.stated),
            _recomputed(row),
            UNDEFINED if row.difference is None else f"{row.difference:.1g}",
            _number(row.ours),
            row.verdict,
            why,
        ]


def _number(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.8g}"


def _recomputed(row: Row) -> str:
    """The value, or what is known of it."""
    if row.recomputed_max is None:
        return _number(row.recomputed)
    if math.isinf(row.recomputed_max):
        return f">= {_number(row.recomputed)}"
    return f"{_number(row.recomputed)}..{_number(row.recomputed_max)}"
