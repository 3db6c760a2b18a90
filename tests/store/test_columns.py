"""Dimensions that come, go and change their type: nothing lost, nothing refused, every reader agrees."""

from __future__ import annotations

import datetime as dt
import decimal
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import DataError
from sgengine.schema import REQUESTS, TABLES
from sgengine.store import STORE_TABLES, Night, Store
from sgengine.store.columns import (
    Shaper,
    delta_schema,
    dimension_names,
    file_schema,
    plain_values,
    schema_id,
)
from sgengine.store.entries import add_columns
from sgengine.store.place import Folder
from tests.store import actors, rows
from tests.store.rows import Told, day

FIRST = Told(revision=1)


def commit(root: Path, number: int, *batches: pa.RecordBatch) -> None:
    """Commit ``batches`` as the night of a day."""
    store = Store.create(root)
    with store.stage(store.begin([Night("nightly", day(number))])) as staging:
        for batch in batches:
            staging.write(batch, day=day(number))
        store.commit(staging, actors.FACTS)


def with_column(values: pa.Array, name: str = "tenant") -> pa.RecordBatch:
    """As many requests as values, with the values as a dimension."""
    return rows.requests(replace(FIRST, rows=len(values))).append_column(name, values)


def column(root: Path, name: str, number: int = 0) -> list[Any]:
    """The values of a column on a day, by Polars over the Delta table, in order of requests."""
    frame = pl.scan_delta(str(root / "requests")).filter(pl.col("day") == day(number))
    return frame.sort("arrival_ns").select(name).collect()[name].to_list()


def delta_columns(root: Path) -> dict[str, str]:
    """The Delta types of the columns that are no part of REQUESTS."""
    fields = DeltaTable(root / "requests").schema().fields
    known = {*REQUESTS.names, "commit_id", "job", "day"}
    return {field.name: field.type.type for field in fields if field.name not in known}


# ---- dimensions come and go ------------------------------------------------------------------


def test_a_dimension_added_later_is_null_before(folder):
    commit(folder / "s", 0, rows.requests(FIRST))
    commit(folder / "s", 1, rows.requests(FIRST, tenant="t"))
    commit(folder / "s", 2, rows.requests(FIRST, model="m"))
    for name, told in (("tenant", [None, "t", None]), ("model", [None, None, "m"])):
        for number in range(3):
            assert column(folder / "s", name, number) == [told[number]] * FIRST.requests
    snapshot = Store.open(folder / "s").snapshot()
    assert snapshot.columns.names[-2:] == ["tenant", "model"]
    assert len(snapshot.groups("requests")) == 3
    for group, files in snapshot.groups("requests").items():
        for file in files:
            found = pq.read_schema(f"{snapshot.root}/{file.path}")
            assert found.names == snapshot.schemas[group].names
            assert file.path.rpartition("/")[2].startswith(f"s{group}-")


def test_one_commit_may_have_several_dimensions(folder):
    batches = [rows.requests(FIRST, **names) for names in ({}, {"a": "1"}, {"b": "2"}, {"a": "3"})]
    commit(folder / "s", 0, *batches)
    assert sorted(column(folder / "s", "a"), key=str) == sorted(
        ["1"] * FIRST.requests + ["3"] * FIRST.requests + [None] * 2 * FIRST.requests, key=str
    )


def test_the_order_of_dimensions_makes_no_other_files(folder):
    commit(folder / "s", 0, rows.requests(FIRST, a="1", b="2"), rows.requests(FIRST, b="2", a="1"))
    assert len(Store.open(folder / "s").snapshot().groups("requests")) == 1


def test_a_column_added_to_a_side_table_later_is_taken_in(folder):
    """What a later version of sgengine does when a table of its own has a new column."""
    actors.commit(folder / "s", FIRST)
    new = file_schema(STORE_TABLES["runs"]).append(pa.field("new", pa.int64()))
    for is_new in (True, False):
        opened = DeltaTable(folder / "s" / "runs")
        place, table = Folder(str(folder / "s")), STORE_TABLES["runs"]
        assert add_columns(place, opened, table, [new]) is is_new
    assert DeltaTable(folder / "s" / "runs").schema().fields[-1].name == "new"
    actors.commit(folder / "s", replace(FIRST, revision=2))
    kinds = {damage.kind for damage in Store.open(folder / "s").verify().damages}
    assert kinds == {"orphan_file"}  # the replaced night


def test_another_job_that_adds_the_same_dimension_first(folder):
    """Two writers stage a new dimension; the second finds it there, of another type."""
    store = Store.create(folder / "s")
    texts, numbers = pa.array(["a"]), pa.array([1])
    with store.stage(store.begin([Night("nightly", day(1))])) as staging:
        staging.write(with_column(numbers), day=day(1))
        commit(folder / "s", 0, with_column(texts))
        with pytest.raises(DataError, match="tenant of requests is string in the store and int64"):
            store.commit(staging, actors.FACTS)
    commit(folder / "s", 1, with_column(numbers))
    assert column(folder / "s", "tenant", 1) == ["1"]


# ---- types -----------------------------------------------------------------------------------

UTC_US = pa.timestamp("us", "UTC")
MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=dt.UTC)

TYPES = [
    (pa.array([1, None], pa.int8()), "long", [1, None]),
    (pa.array([2**40], pa.int64()), "long", [2**40]),
    (pa.array([4 * 10**9], pa.uint32()), "long", [4 * 10**9]),
    (pa.array([2**64 - 1], pa.uint64()), "decimal(20,0)", [decimal.Decimal(2**64 - 1)]),
    (pa.array([1.5, float("nan"), None], pa.float32()), "double", [1.5, None, None]),
    (pa.array([True, False]), "boolean", [True, False]),
    (pa.array(["a", None], pa.large_string()), "string", ["a", None]),
    (pa.array(["a", "b", "a"]).dictionary_encode(), "string", ["a", "b", "a"]),
    (pa.array([dt.date(2026, 1, 2)]), "date", [dt.date(2026, 1, 2)]),
    (pa.array([MOMENT], UTC_US), "timestamp", [MOMENT]),
    (pa.array([decimal.Decimal("1.20")]), "decimal(3,2)", [decimal.Decimal("1.20")]),
    (pa.array([1], pa.timestamp("ns", "UTC")), "string", ["1970-01-01 00:00:00.000000001Z"]),
    (pa.array([0], pa.timestamp("s")), "string", ["1970-01-01 00:00:00"]),
    (pa.array([dt.timedelta(seconds=1)]), "string", ["1000000"]),
    (pa.array([b"raw"]), "string", ["raw"]),
    (pa.array([b"\xff"], pa.large_binary()), "string", ["b'\\xff'"]),
    (pa.array([["a", 'b"']]), "string", ['["a", "b\\""]']),
    (pa.array([{"k": 1}]), "string", ['{"k": 1}']),
    (pa.array([dt.time(1, 2)]), "string", ["01:02:00.000000"]),
]


@pytest.mark.parametrize(
    ("values", "kind", "told"), TYPES, ids=[str(values.type) for values, _, _ in TYPES]
)
def test_every_type_of_dimension_is_stored(folder, values, kind, told):
    commit(folder / "s", 0, with_column(values))
    fields = {
        field.name: field.type for field in DeltaTable(folder / "s" / "requests").schema().fields
    }
    assert str(fields["tenant"]).removeprefix('PrimitiveType("').removesuffix('")') == kind
    assert column(folder / "s", "tenant") == told


def test_a_dimension_without_values_is_left_out(folder):
    commit(folder / "s", 0, with_column(pa.nulls(3)))
    assert delta_columns(folder / "s") == {}


def test_every_integer_has_one_width(folder):
    for number, kind in enumerate((pa.int8(), pa.int64(), pa.uint32())):
        commit(folder / "s", number, with_column(pa.array([7], kind)))
    assert delta_columns(folder / "s") == {"tenant": "long"}
    assert len(Store.open(folder / "s").snapshot().groups("requests")) == 1


@pytest.mark.parametrize(
    ("first", "then", "fits"),
    [
        (pa.array(["x"]), pa.array([7]), ["7"]),
        (pa.array([1.5]), pa.array([7]), [7.0]),
        (pa.array([7]), pa.array([2.0]), [2]),
        (pa.array([7]), pa.array(["8"]), [8]),
        (pa.array([7]), pa.array([2.5]), None),
        (pa.array([7]), pa.array(["eight"]), None),
        (pa.array([7]), pa.array(["007"]), None),
        (pa.array([True]), pa.array([7]), None),
        (pa.array([1.5]), pa.array([True]), [1.0]),
        (pa.array([dt.date(2026, 1, 2)]), pa.array(["2026-01-02"]), [dt.date(2026, 1, 2)]),
        (pa.array([1.5]), pa.array([2**60 + 1]), None),
        (pa.array([True]), pa.array(["maybe"]), None),
    ],
)
def test_another_type_is_converted_exactly_or_kept_as_text(folder, first, then, fits):
    commit(folder / "s", 0, with_column(first))
    commit(folder / "s", 1, with_column(then))
    if fits is None:
        assert column(folder / "s", "tenant", 1) == [None]
        assert column(folder / "s", "tenant_text", 1) == [str(then.cast(pa.string())[0])]
        assert column(folder / "s", "tenant_text", 0) == [None]
    else:
        assert column(folder / "s", "tenant", 1) == fits
    assert column(folder / "s", "tenant", 0) == first.to_pylist()


def test_types_that_differ_within_a_commit(folder):
    commit(folder / "s", 0, with_column(pa.array([7])), with_column(pa.array(["eight"])))
    assert {*column(folder / "s", "tenant")} == {7, None}
    assert {*column(folder / "s", "tenant_text")} == {"eight", None}


def test_texts_take_no_other_dimension(folder):
    """A dimension may be named as the texts of another would be, and hold something else."""
    batch = with_column(pa.array([7])).append_column("tenant_text", pa.array([8]))
    commit(folder / "s", 0, batch)
    other = with_column(pa.array(["a"])).append_column("tenant_text", pa.array(["b"]))
    commit(folder / "s", 1, other)
    commit(folder / "s", 2, with_column(pa.array(["c"])))
    names = ("tenant", "tenant_text", "tenant_text_text", "tenant_text_text_text")
    assert delta_columns(folder / "s").keys() == {*names}
    found = [[column(folder / "s", name, number)[0] for name in names] for number in range(3)]
    assert found[0] == [7, 8, None, None]
    assert sorted(map(str, found[1])) == ["None", "None", "a", "b"]
    assert found[2] == [None, None, "c", None]


SOME = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=3).map(pa.array),
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=3).map(pa.array),
    st.lists(st.booleans(), min_size=1, max_size=3).map(pa.array),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=4), min_size=1, max_size=3).map(
        pa.array
    ),
    st.lists(st.integers(-(10**6), 10**6).map(str), min_size=1, max_size=3).map(pa.array),
    st.lists(st.dates(), min_size=1, max_size=3).map(pa.array),
    st.lists(st.decimals(places=2, allow_nan=False, allow_infinity=False), min_size=1, max_size=3)
    .map(pa.array)
    .filter(lambda values: pa.types.is_decimal128(values.type)),
)


@given(SOME, SOME)
def test_no_value_is_changed_by_the_type_of_another(one, other):
    shaper = Shaper(pa.schema([]))
    for values in (one, other):
        shaped = shaper.shape(with_column(values), "0" * 16)
        names = [name for name in shaped.schema.names if name.startswith("tenant")]
        (name,) = names
        stored = shaped.column(name)
        back = stored if name.endswith("_text") else stored.cast(values.type)
        assert back.equals(values.cast(pa.string()) if name.endswith("_text") else values)


# ---- names -----------------------------------------------------------------------------------


def test_names_that_are_taken(folder):
    names = ["job", "Day", "commit_id", "STATUS", "tenant", "Tenant", "a b", "x,y;z", ""]
    batch = rows.requests(replace(FIRST, rows=1))
    for name in names:
        batch = batch.append_column(name, pa.array([name]))
    commit(folder / "s", 0, batch)
    stored = {
        "job_dim": "job",
        "Day_dim": "Day",
        "commit_id_dim": "commit_id",
        "STATUS_dim": "STATUS",
        "tenant": "tenant",
        "Tenant_dim": "Tenant",
        "a_b": "a b",
        "x_y_z": "x,y;z",
        "_": "",
    }
    assert delta_columns(folder / "s").keys() == stored.keys()
    assert {name: column(folder / "s", name)[0] for name in stored} == stored


def test_a_name_in_other_case_is_the_same_column(folder):
    commit(folder / "s", 0, with_column(pa.array(["a"]), "Tenant"))
    commit(folder / "s", 1, with_column(pa.array(["b"]), "tenant"))
    assert delta_columns(folder / "s") == {"Tenant": "string"}
    assert column(folder / "s", "Tenant", 1) == ["b"]


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=6), max_size=8))
def test_names_of_dimensions_are_legal_and_unlike(names):
    stored = [*dimension_names([*REQUESTS.names, *names]).values()]
    known = {*REQUESTS.names, "commit_id", "job", "day"}
    lowered = [name.lower() for name in stored]
    assert len({*lowered}) == len(stored) == sum(name not in REQUESTS.names for name in names)
    assert not {*lowered} & known
    assert not any(set(name) & set(" ,;{}()\n\t=") for name in stored)


# ---- declarations ----------------------------------------------------------------------------


def test_every_table_of_a_store_keeps_the_protocol_that_all_readers_know(folder):
    Store.create(folder / "s")
    for name in STORE_TABLES:
        protocol = DeltaTable(folder / "s" / name).protocol()
        assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2), name
        assert not protocol.reader_features, name


def test_the_declared_columns_are_those_of_the_schema():
    for name, table in STORE_TABLES.items():
        spec = next(spec for spec in TABLES if spec.name == name)
        delta = {field.name for field in delta_schema(table).fields}
        assert delta == {*spec.names, "commit_id", "job", "day", *table.partitions}, name


@given(st.lists(st.floats(), max_size=5))
def test_no_nan_is_stored(values):
    plain = plain_values(pa.array(values, pa.float64())).to_pylist()
    assert plain == [None if value != value else value for value in values]


def test_a_schema_id_ignores_how_texts_are_encoded():
    batch = rows.requests(FIRST, tenant="a")
    shaped = Shaper(pa.schema([])).shape(batch, "0" * 16)
    plain = pa.schema(
        [(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in shaped.schema]
    )
    assert schema_id(shaped.schema) == schema_id(plain)
    assert schema_id(plain) != schema_id(plain.remove(0))
