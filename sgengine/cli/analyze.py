"""``sgengine analyze``: traces in, figures out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sgengine.cli.commands import Verb, option
from sgengine.cli.notices import notify
from sgengine.cli.options import Choices, inputs_argument, reading_options
from sgengine.cli.output import put_csv, put_json, style_options
from sgengine.cli.progress import progress_bar

if TYPE_CHECKING:
    from sgengine.analyze import Analysis


EXAMPLES = (
    "sgengine analyze data/*.parquet --goodput ttft:500 tpot:50",
    "sgengine analyze old=before.json new=after.json --speed 10 --json",
    "sgengine analyze traces/ --by system,hour --requests requests.parquet",
)


@click.command(cls=Verb, examples=EXAMPLES)
@inputs_argument
@reading_options
@option(
    "Output",
    "--requests",
    "requests_path",
    metavar="OUT.parquet",
    help="Write every per-request metric there, a row a request, whole or not at all.  "
    "[default: not written]",
)
@style_options
def analyze(inputs: tuple[str, ...], chosen: Choices, requests_path: str | None, style: str) -> int:
    """Smooth goodput, goodput and latencies of traces.

    INPUT is a file, a folder, a glob, or label=PATH, the label being the system. Formats are told by
    content: deliveries (Parquet, Arrow IPC, JSON Lines), vLLM's bench serve, AIPerf.

    Exit code: 0, or 1 if any row could not be measured, or 2 for a wrong call.
    """
    from sgengine.analyze import analyze as run

    settings = chosen.settings(every_column=requests_path is not None, gaps=False)
    with progress_bar() as progress:
        analysis = run(inputs, settings, requests_path=requests_path, progress=progress)
    _print(analysis, style)
    return notify(analysis)


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
    from sgengine.api import flat_group

    rows = [flat_group(group) for group in analysis.groups]
    names = list(dict.fromkeys(name for row in rows for name in row))
    put_csv(names, [[row.get(name) for name in names] for row in rows])
