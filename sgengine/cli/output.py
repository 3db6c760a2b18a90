"""Where a verb's result goes: stdout, as a table for people, strict JSON, or CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from functools import wraps
from typing import Any

import click

from sgengine.cli.commands import option

Function = Callable[..., Any]


def json_option(verb: Function) -> Function:
    """Give a verb ``--json`` alone."""
    text = "Print JSON.  [default: a table]"
    decorated: Function = option("Output", "--json", "as_json", is_flag=True, help=text)(verb)
    return decorated


def style_options(verb: Function) -> Function:
    """Give a verb ``--json`` and ``--csv``; it gets ``style``: table, json or csv."""

    @wraps(verb)
    def call(*, as_json: bool, as_csv: bool, **given: Any) -> Any:
        if as_json and as_csv:
            raise click.UsageError(
                "--json and --csv exclude each other.", click.get_current_context()
            )
        return verb(style="json" if as_json else "csv" if as_csv else "table", **given)

    text = "Print CSV, a line a row, NULL as nothing.  [default: a table]"
    return json_option(option("Output", "--csv", "as_csv", is_flag=True, help=text)(call))


def put(text: str) -> None:
    """Write ``text`` in UTF-8; half a character, as a file's name may hold, as its escape."""
    click.echo(text.encode("utf-8", "backslashreplace"), nl=False)


def put_json(document: object) -> None:
    """Write one strict JSON document: no NaN, UTF-8, a newline behind it."""
    put(json.dumps(plain(document), allow_nan=False, ensure_ascii=False, indent=2) + "\n")


def put_csv(names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a header and rows."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_field(plain(value)) for value in row] for row in rows)
    put(text.getvalue())


def _field(value: object) -> object:
    """A value of JSON as a CSV field: lists and objects as JSON, NULL as nothing."""
    if isinstance(value, dict | list | bool):
        return json.dumps(value, allow_nan=False, ensure_ascii=False)
    return value


def plain(value: object) -> object:
    """``value`` of what JSON has: times in ISO, NaN and infinities as null, the rest as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if type(value) in (list, tuple) and isinstance(value, Sequence):
        return [plain(part) for part in value]
    return str(value)
