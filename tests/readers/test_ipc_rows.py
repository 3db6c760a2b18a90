"""Rows of record batches, told from metadata, are those that Arrow gives, or else are left to Arrow."""

from __future__ import annotations

import random
import struct

import numpy as np
import pyarrow as pa
import pytest

from sgengine.readers import ipc_rows
from tests.effort import fuzzed
from tests.readers import make

COLUMNS = {
    "plain": {},
    "nested": {"at": [{"x": 1}, {"x": None}, None], "tags": [[["a"] * 5], None, [["b", "c"]] * 4]},
    "dictionary": {"tenant": pa.array(["x", "y", "x"]).dictionary_encode()},
    "null": {"nothing": pa.nulls(3)},
}


def table(times=1, **columns):
    return pa.concat_tables([make.deliveries_table(**columns)] * times).combine_chunks()


def by_arrow(path, only=None):
    """Rows by Arrow, the first batches alone if ``only`` says how many; ``None`` where it refuses."""
    try:
        with pa.memory_map(str(path)) as mapped, pa.ipc.open_file(mapped) as reader:
            count = reader.num_record_batches if only is None else only
            return [reader.get_batch(index).num_rows for index in range(count)]
    except (pa.ArrowException, OSError):
        return None


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize("rows", [1, 2, 4, 100])
def test_rows_are_those_of_arrow(tmp_path, columns, rows):
    path = make.ipc_file(tmp_path / "x", table(7, **columns), rows=rows)
    found = ipc_rows.rows_of(str(path))
    # Where every list of the first batch has one item, its items may pass for a column of other rows.
    is_by_chance = found is None and rows == 1 and "tags" in columns
    assert found == by_arrow(path) or is_by_chance


def test_many_batches_are_gone_through_in_parts(tmp_path, monkeypatch):
    path = make.ipc_file(tmp_path / "x", table(20), rows=7)
    monkeypatch.setattr(ipc_rows, "_AT_ONCE", 2000)
    assert ipc_rows.rows_of(str(path)) == [7] * 8 + [4]


def test_the_order_is_the_footers(tmp_path):
    path = make.ipc_file(tmp_path / "x", table(5), rows=6)
    data = bytearray(path.read_bytes())
    assert by_arrow(path) == [6, 6, 3]
    blocks = [i for i in range(len(data) - 24) if _is_block(data, i)][-3:]
    first, last = blocks[0], blocks[-1]
    data[first : first + 24], data[last : last + 24] = (
        data[last : last + 24],
        data[first : first + 24],
    )
    path.write_bytes(data)
    assert ipc_rows.rows_of(str(path)) == by_arrow(path) == [3, 6, 6]


def _is_block(data, place):
    """Whether these bytes say where a message is: its metadata begins with a marker and its length."""
    at, length, _, body = struct.unpack_from("<qiiq", data, place)
    inside = 0 < at < len(data) - 8 and 0 < body < len(data)
    return inside and struct.unpack_from("<Ii", data, at) == (0xFFFFFFFF, length - 8)


@pytest.mark.parametrize(
    "kind", ["stream", "zstd", "empty", "no batches", "empty batch", "no bytes"]
)
def test_what_has_another_form_is_left_to_arrow(tmp_path, kind):
    path = tmp_path / "x"
    if kind == "stream":
        make.ipc_stream(path, table())
    elif kind == "zstd":
        make.ipc_file(path, table(), compression="zstd")
    elif kind == "no bytes":
        path.write_bytes(b"")
    else:
        batches = {"empty": [table()[:0]], "no batches": [], "empty batch": [table(), table()[:0]]}
        with pa.ipc.new_file(path, table().schema) as writer:
            for rows in batches[kind]:
                for batch in rows.to_batches() or [pa.RecordBatch.from_pylist([], rows.schema)]:
                    writer.write_batch(batch)
    assert ipc_rows.rows_of(str(path)) is None


def test_of_damaged_files_rows_are_those_of_arrow_or_none(tmp_path):
    path = make.ipc_file(tmp_path / "x", table(3), rows=2)
    whole = path.read_bytes()
    chance = random.Random(11)
    places = np.flatnonzero(np.frombuffer(whole, np.uint8))  # metadata more often than padding
    told = 0
    for _ in range(fuzzed(1200)):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 2)):
            damaged[chance.choice(places)] = chance.choice([0, 1, 8, 127, 128, 255])
        path.write_bytes(
            damaged[: chance.choice([len(whole), len(whole), chance.randrange(len(whole))])]
        )
        found = ipc_rows.rows_of(str(path))
        if found is not None and by_arrow(path, only=1) is not None:
            told += 1
            assert by_arrow(path) == found
    assert told > 10
