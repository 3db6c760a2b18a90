"""Compressed record batches beyond the memory are refused before they are decompressed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from sgengine.errors import DataError
from sgengine.readers import ipc_sizes
from tests.cli import support
from tests.readers import make

WRITERS = {"file": make.ipc_file, "stream": make.ipc_stream}


def table(rows=3000) -> pa.Table:
    times = np.arange(rows * 20).reshape(rows, 20)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(times.ravel()), 20).cast(
        pa.list_(pa.int64())
    )
    names = pa.array([f"r{k % 7}" for k in range(rows)])
    return pa.table({"chunk_times_ns": lists, "system": names.dictionary_encode(), "model": names})


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_sizes_are_those_of_the_decompressed_buffers(tmp_path, kind, compression):
    path = WRITERS[kind](tmp_path / "x", table(), rows=1000, compression=compression)
    assert path.stat().st_size < 300_000
    found = list(ipc_sizes._sizes(str(path)))
    # 20 times of eight bytes, a code and two offsets of four, and a name of two, in 1,000 rows each.
    assert found == pytest.approx([1000 * (20 * 8 + 3 * 4 + 2)] * 3, rel=0.01)
    ipc_sizes.check(str(path), 200_000)
    ipc_sizes.check(str(path), None)
    with pytest.raises(DataError, match="record batch 0 is compressed, takes 1 MiB"):
        ipc_sizes.check(str(path), 100_000)


@pytest.mark.parametrize("kind", WRITERS)
def test_batches_that_are_not_compressed_are_mapped_and_never_refused(tmp_path, kind):
    path = WRITERS[kind](tmp_path / "x", table())
    assert list(ipc_sizes._sizes(str(path))) == [0]
    ipc_sizes.check(str(path), 1)


def test_damaged_files_are_left_to_their_reader(tmp_path):
    path = make.ipc_file(tmp_path / "x", table(), compression="zstd")
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 4).tolist():
            damaged[place] = int(rng.integers(0, 256))
        path.write_bytes(damaged[: int(rng.integers(1, len(whole)))])
        for size in ipc_sizes._sizes(str(path)):
            assert isinstance(size, int)


def test_analyze_tells_it_in_one_line(tmp_path):
    rows = 250_000
    path = make.ipc_file(tmp_path / "x.arrow", table(rows), compression="zstd")
    found = support.run("analyze", path, "--memory", "64MiB")
    assert found.exit_code == 1
    (line,) = found.stderr.splitlines()
    assert "record batch 0 is compressed, takes 42 MiB as a whole" in line
    assert "give more --memory" in line
    assert support.run("analyze", path).exit_code == 0
