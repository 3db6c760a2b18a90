"""A night of many requests commits in memory that does not grow with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.events.logs import python
from tests.nightly.support import DAY, START

WRITE = """
import sys
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
path, rows, start = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng, writer, step, chunks = np.random.default_rng(1), None, 100_000, 4
for at in range(0, rows, step):
    gaps = rng.integers(5_000_000, 60_000_000, (step, chunks))
    offsets = pa.array(np.arange(step + 1) * chunks, pa.int32())
    table = pa.table({
        "request_id": [f"req-{i:08d}" for i in range(at, at + step)],
        "system": pa.array(np.where(np.arange(step) % 2, "a", "b")),
        "arrival_ns": start + np.arange(at, at + step) * 1000,
        "chunk_times_ns": pa.ListArray.from_arrays(offsets, np.cumsum(gaps, axis=1).ravel()),
    })
    writer = writer or pq.ParquetWriter(path, table.schema)
    writer.write_table(table)
writer.close()
"""

RUN = """
import json, sys
from datetime import date
from pathlib import Path
from sgengine.nightly import due, load_job, run_job
job = load_job(sys.argv[1])
(night,) = run_job(job, due(job, date.fromisoformat(sys.argv[2])), lambda entry: None).nights
status = Path("/proc/self/status").read_text()
(peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
print(json.dumps({"peak": int(peak) * 1024, "requests": night.requests, "error": night.error}))
"""

CONFIG = """
[store]
path = "store"
[job]
name = "big"
memory = "256MiB"
on = "threads:2"
[[source]]
name = "gateway"
files = "{day}.parquet"
"""


@pytest.mark.slow
def test_four_times_the_requests_take_no_more_memory(tmp_path: Path) -> None:
    peaks = []
    for rows in (500_000, 2_000_000):
        folder = tmp_path / str(rows)
        folder.mkdir()
        (folder / "sgengine.toml").write_text(CONFIG)
        python(WRITE, folder / f"{DAY}.parquet", rows, START)
        found = json.loads(python(RUN, folder / "sgengine.toml", DAY))
        assert (found["requests"], found["error"]) == (rows, None)
        peaks.append(found["peak"])
    assert peaks[1] < peaks[0] + (128 << 20)
    assert peaks[1] < 1 << 30
