"""``sgengine schema``: every table, view and macro with every column."""

from __future__ import annotations

import pytest

from sgengine.schema import TABLES
from sgengine.sql import load_catalog, signature
from tests.cli.support import document, good, refused, run

PUBLIC = [item for item in load_catalog() if item.public]


def test_the_text_names_every_table_view_macro_and_column():
    text = good("schema")
    assert text.isascii() or "µ" in text
    for table in TABLES:
        assert f"table {table.name}\n" in text
        assert table.grain in text
        for column in table.columns:
            assert any(
                line.startswith(f"{column.name} ") and column.doc in line
                for line in text.splitlines()
            )
    for item in PUBLIC:
        assert f"{item.kind} {signature(item)}\n" in text
        assert item.doc in text


def test_json_holds_types_units_and_null_rules():
    found = document("schema")
    tables = {entry["name"]: entry for entry in found if entry["kind"] == "table"}
    assert list(tables) == [table.name for table in TABLES]
    for table in TABLES:
        columns = tables[table.name]["columns"]
        assert [column["name"] for column in columns] == list(table.names)
        assert [column["null"] for column in columns] == [c.null for c in table.columns]
        assert all(column["type"] and column["doc"] for column in columns)
    others = [entry for entry in found if entry["kind"] != "table"]
    assert [entry["name"] for entry in others] == [item.name for item in PUBLIC]
    for entry, item in zip(others, PUBLIC, strict=True):
        assert [column["name"] for column in entry["columns"]] == [c.name for c in item.columns]
        assert [p["default"] for p in entry["parameters"]] == [p.default for p in item.params]
        assert ("returns" in entry) == (item.returns is not None)


@pytest.mark.parametrize("name", ["deliveries", "requests", "smooth_goodput", "idle_penalty"])
def test_one_by_name(name):
    found = document("schema", name)
    assert {entry["name"] for entry in found} == {name}
    assert good("schema", name).count("\n") > 4


def test_a_name_can_be_a_table_and_a_view():
    assert [entry["kind"] for entry in document("schema", "requests")] == ["table", "view"]


def test_an_unknown_name_lists_those_there_are():
    refused(run("schema", "tokens"), 2, "'tokens'", "deliveries", "stalls")
