"""Small record batches of Arrow IPC are read as one; large ones in slices, whose pages are given back."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sgengine.errors import DataError
from sgengine.readers import ReadOptions, ipc, plan, read, resolve
from tests.readers import make

WRITERS = {"file": make.ipc_file, "stream": make.ipc_stream}
NAMES = [f"r{k}" for k in range(500)]


def table(**columns) -> pa.Table:
    times = [[k, k + 1, k + 1 + k % 3] for k in range(len(NAMES))]
    return pa.table({"request_id": NAMES, "chunk_times_ns": times, **columns})


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("compression", [None, "zstd"])
def test_small_batches_are_read_as_one(tmp_path, kind, compression):
    tenants = pa.array([f"t{k % 5}" for k in range(len(NAMES))]).dictionary_encode()
    path = WRITERS[kind](tmp_path / "x", table(tenant=tenants), rows=7, compression=compression)
    got = make.read_back(path)
    assert len(got.batches) == 1
    assert got.column("request_id") == NAMES
    assert got.column("tenant") == tenants.to_pylist()
    assert got.places == list(range(1, len(NAMES) + 1))


def test_no_more_is_joined_than_asked_for_and_large_ones_are_left_as_they_are():
    small, large = (pa.record_batch({"a": pa.array(range(n))}) for n in (10, 100))
    given = [small, small, large, small, *[small] * 10, large, large, small]
    found = list(ipc.joined(given, 400))
    assert [batch.num_rows for batch in found] == [20, 100, 50, 50, 10, 100, 100, 10]
    assert pa.Table.from_batches(found) == pa.Table.from_batches(given)
    assert found[1] is large
    assert list(ipc.joined([], 400)) == []


def test_batches_with_other_dictionaries_are_joined(tmp_path):
    parts = [table(tenant=pa.array([name] * 500).dictionary_encode()) for name in "ab"]
    path = tmp_path / "x"
    with pa.ipc.new_stream(path, parts[0].schema) as writer:
        for part in parts:
            writer.write_table(part, max_chunksize=100)
    got = make.read_back(path)
    assert len(got.batches) == 1
    assert got.column("tenant") == ["a"] * 500 + ["b"] * 500


def test_what_cannot_be_joined_is_read_one_by_one(tmp_path):
    found = [pa.DictionaryArray.from_arrays([0, 1], pa.array([name, None])) for name in "ab"]
    with pytest.raises(pa.ArrowException, match="null"):
        pa.concat_arrays(found)
    path = tmp_path / "x"
    kind = pa.schema({"ttft_ns": pa.int64(), "tenant": found[0].type})
    with pa.ipc.new_stream(path, kind) as writer:
        for tenant in found:
            writer.write_batch(pa.record_batch([pa.array([1, 2]), tenant], schema=kind))
    got = make.read_back(path)
    assert got.column("tenant") == ["a", None, "b", None]
    assert got.places == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_damaged_batch_among_small_ones_is_refused_before_it_is_copied(tmp_path, kind):
    path = WRITERS[kind](tmp_path / "x", table(), rows=50)
    data = path.read_bytes()
    place = data.index(b"r249")
    path.write_bytes(data[:place] + b"\xff" + data[place + 1 :])
    (source,) = resolve([str(path)], ReadOptions())
    (partition,) = plan(source, ReadOptions()).partitions
    with pytest.raises(DataError, match="Invalid UTF8 sequence at string index 49"):
        list(read(partition))
