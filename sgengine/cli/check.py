"""``sgengine check``: what is wrong with traces and stores, before anyone trusts a figure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from sgengine.cli.commands import Verb, option
from sgengine.cli.failures import say
from sgengine.cli.options import Reading, inputs_argument, source_options
from sgengine.cli.output import json_option, put_json
from sgengine.cli.progress import progress_bar

if TYPE_CHECKING:
    from sgengine.check import Checked, Finding

EXAMPLES = (
    "sgengine check data/*.parquet",
    "sgengine check traces/ --json",
    "sgengine check results",
)


@click.command(cls=Verb, examples=EXAMPLES)
@inputs_argument
@option(
    "Store",
    "--mend",
    is_flag=True,
    help="First set aside, in _sgengine/damaged of a store, newest log entries that are empty or cut "
    "and damaged checkpoints; the nights of such entries are to be measured again.  [default: change "
    "nothing]",
)
@source_options
@json_option
def check(inputs: tuple[str, ...], chosen: Reading, mend: bool, as_json: bool) -> int:
    """Check the quality of traces, and whether a results store is whole.

    Traces: clocks, units, buffering, chunks and tokens, duplicates, unfinished requests, load, and what
    the timing forbids. Stores: every log entry, and every byte of every live file. Each finding has its
    severity, its count, an example, and what to do.

    Exit code: 0, or 1 if any finding is an error, or 2 for a wrong call.
    """
    from sgengine.check import check as run
    from sgengine.check import mend as set_aside

    if mend:
        for aside in set_aside(inputs):
            say(f"set aside {aside.request} of {aside.source}")
    with progress_bar() as progress:
        checked = run(inputs, chosen.source_settings(), progress=progress)
    if as_json:
        put_json(document(checked))
    else:
        _print(checked)
    return 0 if checked.is_clean else 1


def document(checked: Checked) -> dict[str, Any]:
    """The JSON document: what was looked at, and the findings."""
    import sgengine

    return {
        "sgengine": sgengine.__version__,
        "sources": checked.sources,
        "runs": checked.runs,
        "rows": checked.rows,
        "requests": checked.requests,
        "findings": [asdict(finding) for finding in checked.findings],
    }


def _print(checked: Checked) -> None:
    from sgengine.cli.tables import Column, Page, texts

    page = Page()
    page.line(
        f"{_plural(checked.requests, 'request')} of {_plural(checked.rows, 'row')} in "
        f"{_plural(checked.runs, 'run')} of {_plural(checked.sources, 'source')}"
    )
    page.line()
    columns = [*texts("severity", "finding"), Column("count"), Column("share %"), *texts("of")]
    page.table([*columns, *texts("example", "what, and what to do")], map(_row, checked.findings))
    counts = Counter(finding.severity for finding in checked.findings)
    page.line()
    page.line(", ".join(_plural(counts[severity], severity) for severity in ("error", "warning")))
    page.write()


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _row(finding: Finding) -> list[str]:
    from sgengine.cli.cells import UNDEFINED, percent, whole

    example = finding.example
    parts = (example.source, example.run, example.request) if example else ()
    return [
        finding.severity,
        finding.name,
        whole(finding.count),
        percent(finding.share),
        finding.of,
        " ".join(part for part in parts if part) or UNDEFINED,
        finding.message,
    ]
