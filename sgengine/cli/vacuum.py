"""``sgengine vacuum``: what a store no longer needs, removed."""

from __future__ import annotations

import click

from sgengine.cli.commands import Verb, option
from sgengine.cli.output import json_option, put, put_json
from sgengine.cli.selection import store_argument
from sgengine.objectives import parse_age

EXAMPLES = (
    "sgengine vacuum results --dry-run",
    "sgengine vacuum results --retention 90d",
    "sgengine vacuum s3://bucket/results --json",
)


@click.command(cls=Verb, examples=EXAMPLES)
@store_argument
@option(
    "Store",
    "--retention",
    metavar="AGE",
    default="30d",
    show_default=True,
    help="Files replaced, or staged and never committed, less than this ago stay: days, hours or "
    "minutes, as in 30d, 12h, 90min. Older versions of the store end there.",
)
@option(
    "Store",
    "--dry-run",
    is_flag=True,
    help="Remove nothing, and name what would go.  [default: remove it]",
)
@json_option
def vacuum(store: str, retention: str, dry_run: bool, as_json: bool) -> int:
    """Remove the files of a store that no version of the last days has.

    Those are files of nights that were replaced, files that a job left behind when it was killed, and
    side rows that belong to neither. A line for each of them, then how many there were.

    Exit code: 0, or 1 if the store is damaged, or 2 for a wrong call.
    """
    from sgengine.store import Store

    age = parse_age(retention, "retention")
    opened = Store.open(store)
    files = opened.vacuum(retention=age, dry_run=dry_run)
    if as_json:
        told = {"store": opened.root, "retention_s": age.total_seconds(), "dry_run": dry_run}
        put_json(told | {"files": files})
    else:
        what = "would be removed" if dry_run else "removed"
        lines = [*files, f"{len(files)} file{'' if len(files) == 1 else 's'} {what}"]
        put("".join(f"{line}\n" for line in lines))
    return 0
