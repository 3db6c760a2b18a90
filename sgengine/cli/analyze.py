"""``sgengine analyze``: traces in, figures out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sgengine.cli.commands import Verb, option
from sgengine.cli.failures import say
from sgengine.cli.notices import notify
from sgengine.cli.options import Choices, inputs_argument, reading_options
from sgengine.cli.output import put_csv, put_json, style_options
from sgengine.cli.progress import progress_bar
from sgengine.cli.selection import Selection, committing_options, one_store
from sgengine.errors import UsageError

if TYPE_CHECKING:
    from sgengine.analyze import Analysis


EXAMPLES = (
    "sgengine analyze data/*.parquet --goodput ttft:500 tpot:50",
    "sgengine analyze old=before.json new=after.json --speed 10 --json",
    "sgengine analyze traces/ --by system,hour --requests requests.parquet",
    "sgengine analyze run.json --store results --job bench",
    "sgengine analyze results --since 2026-01-01 --by night,system --speed 20",
)


@click.command(cls=Verb, examples=EXAMPLES)
@inputs_argument
@reading_options
@committing_options
@option(
    "Output",
    "--requests",
    "requests_path",
    metavar="OUT.parquet",
    help="Write every per-request metric there, a row a request, whole or not at all.  "
    "[default: not written]",
)
@option(
    "Output",
    "--store",
    "into",
    metavar="DIR",
    help="Commit every per-request metric to this results store, made if there is none; --job and --day "
    "say under which name and night.  [default: not committed]",
)
@style_options
def analyze(
    inputs: tuple[str, ...],
    chosen: Choices,
    nights: Selection,
    requests_path: str | None,
    into: str | None,
    style: str,
) -> int:
    """Smooth goodput, goodput and latencies of traces, or of the requests in a store.

    INPUT is a file, a folder, a glob, or label=PATH, the label being the system. Formats are told by
    content: deliveries and events (Parquet, Arrow IPC, JSON Lines), and what benchmark clients and
    telemetry write, all named at --format. One INPUT may be a store instead: nothing is measured again,
    and without options of their own reader, benefit and SLO are those of its newest night.

    Exit code: 0, or 1 if any row could not be measured, or 2 for a wrong call.
    """
    from sgengine.analyze import analyze as run

    store = one_store(inputs)
    if into is not None:
        return _record(inputs, chosen, nights, into, requests_path, style)
    if store is not None:
        return _analyze_store(store, chosen, nights, requests_path, style)
    nights.refuse()
    settings = chosen.settings(
        every_column=requests_path is not None, gaps=False, hashed=style == "json"
    )
    with progress_bar() as progress:
        analysis = run(inputs, settings, requests_path=requests_path, progress=progress)
    _print(analysis, style)
    return notify(analysis)


def _record(
    inputs: tuple[str, ...],
    chosen: Choices,
    nights: Selection,
    into: str,
    requests_path: str | None,
    style: str,
) -> int:
    from sgengine.record import record_inputs

    if requests_path is not None:
        raise UsageError("--store has what --requests has: give one of them")
    day = nights.unit()
    settings = chosen.settings(every_column=True, gaps=True)
    with progress_bar() as progress:
        recorded = record_inputs(inputs, settings, into, job=nights.job, day=day, progress=progress)
    _print(recorded.analysis, style)
    say(recorded.describe(into))
    return notify(recorded.analysis)


def _analyze_store(
    root: str, chosen: Choices, nights: Selection, requests_path: str | None, style: str
) -> int:
    from sgengine.analyze.stored import analyze_store, recorded_settings
    from sgengine.store import Store

    if requests_path is not None:
        raise UsageError(
            "--requests is for traces: the requests of a store are in its Parquet files"
        )
    snapshot = Store.open(root).snapshot()
    wanted = nights.wanted(system=chosen.system, workload=chosen.workload)
    settings = chosen.settings_over(recorded_settings(snapshot, wanted))
    with progress_bar("reading") as progress:
        analysis = analyze_store(snapshot, settings, wanted, progress=progress)
    _print(analysis, style)
    return 0


def _print(analysis: Analysis, style: str) -> None:
    if style == "json":
        from sgengine.cli.document import document

        put_json(document(analysis))
    elif style == "csv":
        _print_csv(analysis)
    else:
        from sgengine.cli.render import print_analysis

        print_analysis(analysis)


def _print_csv(analysis: Analysis) -> None:
    """A line a group, with the columns of ``Summary.table``."""
    from sgengine.aggregate import flat_group

    rows = [flat_group(group) for group in analysis.groups]
    names = list(dict.fromkeys(name for row in rows for name in row))
    put_csv(names, [[row.get(name) for name in names] for row in rows])
