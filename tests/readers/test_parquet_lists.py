"""Lists decoded by kernels: the rows that Arrow reads, whatever wrote them, or left to Arrow."""

from __future__ import annotations

import os

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine import readers
from sgengine.errors import FormatError
from sgengine.readers import parquet
from sgengine.readers.parquet_footer import UnreadableError, footer_bytes, footer_of
from sgengine.readers.parquet_lists import ListColumn, leaf_of
from sgengine.readers.parquet_pages import Ranges
from tests.readers import make

NAME = "chunk_times_ns"
WIDE = pa.int64()


def column_of(path, name=NAME, *, streamed=False):
    """The column and what it is of, as parquet_rows makes it; the descriptor stays open."""
    with pq.ParquetFile(path) as file:
        leaf = leaf_of(file, name)
        assert leaf is not None
        descriptor = os.open(path, os.O_RDONLY)
        footer = footer_of(footer_bytes(path), file.metadata.num_columns)
        found = footer.chunks(leaf.index, range(file.metadata.num_row_groups))
    return ListColumn(Ranges(descriptor, streamed=streamed), found, leaf), descriptor


def test_a_footer_says_where_the_chunks_of_a_column_are(tmp_path) -> None:
    """In the order asked for; a row group that the footer does not have is left to Arrow to refuse."""
    path = tmp_path / "groups.parquet"
    pq.write_table(table_of([[1], [2, 3], [4, 5, 6]]), path, row_group_size=1)
    footer = footer_of(footer_bytes(path), 2)
    third, first = footer.chunks(1, [2, 0])
    assert [(chunk.rows, chunk.levels) for chunk in (first, third)] == [(1, 1), (1, 3)]
    assert first.start < third.start
    assert [chunk.levels for chunk in footer.chunks(0, range(3))] == [1, 1, 1]
    for missing in (3, -1):
        with pytest.raises(UnreadableError):
            footer.chunks(1, [missing])


def decoded(path, steps=(10**9,), values=2**30, *, streamed=False) -> pa.ChunkedArray:
    column, descriptor = column_of(path, streamed=streamed)
    try:
        taken = []
        while len(taken) < 10**4:
            taken.append(column.take(steps[len(taken) % len(steps)], values))
            if len(taken[-1]) == 0:
                break
    finally:
        os.close(descriptor)
    found = pa.chunked_array(taken)
    found.validate(full=True)
    return found


def table_of(rows, kind=WIDE) -> pa.Table:
    return pa.table({"n": pa.array(range(len(rows))), NAME: pa.array(rows, pa.list_(kind))})


LONG = np.cumsum(np.random.default_rng(1).gamma(4, 5e6, 30_000).astype(np.int64)).tolist()
_rows = st.lists(
    st.none()
    | st.lists(st.integers(-(2**63), 2**63 - 1), max_size=6)
    | st.integers(0, 400).map(lambda n: LONG[:n]),
    max_size=40,
)
_options = st.fixed_dictionaries(
    {
        "compression": st.sampled_from(["none", "snappy", "gzip", "brotli", "zstd", "lz4"]),
        "data_page_version": st.sampled_from(["1.0", "2.0"]),
        "data_page_size": st.sampled_from([1, 100, 2000, 2**20]),
        "row_group_size": st.sampled_from([1, 3, 10, 1000]),
        "write_batch_size": st.sampled_from([1, 5, 1024]),
        "write_page_index": st.booleans(),
        "write_statistics": st.booleans(),
    }
)
_encodings = st.sampled_from(
    [
        {"use_dictionary": True},
        {"use_dictionary": True, "dictionary_pagesize_limit": 50},
        {"use_dictionary": False},
        {
            "use_dictionary": False,
            "column_encoding": {f"{NAME}.list.element": "DELTA_BINARY_PACKED"},
        },
    ]
)


@given(_rows, _options, _encodings, st.lists(st.integers(1, 15), min_size=1, max_size=4), st.data())
def test_rows_are_those_that_arrow_wrote(tmp_path_factory, rows, options, encoding, steps, data):
    path = tmp_path_factory.getbasetemp() / "lists.parquet"
    kind = data.draw(st.sampled_from([WIDE, pa.int32()]))
    if kind == pa.int32():
        wrapped = (
            None if row is None else np.array(row, np.int64).astype(np.int32) for row in rows
        )
        rows = [None if row is None else row.tolist() for row in wrapped]
    pq.write_table(table_of(rows, kind), path, **options, **encoding)
    values = data.draw(st.sampled_from([1, 50, 2**30]))
    found = decoded(path, steps, values, streamed=data.draw(st.booleans()))
    assert found.type == pq.read_schema(path).field(NAME).type
    assert found.to_pylist() == rows


@pytest.mark.parametrize("is_null", [True, False])
@pytest.mark.parametrize("has_nulls", [True, False])
def test_lists_and_items_that_may_not_be_null(tmp_path, is_null, has_nulls):
    kind = pa.list_(pa.field("element", pa.int64(), nullable=has_nulls))
    schema = pa.schema([pa.field(NAME, kind, nullable=is_null)])
    table = pa.table({NAME: pa.array([[1, 2], [], [3]] * 50, kind)}, schema=schema)
    path = make.parquet(tmp_path / "x", table)
    assert decoded(path).to_pylist() == table[NAME].to_pylist()


def test_a_row_of_many_pages(tmp_path):
    rows = [[1], LONG, LONG[:5], LONG]
    path = make.parquet(tmp_path / "x", table_of(rows), data_page_size=1000, write_batch_size=100)
    assert decoded(path, [1]).to_pylist() == rows


def test_what_other_writers_make(tmp_path):
    rows = [LONG[: 3 * n] for n in range(300)] + [[], None, [7]]
    table = table_of(rows)
    polars, other = tmp_path / "polars.parquet", tmp_path / "duckdb.parquet"
    pl.from_arrow(table).write_parquet(polars)
    made = duckdb.connect().register("t", table)
    made.execute(f"COPY t TO '{other}' (FORMAT parquet, PARQUET_VERSION v2)")
    for path in (polars, other):
        assert decoded(path).to_pylist() == rows, path


def make_rows(path):
    options = readers.ReadOptions()
    (source,) = readers.resolve([str(path)], options)
    batches = (b for p in readers.plan(source, options).partitions for b in readers.read(p))
    return [row for batch in batches for row in batch.deliveries[NAME].to_pylist()]


@pytest.fixture
def any_size(monkeypatch):
    """Files of any size go through kernels."""
    monkeypatch.setattr(parquet, "_WORTH_KERNELS", 0)


def wide_table(rows=800) -> pa.Table:
    lengths = np.random.default_rng(2).integers(0, 30, rows)
    sizes = [[1] * n for n in lengths]
    return pa.table(
        {
            "request_id": [f"r{k}" for k in range(rows)],
            NAME: pa.array([LONG[:n] for n in lengths], pa.list_(WIDE)),
            "chunk_tokens": pa.array(sizes, pa.list_(pa.int32())),
            "system": [f"s{k % 3}" for k in range(rows)],
            "prompt": ["word " * (k % 50) for k in range(rows)],
        }
    )


@pytest.mark.parametrize("batch_bytes", [5_000, 40_000, 2**26])
def test_all_columns_meet_in_their_rows(tmp_path, any_size, monkeypatch, batch_bytes):
    table = wide_table()
    path = make.parquet(tmp_path / "x", table, row_group_size=300, data_page_size=1500)
    found = make.read_back(path, batch_bytes=batch_bytes)
    monkeypatch.setattr(parquet, "_WORTH_KERNELS", 2**60)
    expected = make.read_back(path, batch_bytes=batch_bytes)
    assert found.rows == expected.rows
    assert found.places == expected.places == list(range(1, 801))
    assert [row["prompt"] for row in found.rows] == table["prompt"].to_pylist()


def test_a_file_written_anew_is_read_anew(tmp_path, any_size):
    """Footers are kept between partitions: another one of the same length, too, is another."""
    for rows in ([[1, 2, 3], [4]], [[5], [6, 7, 8]], [[1, 2, 3], [4]]):
        path = make.parquet(tmp_path / "x", table_of(rows), row_group_size=1)
        assert [row[NAME] for row in make.read_back(path, batch_bytes=1).rows] == rows


@pytest.mark.parametrize("batch_bytes", [8_000, 100_000, 150_000, 240_000])
def test_no_batch_is_a_small_rest(tmp_path, any_size, batch_bytes):
    """Batches are alike, and none takes more than an eighth beyond what one may."""
    path = make.parquet(tmp_path / "x", table_of([LONG[:100]] * 300))
    found = make.read_back(path, batch_bytes=batch_bytes)
    rows = [batch.deliveries.num_rows for batch in found.batches]
    assert sum(rows) == 300
    assert max(rows) - min(rows) < len(rows)
    assert max(rows) * 800 <= batch_bytes * 9 // 8 + 800
    assert len(rows) <= -(-300 * 900 // batch_bytes)


def test_batches_of_uneven_rows_end_at_their_bytes(tmp_path, any_size):
    rows = [[1]] * 500 + [LONG[:2000]] * 50
    path = make.parquet(tmp_path / "x", table_of(rows), data_page_size=2000)
    found = make.read_back(path, batch_bytes=64_000)
    assert [row[NAME] for row in found.rows] == rows
    assert max(len(batch.deliveries[NAME].flatten()) for batch in found.batches) <= 40_000


def test_a_null_within_a_list_sends_the_rest_to_arrow(tmp_path, any_size):
    rows = [LONG[:20]] * 500 + [[1, None, 3]] + [[4]] * 100
    path = make.parquet(tmp_path / "x", table_of(rows), data_page_size=1000, row_group_size=200)
    with pytest.raises(UnreadableError):
        decoded(path)
    found = make.read_back(path, batch_bytes=5000)
    assert [row[NAME] for row in found.rows] == rows
    assert found.places == list(range(1, 602))


def test_a_file_of_lists_alone(tmp_path, any_size):
    rows = [LONG[:k] for k in range(60)]
    table = pa.table({NAME: pa.array(rows, pa.list_(WIDE))})
    assert make_rows(make.parquet(tmp_path / "x", table)) == rows


@pytest.mark.parametrize("name", ["x", NAME])
def test_columns_that_are_no_lists_of_whole_numbers(tmp_path, name):
    others = {"x": pa.array([1, 2]), NAME: pa.array([[1.0], [2.0]])}
    with pq.ParquetFile(make.parquet(tmp_path / "x", pa.table(others))) as file:
        assert leaf_of(file, name) is None


@pytest.mark.parametrize("seed", range(60))
def test_damaged_files_end_as_they_do_with_arrow(tmp_path, any_size, monkeypatch, seed):
    """No damage that Arrow notices goes unnoticed, none ends the process, and all else reads alike."""
    options = [{"compression": "zstd"}, {"compression": "none", "use_dictionary": seed % 4 < 2}]
    path = make.parquet(tmp_path / "x", wide_table(200), row_group_size=90, **options[seed % 2])
    whole = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, len(whole), 1 + seed % 5).tolist():
        whole[place] = int(rng.integers(0, 256))
    path.write_bytes(whole)
    found = outcome(path)
    monkeypatch.setattr(parquet, "_WORTH_KERNELS", 2**60)
    assert found == outcome(path)


def outcome(path):
    """The rows, or that there are none: which of two faults is met first depends on the batches."""
    try:
        return make.read_back(path).rows
    except FormatError:
        return None
