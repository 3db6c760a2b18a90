"""An input far larger than the memory budget is analysed within it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sgengine.analyze import AnalyzeSettings, analyze, bounded, plan_sources
from sgengine.check import check
from sgengine.errors import DataError
from sgengine.readers.whole import unless_lines
from tests.readers.make import vllm, vllm_result

MIB = 1 << 20
BUDGET = 64 * MIB
CHUNKS = 1_000
"""Of each request, one token each."""

WRITE = """
import sys
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
path, groups, rows, chunks = sys.argv[1], *map(int, sys.argv[2:])
rng = np.random.default_rng(3)
schema = pa.schema({"request_id": pa.string(), "arrival_ns": pa.int64(),
                    "chunk_times_ns": pa.list_(pa.int64())})
with pq.ParquetWriter(path, schema, use_dictionary=False) as writer:
    for group in range(groups):
        gaps = rng.integers(15_000_000, 25_000_000, (rows, chunks))
        times = np.cumsum(gaps, axis=1).ravel()
        offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * chunks)
        writer.write_batch(pa.record_batch([
            pa.array([f"{group}-{k}" for k in range(rows)]),
            pa.array(np.arange(rows) * 10**8 + group),
            pa.ListArray.from_arrays(offsets, pa.array(times)),
        ], schema=schema), row_group_size=rows)
"""

ANALYSE = """
import json, sys
from pathlib import Path
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.executors import Threads
settings = AnalyzeSettings(memory_bytes=int(sys.argv[2]), executor=Threads(workers=2))
analysis = analyze([sys.argv[1]], settings, requests_path=sys.argv[3])
(group,) = analysis.groups
# Not ru_maxrss: that of a child begins with what its parent had when it forked.
status = Path("/proc/self/status").read_text()
(peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
print(json.dumps({
    "peak": int(peak) * 1024,
    "requests": group["requests"],
    "samples": group["itl_ms"]["count"],
    "p99": group["itl_ms"]["p99"],
}))
"""


def run_here(code: str, *words: object) -> None:
    """As ``python``, in this process, for what it does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["-c", *map(str, words)])
        exec(code, {})


def python(code: str, *words: object) -> str:
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def peak(path: Path, out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(python(ANALYSE, path, BUDGET, out))
    return found


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every kernel compiled here, so that no process that is looked at compiles any."""
    folder = tmp_path_factory.mktemp("compiled")
    for name, groups, rows in (("small", 1, 10), ("large", 1, 400)):
        path = folder / name
        run_here(WRITE, path, groups, rows, CHUNKS)
        run_here(ANALYSE, path, BUDGET, folder / "requests.parquet")


def peaks_of(folder: Path, rows: int) -> dict[int, dict[str, Any]]:
    """What analysing files of 0, 4 and 12 row groups of ``rows`` requests took and found.

    The least of three: by how two threads and the allocators meet, one and the same file takes up to 50 MiB
    more in one run than in another.
    """
    found = {}
    for groups in (0, 4, 12):
        path = folder / f"{groups}.parquet"
        run_here(WRITE, path, *((groups, rows, CHUNKS) if groups else (1, 10, 10)))
        runs = [peak(path, folder / "requests.parquet") for _ in range(3)]
        least = min(runs, key=lambda run: run["peak"])
        found[groups] = least | {"size": path.stat().st_size}
        path.unlink()
    return found


@pytest.mark.parametrize("rows", [850, pytest.param(2_500, marks=pytest.mark.slow)])
def test_ten_and_thirty_million_tokens_are_analysed_in_a_small_budget(
    tmp_path: Path, rows: int
) -> None:
    """Beside it: the libraries and compiled kernels, and the file's pages that are mapped just now.

    Three times the tokens take hardly more.
    """
    peaks = peaks_of(tmp_path, rows)
    some, all_of_them = peaks[4], peaks[12]
    assert all_of_them["requests"] == 12 * rows
    assert all_of_them["samples"] == 12 * rows * (CHUNKS - 1)
    assert all_of_them["p99"] == pytest.approx(24.9, abs=0.01)
    assert all_of_them["size"] > max(BUDGET, 2.9 * some["size"])
    assert peaks[0]["peak"] < 300 * MIB
    assert all_of_them["peak"] < BUDGET + 350 * MIB
    assert all_of_them["peak"] - some["peak"] < 40 * MIB


@pytest.mark.parametrize("rows", [25_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_one_row_group_of_many_tokens_is_analysed_in_a_small_budget(
    tmp_path: Path, rows: int
) -> None:
    """Neither the decoded group nor the file's pages are held: it is read a MiB at a time."""
    path = tmp_path / "one.parquet"
    python(WRITE, path, 1, rows, CHUNKS)
    found = peak(path, tmp_path / "requests.parquet")
    assert path.stat().st_size > 2 * BUDGET
    assert found["requests"] == rows
    assert found["peak"] < BUDGET + 350 * MIB


def test_a_json_document_beyond_the_memory_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    vllm(path, vllm_result(generated_texts=["x" * (80 * MIB), ""]))
    settings = AnalyzeSettings(memory_bytes=BUDGET)
    for verb in (analyze, check):
        with pytest.raises(DataError) as refused:
            verb([str(path)], settings)
        assert str(refused.value) == (
            f"{path} is one JSON document of 81 MiB, which is read as a whole, and the memory is "
            "64 MiB; give --memory 81MiB or more, or convert it to JSON Lines or Parquet deliveries "
            "(sgengine schema tells their columns)"
        )
    (plan,) = plan_sources([str(path)], bounded(AnalyzeSettings(memory_bytes=81 * MIB))).plans
    assert plan.partitions, "what fits is planned"


def test_json_lines_are_read_in_parts_whatever_their_size(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n' * 3)
    assert not unless_lines(str(path))
    for text in ('[{"a": 1},\n{"a": 2}]', '{"data": [\n{"a": 1}]}', '{"a": 1}'):
        path.write_text(text)
        assert unless_lines(str(path))
    path.write_text("time,tokens\n1,2\n")
    assert not unless_lines(str(path))
