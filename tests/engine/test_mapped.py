"""Files that are mapped are unmapped by their reader: Python's lock is not held meanwhile."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from benchmarks.workloads import Workload
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.executors import Executor, Serial, Threads
from sgengine.readers import ReadOptions

MAPS = Path("/proc/self/maps")
ROWS = 300


def maps_of(path: str) -> int:
    return sum(path in line for line in MAPS.read_text().splitlines())


def soon_unmapped(path: str) -> bool:
    """Arrow's own threads let go of a batch a moment later; whoever waits here, never."""
    return any(maps_of(path) == 0 or time.sleep(0.001) for _ in range(200))


class Watched:
    """As ``pa.memory_map``; notes whether the file is mapped once it is closed."""

    unmapped: tuple[bool, ...] = ()

    def __init__(self, path: str) -> None:
        self.path, self.file = path, ORIGINAL(path)

    def __enter__(self) -> Any:
        return self.file

    def __exit__(self, *error: object) -> None:
        self.file.close()
        Watched.unmapped += (soon_unmapped(self.path),)


ORIGINAL = pa.memory_map


@pytest.mark.skipif(not MAPS.exists(), reason="the system does not tell what is mapped")
@pytest.mark.parametrize("executor", [Serial(), Threads(workers=1)], ids=str)
def test_a_mapped_file_is_unmapped_where_its_partition_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: Executor
) -> None:
    path = str(tmp_path / "a.arrow")
    table = Workload(name="mapped", requests=4 * ROWS, tokens=40).table()
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table.unify_dictionaries(), max_chunksize=ROWS)
    monkeypatch.setattr("sgengine.analyze.settings._LARGEST_BATCH", 40_000)
    monkeypatch.setattr(pa, "memory_map", Watched)
    monkeypatch.setattr(Watched, "unmapped", ())
    settings = AnalyzeSettings(read=ReadOptions(hashed=False), executor=executor)
    analysis = analyze([path], settings)
    assert analysis.groups[0]["requests"] == 4 * ROWS
    # Before the partitions the file is looked at, and what is known of it may still refer to it.
    assert Watched.unmapped[-4:] == (True,) * 4
    assert maps_of(path) == 0
