"""The typed headers are true: DuckDB's own DESCRIBE, the parameter lists and docs/sql.md agree."""

from __future__ import annotations

import re
from importlib.resources import files

import pyarrow as pa
import pytest

from sgengine.schema import CLASSES, GAPS, NIGHTS, REJECTS, REQUESTS, RUNS
from sgengine.sql import BASES, ORDER, load_catalog, render_reference, signature
from sgengine.sql.catalog import parse_object
from sgengine.views import SETTINGS
from tests.sql.support import delivery, measured, rows_of, views

CATALOG = {item.name: item for item in load_catalog()}
TABLES = {"measured_settings": SETTINGS} | {
    f"measured_{spec.name}": spec for spec in (REQUESTS, GAPS, REJECTS, RUNS, NIGHTS, CLASSES)
}
COMMENT = re.compile(r"--[^\n]*")
BEGIN, END = "<!-- generated: reference -->", "<!-- end of generated -->"


def code(item):
    """Return the statement of an object without comments."""
    return COMMENT.sub("", item.sql)


def used(item):
    """Return the catalog objects and base tables that an object names itself."""
    text = code(item)
    called = set(re.findall(r"(\w+)\(", text)) | set(re.findall(r"(?:FROM|JOIN)\s+(\w+)", text))
    read = set(re.findall(r"\bmeasured_\w+", text))
    return (called - {item.name}) & CATALOG.keys() | read & set(BASES)


def reached(item):
    """Return everything that an object names, also through others."""
    found, todo = set(), [item]
    while todo:
        new = used(todo.pop()) - found
        found |= new
        todo += [CATALOG[name] for name in new if name in CATALOG]
    return found


@pytest.fixture(scope="module")
def con():
    return views([])


def test_order_names_every_file_once():
    shipped = {
        f.name.removesuffix(".sql")
        for f in files("sgengine.sql").iterdir()
        if f.name.endswith(".sql")
    }
    assert sorted(ORDER) == sorted(shipped)
    assert [item.name for item in load_catalog()] == list(ORDER)
    assert [item.order for item in load_catalog()] == list(range(len(ORDER)))


@pytest.mark.parametrize("item", load_catalog(), ids=lambda item: item.name)
def test_an_object_comes_after_those_it_uses(item):
    assert all(CATALOG[name].order < item.order for name in used(item) - set(BASES))


@pytest.mark.parametrize("item", load_catalog(), ids=lambda item: item.name)
def test_a_file_creates_what_its_header_says(item):
    word = "VIEW" if item.kind == "view" else "MACRO"
    (created,) = re.findall(r"CREATE OR REPLACE (\w+) (\w+)", code(item))
    assert created == (word, item.name)
    assert (" AS TABLE" in code(item)) == (item.kind == "table macro")
    assert item.sql.rstrip().endswith(";")
    assert (item.returns is not None) == (item.kind == "scalar macro")
    assert bool(item.grain) == (item.kind != "scalar macro")
    assert max(len(line) for line in code(item).splitlines()) <= 100


@pytest.mark.parametrize("item", load_catalog(), ids=lambda item: item.name)
def test_parameters_are_those_of_the_header_with_their_defaults(item):
    if item.kind == "view":
        assert not item.params
        return
    (listed,) = re.findall(rf"MACRO {item.name}\((.*?)\) AS", code(item), re.DOTALL)
    found = [re.sub(r"\s+", " ", part.strip()) for part in listed.split(",") if part.strip()]
    said = [p.name if p.default is None else f"{p.name} := {p.default}" for p in item.params]
    assert found == said


@pytest.mark.parametrize(
    "item", [i for i in load_catalog() if i.kind != "scalar macro"], ids=lambda item: item.name
)
def test_describe_equals_the_header(con, item):
    values = {"chosen": "(SELECT m FROM measured_settings AS m)", "DOUBLE": "5", "BOOLEAN": "true"}
    given = [values.get(p.name) or values[p.type] for p in item.params if p.default is None]
    call = item.name if item.kind == "view" else f"{item.name}({', '.join(given)})"
    described = rows_of(con, f"DESCRIBE FROM {call}")
    assert [(row["column_name"], row["column_type"]) for row in described] == [
        (column.name, column.type) for column in item.columns
    ]


def test_base_tables_are_all_there_and_nothing_else_is_read(con):
    shown = {row["name"] for row in rows_of(con, "SHOW TABLES")}
    assert set(BASES) == TABLES.keys()
    assert set(BASES) <= shown
    named = set(re.findall(r"\bmeasured_\w+", " ".join(code(item) for item in load_catalog())))
    assert named - {"measured_idle_ns"} == set(BASES)


def test_no_parameter_is_named_like_a_column_it_could_shadow():
    columns = {name for item in load_catalog() for name in (c.name for c in item.columns)}
    columns |= {name for base in BASES[:4] for name in TABLES[base].names}
    for item in load_catalog():
        params = {p.name for p in item.params}
        if item.kind == "table macro" or reached(item) & TABLES.keys():
            assert not params & columns, item.name
        if "measured_settings" in used(item):  # its columns are named like public parameters
            assert not params & set(SETTINGS.names), item.name


def test_dimensions_named_like_parameters_and_aliases_change_nothing():
    """Columns are qualified throughout, so even a source's own column cannot take a parameter's place."""
    names = {p.name for item in load_catalog() for p in item.params} | set("bcefgkmprstwv")
    names |= {column.name for item in load_catalog() for column in item.columns}
    rows = measured([delivery(chunk_times_ns=[300_000_000, 900_000_000])])
    odd = {name: pa.array(["odd"]) for name in sorted(names - set(REQUESTS.names))}
    plain, filled = views(rows), views(rows, dimensions=odd)
    views_and_macros = (
        "scored(5, max_ttft_ms := 10)",
        "smooth_goodput(5, 2.5)",
        "goodput(500, 50)",
    )
    for call in (*views_and_macros, "by_system", "by_hour", "slo_attainment", "stalls"):
        assert rows_of(plain, f"FROM {call}") == rows_of(filled, f"FROM {call}")


@pytest.mark.parametrize("item", load_catalog(), ids=lambda item: item.name)
def test_everything_is_documented(item):
    entries = [*item.columns, *item.params, *([item.returns] if item.returns else [])]
    docs = [item.doc, *(entry.doc for entry in entries)]
    assert all(doc.endswith(".") for doc in docs)
    assert len({column.name for column in item.columns}) == len(item.columns)


def test_a_public_view_selects_its_columns_by_name():
    starred = [item.name for item in load_catalog() if item.public and ".*" in code(item)]
    assert starred == ["requests"]  # carries the dimensions of the source, whatever they are


def test_keywords_are_upper_case():
    lower = re.compile(
        r"\b(select|from|where|group by|order by|case|when|then|else|end|as|join|on|and)\b"
    )
    for item in load_catalog():
        assert not lower.findall(re.sub(r"'[^']*'", "", code(item))), item.name


@pytest.mark.parametrize(
    "sql",
    [
        "-- view: v\nSELECT 1",
        "-- view: v\n-- doc: x\n-- column: a\nSELECT 1",
        "-- view: v\n-- doc: x\n-- colour: red\nSELECT 1",
        "-- view: v\n-- no entry\nSELECT 1",
        "-- view: v\n-- doc: x\n-- column: a INT = 3  a default.\nSELECT 1",
    ],
)
def test_a_wrong_header_is_refused(sql):
    with pytest.raises(ValueError, match=r"header|doc|default"):
        parse_object(sql, 0, {})


def test_signature_shows_the_defaults():
    assert signature(CATALOG["speed_pace_ns"]) == "speed_pace_ns(speed)"
    assert signature(CATALOG["by_hour"]) == "by_hour"
    assert "penalty := 'linear'" in signature(CATALOG["scored"])


def test_docs_hold_the_reference(repo):
    page = (repo / "docs" / "sql.md").read_text(encoding="utf-8")
    generated = page.partition(BEGIN)[2].partition(END)[0]
    assert generated.strip() == render_reference().strip(), (
        "docs/sql.md is not what the headers say: put render_reference() between its markers"
    )


def test_reference_names_every_public_object():
    reference = render_reference()
    for item in load_catalog():
        assert (f"### `{signature(item)}`" in reference) == item.public


def test_examples_of_the_docs_run(repo, con):
    page = (repo / "docs" / "sql.md").read_text(encoding="utf-8")
    examples = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    assert len(examples) >= 5
    for example in examples:
        rows_of(con, example)
