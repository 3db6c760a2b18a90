"""Damaged files: only errors for the user escape, and no row is lost without being counted."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from sgengine import readers
from sgengine.errors import SgengineError
from tests.effort import fuzzed
from tests.readers import make

ROUNDS = fuzzed(150)


def table():
    return make.deliveries_table(
        request_id=["a", "b", "c"],
        status=["ok", "failed", "ok"],
        arrival_ns=pa.array([1, 2, None], pa.int64()),
        chunk_tokens=pa.array([[1, 1, 1], [], None], pa.large_list(pa.int32())),
        tenant=pa.array(["x", "y", "x"]).dictionary_encode(),
    )


WRITERS = {
    "parquet": lambda path: make.parquet(path, table(), row_group_size=2),
    "ipc_file": lambda path: make.ipc_file(path, table(), rows=2),
    "ipc_zstd": lambda path: make.ipc_file(path, table(), compression="zstd"),
    "ipc_stream": lambda path: make.ipc_stream(path, table(), rows=2),
    "json_lines": lambda path: make.json_lines(path, *table().to_pylist()),
    "vllm": lambda path: make.vllm(path, make.vllm_result(), make.vllm_result()),
    "aiperf": lambda path: make.json_lines(path, *[make.aiperf_line(name) for name in "abc"]),
    "litellm": lambda path: make.json_lines(path, *[make.litellm_row(name) for name in "abc"]),
    "langfuse": lambda path: make.json_lines(path, *[make.langfuse_row(name) for name in "abc"]),
}


@pytest.fixture(params=list(WRITERS))
def whole(request, tmp_path):
    """The path and bytes of a file of every format in turn."""
    path = WRITERS[request.param](tmp_path / "x")
    return path, path.read_bytes()


def survive(path, data):
    """Read the bytes as a file; ``None`` if they are refused with an error for the user."""
    path.write_bytes(data)
    try:
        return make.read_back(path)
    except SgengineError as error:
        said = str(error)
    assert said.startswith(str(path))
    assert "\n" not in said
    assert len(said) < 700
    return None


def counted(got):
    return len(got.rows) + sum(reject.count for reject in got.rejects)


def lines_in(data):
    return sum(bool(text.strip()) for text in data.split(b"\n"))


def test_truncated_files_are_refused_or_every_row_is_counted(whole):
    path, data = whole
    is_lines = data[:1] == b"{" and b'"itls"' not in data
    for cut in range(0, len(data), max(1, len(data) // ROUNDS)):
        got = survive(path, data[:cut])
        if got and is_lines:
            assert counted(got) == lines_in(data[:cut])


def test_flipped_bytes_are_refused_or_every_row_is_counted(whole):
    path, data = whole
    is_lines = data[:1] == b"{" and b'"itls"' not in data
    chance = random.Random(7)
    for _ in range(ROUNDS):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(data))] = chance.randrange(256)
        got = survive(path, bytes(damaged))
        if got and is_lines:
            assert counted(got) == lines_in(bytes(damaged))


@pytest.mark.parametrize("form", [fmt.name for fmt in readers.FORMATS])
def test_a_format_forced_upon_any_other_file_is_an_error_of_one_line(form, tmp_path):
    for name, write in WRITERS.items():
        path = write(tmp_path / name)
        own = readers.resolve([str(path)], readers.ReadOptions())[0].format
        if own != form:
            with pytest.raises(SgengineError) as caught:
                make.read_back(path, format=form)
            assert "\n" not in str(caught.value)


def test_a_file_that_vanishes_before_it_is_read_is_an_error_for_the_user(whole):
    path, _ = whole
    options = readers.ReadOptions()
    (source,) = readers.resolve([str(path)], options)
    partition = readers.plan(source, options).partitions[0]
    path.unlink()
    with pytest.raises(SgengineError, match="cannot be read"):
        list(readers.read(partition))
    with pytest.raises(SgengineError, match="cannot be read"):
        readers.plan(source, options)


@pytest.mark.parametrize("depth", [100_000])
def test_json_nested_beyond_measure_is_refused_or_rejected(tmp_path, depth):
    deep = "[" * depth + "]" * depth
    path = make.json_lines(tmp_path / "x", {"ttft_ns": 1}, f'{{"ttft_ns": 1, "a": {deep}}}')
    got = make.read_back(path)
    assert [reject.reason for reject in got.rejects] == ["unreadable_row"]
    assert (
        survive(path, b'{"itls": ' + deep.encode() + b', "ttfts": [], "output_lens": []}') is None
    )


def test_texts_that_are_not_utf8_are_refused_or_rejected(tmp_path):
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
    )
    rows = pa.table({"ttft_ns": [1], "error": bad})
    assert survive(tmp_path / "a", make.parquet(tmp_path / "x", rows).read_bytes()) is None
    assert survive(tmp_path / "b", make.ipc_file(tmp_path / "x", rows).read_bytes()) is None
    got = survive(tmp_path / "c", b'{"ttft_ns": 1}\n{"ttft_ns": 1, "error": "\xff"}\n')
    assert [reject.place for reject in got.rejects] == ["line 2"]
