"""The entry point: ``sgengine VERB ...``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NoReturn

import click

import sgengine
from sgengine.cli.analyze import analyze
from sgengine.cli.audit import audit
from sgengine.cli.capacity import capacity
from sgengine.cli.check import check
from sgengine.cli.commands import Verbs, end_on_signals, open_streams
from sgengine.cli.export import export
from sgengine.cli.gate import gate
from sgengine.cli.nightly import nightly
from sgengine.cli.parity import parity
from sgengine.cli.sample import sample
from sgengine.cli.schema import schema
from sgengine.cli.simulate import simulate
from sgengine.cli.sql import sql
from sgengine.cli.vacuum import vacuum

EXAMPLES = (
    "sgengine sample traces",
    "sgengine analyze traces --goodput ttft:500 tpot:50",
    'sgengine sql "SELECT * FROM stalls LIMIT 5" traces',
)


@click.group(
    cls=Verbs,
    examples=EXAMPLES,
    epilog="Exit codes: 0 done, 1 data that cannot be measured, 2 a wrong call.",
)
@click.version_option(sgengine.__version__, package_name="sgengine", prog_name="sgengine")
def cli() -> None:
    """How an LLM serving system felt to its users, from its token-delivery traces."""


for verb in (
    analyze,
    audit,
    capacity,
    check,
    export,
    gate,
    nightly,
    parity,
    sql,
    schema,
    sample,
    simulate,
    vacuum,
):
    cli.add_command(verb)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Nothing here multiplies matrices, and NumPy would start OpenBLAS with a thread for every core: 0.1 s.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    open_streams()
    end_on_signals()
    cli.main(args=arguments, prog_name="sgengine")


if __name__ == "__main__":
    main()
