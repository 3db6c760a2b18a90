"""``sgengine sample``: the sample traces, for someone who has the package alone."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from sgengine.cli.commands import Verb, option
from sgengine.cli.output import json_option, put, put_json
from sgengine.errors import UsageError

EXAMPLES = (
    "sgengine sample traces",
    "sgengine analyze traces --goodput ttft:500 tpot:50",
)


@click.command(cls=Verb, examples=EXAMPLES)
@click.argument("folder", metavar="DIR")
@option(
    "Output",
    "--force",
    is_flag=True,
    help="Write into a folder that holds files, over those of the same names.  [default: refuse]",
)
@json_option
def sample(folder: str, force: bool, as_json: bool) -> int:
    """Write the sample traces.

    They go into the folder DIR, made if needed. A seeded simulation makes them, the same each time;
    data/README.md of the project says what there is to find in them.
    """
    files = _written(Path(folder), force=force)
    if as_json:
        put_json({"files": [{"path": str(f), "bytes": f.stat().st_size} for f in files]})
    else:
        put("".join(f"{file} ({file.stat().st_size:,} bytes)\n" for file in files))
    return 0


def _written(folder: Path, *, force: bool) -> list[Path]:
    """The files, made beside their place first, so that none is ever there in part."""
    from sgengine.sample import write_sample

    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise UsageError(f"{folder} holds files: give a new or an empty folder, or --force")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".sample.", dir=folder) as aside:
            return [made.replace(folder / made.name) for made in write_sample(aside)]
    except OSError as error:
        raise UsageError(f"cannot write the sample to {folder}: {error.strerror}") from error
