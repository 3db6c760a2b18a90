"""``sgengine sql``: a query over the views of measured traces."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import click

from sgengine.cli.commands import Verb, option
from sgengine.cli.notices import notify
from sgengine.cli.options import Choices, inputs_argument, reading_options
from sgengine.cli.output import put_csv, put_json, style_options
from sgengine.cli.progress import progress_bar
from sgengine.cli.selection import STORE, Selection, one_store, selection_options
from sgengine.errors import UsageError

if TYPE_CHECKING:
    from sgengine.api import Answer


EXAMPLES = (
    'sgengine sql "SELECT * FROM stalls LIMIT 5" data/*.parquet',
    'sgengine sql "FROM smooth_goodput(speed := 10)" data/*.parquet --json',
    'sgengine sql "FROM slo_attainment" --goodput ttft:500 tpot:50 data/',
    'sgengine sql "FROM trend" results --since 2026-01-01 --csv',
)


@click.command(cls=Verb, examples=EXAMPLES)
@click.argument("query_text", metavar="QUERY")
@inputs_argument
@reading_options
@selection_options
@option(
    STORE,
    "--at",
    metavar="VERSION|TIME",
    help="The store as it was at a version, as in 12, or at a time, as in 2026-01-31T12:00Z.  "
    "[default: as it is]",
)
@style_options
def sql(
    query_text: str,
    inputs: tuple[str, ...],
    chosen: Choices,
    nights: Selection,
    at: str | None,
    style: str,
) -> int:
    """Answer one SQL query over traces, or over a store.

    Views: requests, by_system, by_workload, by_system_workload, by_hour, slo_attainment, stalls,
    gaps, itl_percentiles, runs, rejects, invariants; of a store also nights, by_night, trend and
    slo_by_class; macros for any reader and SLO. 'sgengine schema' shows them all. One INPUT may be a
    store: without options of their own reader, benefit and SLO are those of its newest night.

    Exit code: 0, or 1 if any row could not be measured, or 2 for a wrong call or query.
    """
    store = one_store(inputs)
    if store is not None:
        return _query_store(query_text, store, chosen, nights, at, style)
    nights.refuse()
    if at is not None:
        raise UsageError("--at is for a store, and the inputs are traces: leave it out")
    return _query_traces(query_text, inputs, chosen, style)


def _query_traces(query_text: str, inputs: tuple[str, ...], chosen: Choices, style: str) -> int:
    from sgengine.api import query

    settings = chosen.settings(every_column=True, gaps=True)
    with progress_bar() as progress:
        answer = query(query_text, inputs, settings, progress=progress)
    _print(answer, style)
    assert answer.analysis is not None
    return notify(answer.analysis)


def _query_store(
    query_text: str, root: str, chosen: Choices, nights: Selection, at: str | None, style: str
) -> int:
    from sgengine.api import query_store
    from sgengine.store import Store

    wanted = nights.wanted(system=chosen.system, workload=chosen.workload)
    answer = query_store(
        query_text,
        Store.open(root),
        lambda recorded: chosen.settings_over(recorded).summary,
        at=at,
        wanted=wanted,
    )
    _print(answer, style)
    return 0


def _print(answer: Answer, style: str) -> None:
    rows = answer.rows()
    if style == "json":
        put_json([dict(zip(answer.names, row, strict=True)) for row in rows])
    elif style == "csv":
        put_csv(answer.names, rows)
    else:
        _print_table(answer, rows)


def _print_table(answer: Answer, rows: list[tuple[object, ...]]) -> None:
    from sgengine.cli import cells
    from sgengine.cli.tables import Column, Page

    kinds = [
        {type(value) for value in column} <= {int, float, Decimal, type(None)}
        for column in zip(*rows, strict=True)
    ] or [False] * len(answer.names)
    columns = [Column(n, numbers=kind) for n, kind in zip(answer.names, kinds, strict=True)]
    page = Page()
    page.table(columns, [[cells.sql(value) for value in row] for row in rows])
    page.line(f"({len(rows)} row{'' if len(rows) == 1 else 's'})")
    page.write()
