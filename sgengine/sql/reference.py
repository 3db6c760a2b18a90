"""The reference of views, macros and functions that docs/sql.md shows, made from the headers."""

from __future__ import annotations

from sgengine.sql.catalog import SqlColumn, SqlObject, SqlParam, load_catalog

_TITLES = (("Views", "view"), ("Macros", "table macro"), ("Functions", "scalar macro"))


def signature(item: SqlObject) -> str:
    """How a macro is called, as ``name(a, b := default)``; a view's name."""
    if item.kind == "view":
        return item.name
    parts = (p.name if p.default is None else f"{p.name} := {p.default}" for p in item.params)
    return f"{item.name}({', '.join(parts)})"


def render_reference() -> str:
    """Markdown of every public object and of the columns that several share, for docs/sql.md."""
    catalog = load_catalog()
    public = [item for item in catalog if item.public]
    parts = []
    for title, kind in _TITLES:
        parts.append(f"## {title}")
        parts += [_section(item) for item in public if item.kind == kind]
    shared = [item for item in catalog if item.name in {p.shares for p in public}]
    parts += [
        f"## Columns of {_shared_title(item)}\n\n{_table(item.own_columns)}" for item in shared
    ]
    return "\n\n".join(parts) + "\n"


def _section(item: SqlObject) -> str:
    lines = [f"### `{signature(item)}`", item.doc]
    if item.grain:
        lines.append(f"Grain: {item.grain}.")
    if item.params:
        lines.append(_table(item.params))
    if item.own_columns:
        lines.append(_table(item.own_columns))
    if item.shares is not None:
        lines.append(f"Then the columns of {_shared_title(item)}, below.")
    if item.returns is not None:
        lines.append(f"Returns {item.returns.type}: {item.returns.doc}")
    return "\n\n".join(lines)


def _shared_title(item: SqlObject) -> str:
    return (item.shares or item.name).lstrip("_").replace("_", " ")


def _table(entries: tuple[SqlColumn, ...] | tuple[SqlParam, ...]) -> str:
    is_param = isinstance(entries[0], SqlParam)
    head = [f"| {'parameter' if is_param else 'column'} | type | meaning |", "| --- | --- | --- |"]
    body = [f"| `{e.name}` | `{e.type}` | {e.doc.replace('|', chr(92) + '|')} |" for e in entries]
    return "\n".join(head + body)
