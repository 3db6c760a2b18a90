"""``sgengine schema``: the tables, views and macros, with their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sgengine.cli.commands import Verb
from sgengine.cli.output import json_option, put_json
from sgengine.errors import UsageError

if TYPE_CHECKING:
    from sgengine.cli.tables import Page
    from sgengine.schema import TableSpec
    from sgengine.sql import SqlColumn, SqlObject, SqlParam

Entry = dict[str, Any]


EXAMPLES = (
    "sgengine schema",
    "sgengine schema deliveries",
    "sgengine schema smooth_goodput --json",
)


@click.command(cls=Verb, examples=EXAMPLES)
@click.argument("name", required=False, metavar="[NAME]")
@json_option
def schema(name: str | None, as_json: bool) -> int:
    """Show tables, SQL views and macros.

    Each with its columns, types and units, and when a value is NULL. NAME is one of them, else all
    are shown.
    """
    entries = _chosen(_entries(), name)
    if as_json:
        put_json(entries)
    else:
        _print(entries)
    return 0


def _entries() -> list[Entry]:
    """Every table, then every public view and macro, as ``--json`` prints them."""
    from sgengine.schema import TABLES
    from sgengine.sql import load_catalog

    tables = [_of_table(table) for table in TABLES]
    return tables + [_of_sql(item) for item in load_catalog() if item.public]


def _chosen(entries: list[Entry], name: str | None) -> list[Entry]:
    chosen = [entry for entry in entries if name in (None, entry["name"])]
    if not chosen:
        known = ", ".join(dict.fromkeys(entry["name"] for entry in entries))
        raise UsageError(f"no table, view or macro is named '{name}': give one of {known}")
    return chosen


def _of_table(table: TableSpec) -> Entry:
    return {
        "kind": "table",
        "name": table.name,
        "doc": "",
        "grain": table.grain,
        "key": list(table.key),
        "columns": [
            {
                "name": column.name,
                "type": _arrow_type(column.type),
                "unit": column.unit or None,
                "null": column.null,
                "doc": column.doc,
            }
            for column in table.columns
        ],
    }


def _arrow_type(kind: Any) -> str:
    """An Arrow type without the names that its parts have by convention."""
    text = str(kind).replace("item: ", "").replace(" not null", "")
    return "dictionary of string" if text.startswith("dictionary") else text


def _of_sql(item: SqlObject) -> Entry:
    from sgengine.sql import signature

    returns = {"returns": _of_column(item.returns)} if item.returns else {}
    return {
        "kind": item.kind,
        "name": item.name,
        "call": signature(item),
        "doc": item.doc,
        "grain": item.grain or None,
        "parameters": [_of_column(p) | {"default": p.default} for p in item.params],
        "columns": [_of_column(column) for column in item.columns],
        **returns,
    }


def _of_column(column: SqlColumn | SqlParam) -> Entry:
    return {"name": column.name, "type": column.type, "doc": column.doc}


def _print(entries: list[Entry]) -> None:
    from sgengine.cli.tables import Page

    page = Page()
    for entry in entries:
        _print_entry(page, entry)
    page.write()


def _print_entry(page: Page, entry: Entry) -> None:
    page.heading(f"{entry['kind']} {entry.get('call', entry['name'])}")
    if entry["doc"]:
        page.line(entry["doc"])
    if entry["grain"]:
        page.line(f"grain: {entry['grain']}")
    if "key" in entry:
        page.line(f"key: {', '.join(entry['key'])}")
    if "returns" in entry:
        page.line(f"returns {entry['returns']['type']}: {entry['returns']['doc']}")
    _print_columns(page, "parameter", entry.get("parameters", []))
    _print_columns(page, "column", entry["columns"])


def _print_columns(page: Page, title: str, columns: list[Entry]) -> None:
    if not columns:
        return
    from sgengine.cli.tables import texts

    page.line()
    extra = [name for name in ("default", "unit", "null") if name in columns[0]]
    names = ["name", "type", *extra, "doc"]
    titles = [title, "type", *["NULL if" if name == "null" else name for name in extra], "meaning"]
    page.table(texts(*titles), [[str(column[n] or "") for n in names] for column in columns])
