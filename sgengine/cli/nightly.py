"""``sgengine nightly``: the nights that are due, measured and committed to a store."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from sgengine.cli.commands import Verb, option
from sgengine.cli.failures import explained, say
from sgengine.cli.output import json_option, plain, put, put_json
from sgengine.errors import SgengineError
from sgengine.objectives import parse_day, parse_duration_ns

if TYPE_CHECKING:
    from sgengine.nightly import Entry, Report


EXAMPLES = (
    "sgengine nightly --config sgengine.toml",
    "sgengine nightly --config sgengine.toml --day 2026-01-31",
    "sgengine nightly --config sgengine.toml --since 2026-01-01 --until 2026-01-31",
)

_DAYS, _WORK, _OUTPUT = "Nights", "Work", "Output"


@click.command(cls=Verb, examples=EXAMPLES)
@option(
    "Input",
    "--config",
    metavar="FILE.toml",
    default="sgengine.toml",
    show_default=True,
    help="The job: store, sources, objectives (docs/nightly.md).",
)
@option(
    "Input",
    "--store",
    metavar="DIR",
    help="Commit there instead.  [default: the store that the configuration names]",
)
@option(
    _DAYS,
    "--day",
    metavar="DAY",
    help="This night alone, as in 2026-01-31; clocks that tell no day are taken to be of it.  "
    "[default: the last nights, as many as the configuration says, else yesterday]",
)
@option(_DAYS, "--since", metavar="DAY", help="All nights from this one on.  [default: none]")
@option(_DAYS, "--until", metavar="DAY", help="The last of them.  [default: none]")
@option(
    _WORK,
    "--force",
    is_flag=True,
    help="Measure nights whose inputs did not change as well.  [default: they are skipped]",
)
@option(
    _WORK,
    "--wait",
    metavar="DURATION",
    default="3600s",
    show_default=True,
    help="How long to wait for another job on the same store, in ms or with a unit.",
)
@option(
    _OUTPUT,
    "--log",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The log on stderr: a line of text an entry, or a JSON object.",
)
@json_option
def nightly(
    config: str,
    store: str | None,
    day: str | None,
    since: str | None,
    until: str | None,
    force: bool,
    wait: str,
    log: str,
    as_json: bool,
) -> int:
    """Measure the nights that are due and commit each to a store, once.

    A night is a day of the job's zone, its requests those that arrive in it. Nights whose inputs did
    not change are skipped; others replace what was committed of them. The last line says what became
    of them.

    Exit code: 0, or 1 if a night failed or has rows that could not be measured, or 2 for a wrong call
    or configuration.
    """
    from sgengine.api.nightly import nightly as run
    from sgengine.nightly import due, load_job

    tell = _tell_json if log == "json" else _tell
    try:
        job = load_job(config, store)
        named = {"day": day, "since": since, "until": until}
        days = {name: parse_day(text, name) for name, text in named.items() if text is not None}
        nights = due(job, days.get("day"), days.get("since"), days.get("until"))
        wait_s = parse_duration_ns(wait, "wait") / 1e9
        report = run(job, nights, tell, wait_s=wait_s, is_forced=force)
    except (SgengineError, OSError) as error:
        if log == "text":
            raise
        said, code = explained(error)
        _line("error", "failed", said, {})
        return code
    _print(report, as_json)
    return report.exit_code


def _print(report: Report, as_json: bool) -> None:
    if as_json:
        put_json(report.document())
    else:
        put(f"{report.closing()}\n")


def _tell(entry: Entry) -> None:
    say(entry.text if entry.level == "info" else f"{entry.level}: {entry.text}")


def _tell_json(entry: Entry) -> None:
    _line(entry.level, entry.event, entry.text, dict(entry.fields))


def _line(level: str, event: str, text: str, fields: dict[str, Any]) -> None:
    """One entry as one line of JSON on stderr."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    entry = {"time": now, "level": level, "event": event, "text": text} | fields
    click.echo(json.dumps(plain(entry), allow_nan=False, ensure_ascii=False), err=True)
