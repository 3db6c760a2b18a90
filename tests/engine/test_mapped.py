"""Files that are mapped are unmapped by their reader: Python's lock is not held meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from benchmarks.workloads import Workload
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.executors import Executor, Serial, Threads

MAPS = Path("/proc/self/maps")
ROWS = 300


def maps_of(path: str) -> int:
    return sum(path in line for line in MAPS.read_text().splitlines())


class Watched:
    """As ``pa.memory_map``; notes how often the file is mapped before and after it is closed."""

    closed: tuple[tuple[int, int], ...] = ()

    def __init__(self, path: str) -> None:
        self.path, self.file = path, ORIGINAL(path)

    def __enter__(self) -> Any:
        return self.file

    def __exit__(self, *error: object) -> None:
        before = maps_of(self.path)
        self.file.close()
        Watched.closed += ((before, maps_of(self.path)),)


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
    monkeypatch.setattr(Watched, "closed", ())
    analysis = analyze([path], AnalyzeSettings(executor=executor))
    assert analysis.groups[0]["requests"] == 4 * ROWS
    # Before the partitions the file is looked at, and what is known of it may still refer to it.
    assert Watched.closed[-4:] == ((1, 0),) * 4
    assert maps_of(path) == 0
