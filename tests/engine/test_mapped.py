"""Mapped files: a reader a worker, whose pages go where a partition ends, and nothing stays mapped."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from benchmarks.workloads import Workload
from sgengine import readers
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.executors import Executor, Serial, Threads
from sgengine.readers import ReadOptions, ipc_files

MAPS = Path("/proc/self/smaps")
ROWS = 300

pytestmark = pytest.mark.skipif(not MAPS.exists(), reason="the system does not tell what is mapped")


def resident_kib(path: str) -> list[int]:
    """Of each mapping of the file, how much is in memory."""
    whole = MAPS.read_text()
    entries = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", whole)
    found = [re.search(r"(?m)^Rss: +(\d+) kB", entry) for entry in entries if path in entry]
    return [int(match[1]) for match in found if match]


def soon_unmapped(path: str) -> bool:
    """Arrow's own threads let go of a batch a moment later; whoever waits here, never."""
    return any(not resident_kib(path) or time.sleep(0.001) for _ in range(200))


def written(path: Path, tokens: int = 40) -> str:
    """A file of four record batches."""
    table = Workload(name="mapped", requests=4 * ROWS, tokens=tokens).table()
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table.unify_dictionaries(), max_chunksize=ROWS)
    return str(path)


def partitions_of(path: str, batch_bytes: int = 40_000) -> tuple[readers.Partition, ...]:
    options = ReadOptions(hashed=False, batch_bytes=batch_bytes)
    (source,) = readers.resolve([path], options)
    return readers.plan(source, options).partitions


def looked_at(batches: Iterator[readers.Batch]) -> int:
    """The rows of all batches, every page of which was in memory."""
    return sum(len(batch.deliveries.to_pylist()) for batch in batches)


def test_readers_are_kept_while_the_file_is_read_and_pages_are_not(tmp_path: Path) -> None:
    path = written(tmp_path / "a.arrow")
    first, *others = partitions_of(path)
    reading = readers.read(first)
    next(reading)
    for partition in others:
        assert looked_at(readers.read(partition)) == ROWS
        used, idle = sorted(resident_kib(path), reverse=True)
        assert used > 0
        assert idle == 0
    reading.close()
    assert soon_unmapped(path)


@pytest.mark.parametrize("new", [pa.ipc.new_file, pa.ipc.new_stream])
def test_of_a_large_batch_a_slice_is_in_memory_at_a_time(tmp_path: Path, new: Any) -> None:
    path = str(tmp_path / "a.arrow")
    table = Workload(name="mapped", requests=4000, tokens=400).table().combine_chunks()
    with new(path, table.schema) as writer:
        writer.write_table(table)
    (partition,) = partitions_of(path, batch_bytes=1 << 20)
    most = rows = 0
    for batch in readers.read(partition):
        rows += looked_at(iter([batch]))
        most = max(most, sum(resident_kib(path)))
    assert rows == 4000
    assert most << 10 < Path(path).stat().st_size / 2


def test_a_batch_can_be_looked_at_after_its_partition(tmp_path: Path) -> None:
    path = written(tmp_path / "a.arrow")
    batches = [batch for partition in partitions_of(path) for batch in readers.read(partition)]
    assert resident_kib(path) == [0] * 4
    assert looked_at(iter(batches)) == 4 * ROWS
    assert min(resident_kib(path)) > 0
    del batches
    assert soon_unmapped(path)


def test_a_file_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    path = written(tmp_path / "a.arrow")
    first, second, *_ = partitions_of(path)
    reading = readers.read(first)
    next(reading)
    Path(written(tmp_path / "b.arrow", tokens=50)).replace(path)
    found = [batch.deliveries for batch in readers.read(second)]
    with pa.memory_map(path) as mapped:
        expected = pa.ipc.open_file(mapped).get_batch(second.start)
        assert pa.Table.from_batches(found).to_pylist() == expected.to_pylist()


def test_where_pages_cannot_be_given_back_the_file_is_unmapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ipc_files, "_MADVISE", None)
    path = written(tmp_path / "a.arrow")
    first, second, *_ = partitions_of(path)
    reading = readers.read(first)
    next(reading)
    assert looked_at(readers.read(second)) == ROWS
    assert len(resident_kib(path)) == 1


@pytest.mark.parametrize("executor", [Serial(), Threads(workers=1), Threads(workers=2)], ids=str)
def test_an_analysis_leaves_nothing_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: Executor
) -> None:
    path = written(tmp_path / "a.arrow")
    monkeypatch.setattr("sgengine.analyze.settings._LARGEST_BATCH", 40_000)
    settings = AnalyzeSettings(read=ReadOptions(hashed=False), executor=executor)
    analysis = analyze([path], settings)
    assert analysis.groups[0]["requests"] == 4 * ROWS
    assert soon_unmapped(path)
