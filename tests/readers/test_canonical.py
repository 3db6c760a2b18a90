from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa
import pytest

from sgengine import readers
from sgengine.errors import FormatError
from sgengine.readers import deliveries, json_lines, parquet
from sgengine.schema import DELIVERIES
from tests.readers import make

WRITERS = {"parquet": make.parquet, "ipc_file": make.ipc_file, "ipc_stream": make.ipc_stream}
TIMES = [[5, 7, 9], [], [4]]


def lines_of(path, table):
    rows = [{k: v for k, v in row.items() if v is not None} for row in table.to_pylist()]
    return make.json_lines(path, *rows)


@pytest.fixture(params=[*WRITERS, "json_lines"])
def write(request, tmp_path):
    """Write a table as a file ``x`` of every canonical format in turn."""
    writer = WRITERS.get(request.param, lines_of)
    return lambda table: writer(tmp_path / "x", table)


@pytest.fixture(params=list(WRITERS))
def write_arrow(request, tmp_path):
    return lambda table: WRITERS[request.param](tmp_path / "x", table)


def test_absent_columns_get_their_defaults(write):
    got = make.read_back(write(make.deliveries_table()))
    assert got.column("chunk_times_ns") == TIMES
    assert got.column("request_id") == ["1", "2", "3"]
    assert got.places == [1, 2, 3]
    row = got.rows[0]
    assert (row["run"], row["system"], row["workload"]) == ("x", "x", "default")
    assert (row["clock"], row["origin"]) == ("none", "sent")
    assert (row["timing"], row["status"]) == ("chunk", "ok")
    unknown = ["error", "arrival_ns", "end_ns", "chunk_tokens", "input_tokens", "last_ns"]
    assert [row[name] for name in unknown] == [None] * len(unknown)


def test_a_full_table_passes_through_unchanged(write_arrow):
    table = pa.table(
        {
            "run": ["a", "a", "b"],
            "request_id": ["p", "q", "r"],
            "system": ["s"] * 3,
            "workload": ["w"] * 3,
            "clock": ["unix"] * 3,
            "origin": ["accepted"] * 3,
            "timing": ["token"] * 3,
            "status": ["ok", "failed", "timeout"],
            "error": [None, "boom", None],
            "arrival_ns": [1, 2, 3],
            "end_ns": [9, 9, None],
            "chunk_times_ns": TIMES,
            "chunk_tokens": [[1, 1, 2], [], None],
            "input_tokens": [1, 2, 3],
            "output_tokens": [4, 0, 1],
            "ttft_ns": pa.nulls(3, pa.int64()),
            "last_ns": pa.nulls(3, pa.int64()),
            "tenant": ["x", "y", "z"],
        }
    )
    got = make.read_back(write_arrow(table))
    assert got.rows == table.to_pylist()
    assert got.facts == []  # the rows name their runs


def test_columns_of_the_declared_types_need_no_second_look(write_arrow, monkeypatch):
    """Also where the file says that any of them may be NULL, as Parquet's rows do."""
    names = ("run", "request_id", "system", "workload", "clock", "origin", "timing", "status")
    columns = {name: ["a", "b", "a"] for name in names} | {"chunk_times_ns": TIMES}
    fields = [pa.field(column.name, column.type) for column in DELIVERIES.columns]
    nothing = [None] * 3
    table = pa.table([columns.get(f.name, nothing) for f in fields], schema=pa.schema(fields))
    monkeypatch.setattr(deliveries, "_column", None)
    got = make.read_back(write_arrow(table))
    assert got.rows == table.to_pylist()
    assert got.batches[0].deliveries.schema.equals(DELIVERIES.schema(), check_metadata=True)
    with pytest.raises(TypeError):  # a label that is not said is
        make.read_back(write_arrow(table.set_column(0, fields[0], pa.nulls(3, fields[0].type))))


def test_rows_without_listed_times_are_first_last_or_none(write):
    table = pa.table({"chunk_times_ns": [[1], None, None], "ttft_ns": [None, 5, None]})
    assert make.read_back(write(table)).column("timing") == ["chunk", "first_last", "none"]


def test_null_names_and_states_get_the_defaults_of_absent_columns(write):
    columns = {name: ["a", None, "b"] for name in ("run", "system", "workload", "origin", "status")}
    got = make.read_back(write(make.deliveries_table(**columns)))
    defaults = {"run": "x", "system": "x", "workload": "default", "origin": "sent", "status": "ok"}
    assert {name: got.column(name) for name in defaults} == {
        name: ["a", default, "b"] for name, default in defaults.items()
    }


def test_options_replace_the_names_that_the_rows_have(write):
    columns = {name: ["a", None, "b"] for name in ("run", "system", "workload")}
    got = make.read_back(write(make.deliveries_table(**columns)), system="s", run="r")
    assert got.column("run") == ["r"] * 3
    assert got.column("system") == ["s"] * 3
    assert got.column("workload") == ["a", "default", "b"]
    assert [fact.run for fact in got.facts] == ["r"]


@pytest.mark.parametrize(
    ("arrivals", "clock"),
    [([None, 10**17, 5], "unix"), ([10**17 - 1, None, None], "monotonic"), ([None] * 3, "none")],
)
def test_the_clock_follows_from_the_first_arrival_of_the_whole_file(write, arrivals, clock):
    table = make.deliveries_table(arrival_ns=pa.array(arrivals, pa.int64()))
    got = make.read_back(write(table), batch_bytes=1)
    assert got.column("clock") == [clock] * 3
    assert got.facts[0].clock == clock


def test_dimensions_follow_the_declared_columns_in_file_order(write):
    table = make.deliveries_table(zeta=[1, None, 3], alpha=["a", "b", None], half=[0.5, 1.5, None])
    got = make.read_back(write(table))
    names = got.batches[0].deliveries.schema.names[len(DELIVERIES.names) :]
    assert names == ["zeta", "alpha", "half"]
    assert got.column("zeta") == [1, None, 3]
    assert got.column("half") == [0.5, 1.5, None]


def test_dimensions_keep_their_type_untouched(tmp_path):
    kind = pa.struct([("a", pa.decimal128(5, 2))])
    table = make.deliveries_table(odd=pa.nulls(3, kind))
    got = make.read_back(make.ipc_file(tmp_path / "x", table))
    assert got.batches[0].deliveries.schema.field("odd").type == kind


TEXT_TYPES = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.dictionary(pa.int8(), pa.string()),
    pa.dictionary(pa.uint16(), pa.large_string()),
]


@pytest.mark.parametrize("kind", TEXT_TYPES, ids=str)
def test_every_flavour_of_text_is_read(tmp_path, kind):
    words = pa.array(["b", None, "b"], kind)
    table = make.deliveries_table(system=words, request_id=words, error=words)
    got = make.read_back(make.ipc_file(tmp_path / "x", table))
    assert got.column("system") == ["b", "x", "b"]
    assert got.column("request_id") == got.column("error") == ["b", None, "b"]


@pytest.mark.parametrize("encoding", ["DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"])
def test_texts_in_the_encodings_of_parquet_2_are_read(tmp_path, encoding):
    """As DuckDB writes them with ``parquet_version v2``; Arrow makes no dictionaries of them."""
    words = pa.array(["b", None, "b"])
    table = make.deliveries_table(system=words, request_id=words, error=words)
    options = {"use_dictionary": False, "column_encoding": {"system": encoding, "error": encoding}}
    got = make.read_back(make.parquet(tmp_path / "x", table, **options))
    assert got.column("system") == ["b", "x", "b"]
    assert got.column("request_id") == got.column("error") == ["b", None, "b"]


@pytest.mark.parametrize("sizes", [[1, 4, 5], [3, 3, 4], [10], [5, 5]])
def test_a_row_group_that_cannot_be_coded_ends_no_file(sizes):
    """One writer may encode a column of one row group in another way than that of the next."""
    table = pa.table({"row": range(10)})

    def read(names):
        if not names:
            yield from table.to_batches(max_chunksize=3)
            return
        start = 0
        for size in sizes:
            yield table.slice(start, size).to_batches()[0]
            start += size
            if start >= 5:
                raise OSError("Not yet implemented: DecodeArrow of DictAccumulator")

    rows = [row for batch in parquet.coded(read, ["run"]) for row in batch["row"].to_pylist()]
    assert rows == list(range(10))
    with pytest.raises(OSError, match="Not yet"):
        list(parquet.coded(lambda _: read(["run"]), ["run"]))


def test_dictionaries_of_string_views_and_with_null_entries_are_read(tmp_path):
    indices = pa.array([0, 1, None], pa.int32())
    views = pa.DictionaryArray.from_arrays(indices, pa.array(["p", "q"], pa.string_view()))
    holed = pa.DictionaryArray.from_arrays(indices, pa.array(["p", None], pa.string()))
    table = make.deliveries_table(system=views, workload=holed)
    got = make.read_back(make.ipc_file(tmp_path / "x", table))
    assert got.column("system") == ["p", "q", "x"]
    assert got.column("workload") == ["p", "default", "default"]


def test_whole_numbers_serve_as_names(write):
    got = make.read_back(write(make.deliveries_table(run=[1, 2, 2], request_id=[7, 8, 9])))
    assert got.column("run") == ["1", "2", "2"]
    assert got.column("request_id") == ["7", "8", "9"]


LIST_TYPES = [
    pa.list_(pa.uint8()),
    pa.list_(pa.field("element", pa.int64())),
    pa.list_(pa.field("item", pa.int64(), nullable=False)),
    pa.large_list(pa.int32()),
    pa.list_view(pa.int64()),
    pa.large_list_view(pa.uint16()),
]


@pytest.mark.parametrize("kind", LIST_TYPES, ids=str)
@pytest.mark.parametrize("start", [0, 2])
def test_every_flavour_of_list_is_read_sliced_or_not(kind, start):
    from sgengine.readers import arrays

    values = [[1], [2, 3], None, [], [4, 5, 6]]
    target = DELIVERIES.column("chunk_times_ns").type
    got, bad = arrays.whole_list(pa.array(values, kind).slice(start), target)
    got.validate(full=True)
    assert (got.type, got.to_pylist(), bad) == (target, values[start:], None)


def test_lists_of_a_fixed_size_and_of_nulls_only_are_read(tmp_path):
    fixed = pa.array([[1, 2], [3, 4], None], pa.list_(pa.int16(), 2))
    empty = pa.array([[], None, []], pa.list_(pa.null()))
    got = make.read_back(
        make.ipc_file(tmp_path / "x", pa.table({"chunk_times_ns": fixed, "chunk_tokens": empty}))
    )
    assert got.column("chunk_times_ns") == [[1, 2], [3, 4], None]
    assert got.column("chunk_tokens") == [[], None, []]


def test_columns_of_type_null_are_all_unknown(tmp_path):
    nothing = pa.nulls(3)
    table = make.deliveries_table(
        status=nothing, arrival_ns=nothing, chunk_tokens=nothing, request_id=nothing, error=nothing
    )
    got = make.read_back(make.ipc_file(tmp_path / "x", table))
    assert got.column("status") == ["ok"] * 3
    assert got.column("request_id") == got.column("chunk_tokens") == [None] * 3


def test_matching_columns_are_not_copied(tmp_path):
    table = make.deliveries_table().slice(1)
    with pa.memory_map(str(make.ipc_file(tmp_path / "x", table))) as file:
        before = pa.total_allocated_bytes()
        rows = pa.ipc.open_file(file).get_batch(0)
        assert pa.total_allocated_bytes() == before
    (batch,) = make.read_back(tmp_path / "x").batches
    given = rows.column("chunk_times_ns").values.buffers()[1].size
    assert batch.deliveries.column("chunk_times_ns").values.buffers()[1].size == given


def test_numbers_out_of_range_reject_their_row_and_no_other(tmp_path):
    table = pa.table(
        {
            "run": ["a", "b", "c", "d"],
            "chunk_times_ns": pa.array([[1], [2, 2**63], [3], [4]], pa.large_list(pa.uint64())),
            "chunk_tokens": pa.array([[1], [2**31, 1], [1], [1]], pa.list_(pa.int64())),
            "output_tokens": pa.array([1, 1, 2**31, None], pa.int64()),
        }
    )
    got = make.read_back(make.parquet(tmp_path / "x", table))
    assert got.places == [1, 4]
    assert [(r.run, r.place, r.reason) for r in got.rejects] == [
        ("b", "row 2", "wrong_type"),
        ("c", "row 3", "wrong_type"),
    ]


@pytest.mark.parametrize(
    ("column", "values", "allowed"),
    [
        ("chunk_times_ns", pa.array([[0.5]]), "a list of int64"),
        ("chunk_times_ns", pa.array([1]), "a list of int64"),
        ("arrival_ns", pa.array([0.5]), "int64"),
        ("arrival_ns", pa.array([1], pa.timestamp("ns")), "int64"),
        ("status", pa.array([0.5]), "text"),
        ("request_id", pa.array([b"x"]), "text"),
        ("input_tokens", pa.array(["7"]), "int32"),
    ],
)
def test_wrong_column_types_name_column_type_and_what_is_allowed(
    write_arrow, column, values, allowed
):
    table = pa.table({"ttft_ns": [1]} | {column: values})
    with pytest.raises(FormatError, match="wrong column types") as caught:
        make.read_back(write_arrow(table))
    kind = str(values.type).rpartition(": ")[2]  # Parquet has a name of its own for items
    said = str(caught.value)
    assert f"{column} is " in said
    assert f"{kind}, allowed is {allowed}" in said


def test_doubled_column_names_are_refused(write_arrow):
    table = pa.table([[1], [2], [3]], names=["ttft_ns", "a", "a"])
    with pytest.raises(FormatError, match="several columns named a"):
        make.read_back(write_arrow(table))


def big_table(rows=1000, chunks=50):
    times = np.arange(rows * chunks, dtype=np.int64)
    offsets = np.arange(rows + 1, dtype=np.int32) * chunks
    lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(times))
    return pa.table({"request_id": pa.array(range(rows)), "chunk_times_ns": lists})


def test_large_pieces_yield_several_bounded_batches(write):
    got = make.read_back(write(big_table()), batch_bytes=50_000)
    sizes = [batch.deliveries.get_total_buffer_size() for batch in got.batches]
    # What is mapped takes no memory of its own, and comes twice as much at once.
    times = 2 if got.plans[0].source.format == "deliveries-ipc" else 1
    assert len(got.batches) * times >= 8
    assert max(batch.deliveries.num_rows for batch in got.batches) <= 130 * times, sizes
    assert got.column("request_id") == [str(row) for row in range(1000)]
    assert got.places == list(range(1, 1001))


def test_batches_are_bounded_where_parquet_packs_a_row_into_next_to_nothing(tmp_path):
    same = pa.array([[7] * 500] * 1000, pa.list_(pa.int64()))
    path = make.parquet(tmp_path / "x", pa.table({"chunk_times_ns": same}))
    assert path.stat().st_size < 10_000
    got = make.read_back(path, batch_bytes=400_000)
    assert max(batch.deliveries.num_rows for batch in got.batches) <= 100
    assert got.places == list(range(1, 1001))


@pytest.mark.parametrize("writer", ["parquet", "ipc_file"])
def test_partitions_divide_the_rows_and_can_be_read_in_any_process(tmp_path, writer):
    options = {"row_group_size": 100} if writer == "parquet" else {"rows": 100}
    path = WRITERS[writer](tmp_path / "x", big_table(), **options)
    got = make.read_back(path, batch_bytes=100_000)
    (plan,) = got.plans
    assert 4 <= len(plan.partitions) <= 10
    assert got.places == list(range(1, 1001))
    again = pickle.loads(pickle.dumps(plan.partitions))
    assert again == plan.partitions
    assert len({hash(partition) for partition in again}) == len(again)
    assert len(pickle.dumps(plan.partitions[0])) < 1000


def test_small_row_groups_are_gathered_into_one_partition(tmp_path):
    path = make.parquet(tmp_path / "x", big_table(), row_group_size=10)
    assert len(make.read_back(path).plans[0].partitions) == 1


def test_compressed_record_batches_are_read(tmp_path):
    path = make.ipc_file(tmp_path / "x", big_table(), rows=300, compression="zstd")
    assert make.read_back(path, batch_bytes=5000).places == list(range(1, 1001))


def test_a_table_without_rows_has_no_batches_but_a_run(write_arrow):
    got = make.read_back(write_arrow(make.deliveries_table().slice(0, 0)))
    assert got.rows == []
    assert [fact.run for fact in got.facts] == ["x"]


def test_the_content_hash_is_that_of_the_bytes(tmp_path):
    import hashlib

    path = make.parquet(tmp_path / "x", make.deliveries_table())
    (plan,) = make.read_back(path).plans
    assert plan.content_hash == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_origin_option_names_arrivals_that_the_file_does_not(write):
    table = make.deliveries_table(origin=["accepted", None, None])
    got = make.read_back(write(table), origin="scheduled")
    assert got.column("origin") == ["accepted", "scheduled", "scheduled"]


# JSON Lines only


def test_lines_that_do_not_parse_are_rejected_one_by_one(tmp_path):
    path = make.json_lines(
        tmp_path / "x",
        {"chunk_times_ns": [1]},
        "",
        '{"chunk_times_ns": [1',
        {"chunk_times_ns": [1.5]},
        {"chunk_times_ns": [2**63]},
        [1],
        '{"chunk_times_ns": "a\\ud800"}',
        {"chunk_times_ns": [3, None]},
        '{"chunk_tokens": [1], "chunk_times_ns": [NaN]}',
    )
    with path.open("a") as file:
        file.write('{"chunk_times_ns": [9]')  # cut off: no end of line either
    got = make.read_back(path)
    assert got.places == [1, 8]
    assert got.column("chunk_times_ns") == [[1], [3, None]]
    assert [(r.place, r.reason) for r in got.rejects] == [
        ("line 3", "unreadable_row"),
        ("line 4", "wrong_type"),
        ("line 5", "wrong_type"),
        ("line 6", "wrong_type"),
        ("line 7", "unreadable_row"),
        ("line 9", "unreadable_row"),
        ("line 10", "unreadable_row"),
    ]
    assert all(reject.detail for reject in got.rejects)


def test_a_missing_request_id_is_null_where_other_rows_have_one(tmp_path):
    path = make.json_lines(
        tmp_path / "x", {"chunk_times_ns": [], "request_id": "a"}, {"ttft_ns": 1}
    )
    assert make.read_back(path).column("request_id") == ["a", None]


def test_unknown_scalar_keys_become_dimensions_of_one_type_in_every_batch(tmp_path):
    path = make.json_lines(
        tmp_path / "x",
        {"chunk_times_ns": [], "n": 1, "f": 1, "t": "a", "m": "a", "b": True, "o": {}, "e": None},
        {"chunk_times_ns": [], "f": 1.5, "m": 2, "not a name!": "x", 'odd"key': 1},
        {"chunk_times_ns": [], "n": None, "m": None},
    )
    got = make.read_back(path, batch_bytes=1)
    assert len(got.batches) == 3
    assert len({str(batch.deliveries.schema) for batch in got.batches}) == 1
    assert got.column("n") == [1, None, None]
    assert got.column("f") == [1.0, 1.5, None]
    assert got.column("m") == ["a", "2", None]
    assert got.column("b") == [True, None, None]
    assert got.column("not a name!") == [None, "x", None]
    assert "o" not in got.rows[0]
    assert "lists or objects" in got.facts[0].notes[0]


def test_large_files_are_cut_into_ranges_of_whole_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "RANGE_BYTES", 100)
    rows = [{"chunk_times_ns": [n]} for n in range(50)]
    path = make.json_lines(tmp_path / "x", *rows[:20], "", "{broken", *rows[20:])
    got = make.read_back(path)
    assert len(got.plans[0].partitions) > 5
    assert got.column("chunk_times_ns") == [row["chunk_times_ns"] for row in rows]
    assert got.places == [*range(1, 21), *range(23, 53)]
    assert [reject.place for reject in got.rejects] == ["line 22"]


def test_carriage_returns_and_a_byte_order_mark_are_passed_over(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b'\xef\xbb\xbf{"ttft_ns": 1}\r\n{"ttft_ns": 2}\r\n')
    assert make.read_back(path).column("ttft_ns") == [1, 2]


def test_reading_yields_batches_before_the_whole_file_is_read(tmp_path):
    path = make.json_lines(tmp_path / "x", *[{"chunk_times_ns": [n]} for n in range(100)])
    options = readers.ReadOptions(batch_bytes=1)
    (source,) = readers.resolve([str(path)], options)
    (partition,) = readers.plan(source, options).partitions
    assert next(readers.read(partition)).deliveries.num_rows == 1
