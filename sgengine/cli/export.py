"""``sgengine export``: a store's aggregates as files that other tools read."""

from __future__ import annotations

import click

from sgengine.cli.commands import Verb, option
from sgengine.cli.options import Work, work_options
from sgengine.cli.output import json_option, put, put_json
from sgengine.cli.selection import Selection, selection_options, store_argument

EXAMPLES = (
    "sgengine export results --to tables --since 2026-01-01",
    "sgengine export results --to results.duckdb --by night,system,tenant",
    "sgengine export results --to results.prom",
)

_OUTPUT = "Output"


@click.command(cls=Verb, examples=EXAMPLES)
@store_argument
@option(
    _OUTPUT,
    "--to",
    metavar="DIR|FILE",
    required=True,
    help="A folder for one file a table (parquet, csv, json), or the file to write.  [default: none, "
    "it is needed]",
)
@option(
    _OUTPUT,
    "--format",
    "kind",
    metavar="F",
    help="parquet, csv, json, duckdb (one file with all tables) or prometheus (text).  [default: "
    "duckdb or prometheus for a file named .duckdb or .prom, else parquet]",
)
@option(
    _OUTPUT,
    "--by",
    metavar="COL,COL",
    help="One more table, figures, grouped by these columns, as in analyze.  [default: none]",
)
@selection_options
@work_options
@json_option
def export(
    store: str,
    to: str,
    kind: str | None,
    by: str | None,
    nights: Selection,
    chosen: Work,
    as_json: bool,
) -> int:
    """Write the aggregates of a store for other tools.

    The tables nights, by_night, trend, slo_by_class and itl_percentiles of docs/sql.md; for Prometheus,
    histograms under the OpenTelemetry GenAI names and gauges of the newest night. Files appear whole
    or not at all.

    Exit code: 0, or 2 for a wrong call.
    """
    from sgengine.aggregate.spelling import resolve_by
    from sgengine.export import export as run
    from sgengine.store import Store

    files = run(
        Store.open(store).snapshot(),
        to,
        kind=kind,
        wanted=nights.wanted(),
        by=resolve_by(by) if by else (),
        settings=chosen.work_settings(),
    )
    if as_json:
        put_json({"files": [str(file) for file in files]})
    else:
        put("".join(f"{file}\n" for file in files))
    return 0
