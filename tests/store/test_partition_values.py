"""System, workload and job may be any text: three readers see it, and a re-run replaces it exactly."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sgengine.store import EMPTY, Night, Store
from sgengine.store.layout import folder as folder_of
from sgengine.store.layout import partition_value
from tests.effort import faults
from tests.store import actors, rows
from tests.store.rows import Told, day

ODD = [
    "a b",
    "llama/70b",
    "50%",
    "%2F",
    "a%20b",
    "ü",
    "ﬀ",
    "日本語",
    "🙂",
    "it's",
    'say "x"',
    "back\\slash",
    "#1",
    "a?b=c&d",
    "a+b",
    "[x]*{y}",
    "key=value",
    "a:b;c,d|e",
    ".",
    "..",
    "~",
    "-",
    "NULL",
    "null",
    "7",
    "007",
    "1e5",
    "true",
    "2026-01-01",
    " leading",
    "trailing ",
    "tab\there",
    "new\nline",
    "\x7f",
    "(none)",
    "x" * 120,
]


def commit(root: Path, job: str, values: list[str], revision: int = 1) -> None:
    """A request of each value as its system, and as its workload, in one night."""
    store = Store.create(root)
    told = Told(revision=revision, job=job, systems=tuple(values), rows=len(values))
    batch = rows.requests(told)
    place = batch.schema.get_field_index("workload")
    batch = batch.set_column(place, batch.schema.field(place), batch.column("system"))
    with store.stage(store.begin([Night(job, day(0))])) as staging:
        staging.write(batch, day=day(0))
        store.commit(staging, actors.FACTS)


def by_duckdb(root: Path) -> list[tuple[str, str, str]]:
    types = "{job: VARCHAR, day: DATE, system: VARCHAR, workload: VARCHAR}"
    query = (
        "SELECT job, system, workload FROM "
        f"read_parquet($files, hive_partitioning = true, hive_types = {types})"
    )
    with duckdb.connect(config={"threads": 1}) as con:
        files = Store.open(root).snapshot().uris("requests")
        return sorted(con.execute(query, {"files": files}).fetchall())


def by_polars(root: Path) -> list[tuple[str, str, str]]:
    frame = pl.scan_delta(str(root / "requests")).select("job", "system", "workload")
    return sorted(frame.collect().rows())


def by_pyarrow(root: Path) -> list[tuple[str, str, str]]:
    table = DeltaTable(root / "requests").to_pyarrow_table(columns=["job", "system", "workload"])
    return sorted(zip(*(column.to_pylist() for column in table.columns), strict=True))


def by_snapshot(root: Path) -> list[tuple[str, ...]]:
    files = Store.open(root).snapshot().files["requests"]
    return sorted((f.values[0], *f.values[2:]) for f in files for _ in range(f.rows))


READERS = (by_duckdb, by_polars, by_pyarrow, by_snapshot)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_odd_values_are_read_back(odd_store, reader):
    assert reader(odd_store) == sorted(("a job/ü%", value, value) for value in ODD)


@pytest.fixture(scope="module")
def odd_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with every odd value, committed twice."""
    root = tmp_path_factory.mktemp("odd") / "s"
    for revision in (1, 2):
        commit(root, "a job/ü%", ODD, revision)
    return root


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)


@settings(max_examples=faults(5, 200))
@given(job=TEXTS, values=st.lists(TEXTS, min_size=1, max_size=5, unique=True))
def test_any_values_are_read_back_and_replaced(tmp_path_factory, job, values):
    assume(partition_value(job) == job)
    root = tmp_path_factory.mktemp("any") / "s"
    for revision in (1, 2):
        commit(root, job, values, revision)
    told = sorted((job, v, v) for v in map(partition_value, values))
    for reader in READERS:
        assert reader(root) == told


@pytest.mark.parametrize(
    ("text", "stored"),
    [("", EMPTY), ("__HIVE_DEFAULT_PARTITION__", "(__HIVE_DEFAULT_PARTITION__)")],
)
def test_what_readers_take_for_null_has_a_stand_in(folder, text, stored):
    commit(folder / "s", "job", [text])
    for reader in READERS:
        assert reader(folder / "s") == [("job", stored, stored)]


@given(
    st.text(st.characters(codec="utf-8"), max_size=400),
    st.text(st.characters(codec="utf-8"), max_size=400),
)
def test_values_stay_apart_and_fit_into_names(one, other):
    assume(not {EMPTY, "(__HIVE_DEFAULT_PARTITION__)"} & {one, other})
    stored = [partition_value(text) for text in (one, other)]
    assert (stored[0] == stored[1]) == (one == other)
    for value in stored:
        (name,) = folder_of({"workload": value}).split("/")
        assert len(name.encode()) <= 255
        assert partition_value(value) == value


def test_long_values_that_begin_alike_stay_apart(folder):
    values = ["ü" * 300 + end for end in "ab"]
    commit(folder / "s", "job", values)
    found = [system for _, system, _ in by_duckdb(folder / "s")]
    assert len({*found}) == 2
    assert all(value.startswith("üüü") for value in found)
    assert pa.array(found).null_count == 0
