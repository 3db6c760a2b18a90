"""Large event logs, and analyses of them in processes of their own."""

from __future__ import annotations

import subprocess
import sys

WRITE = """
import sys
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
folder, files, parts, rows, chunks = sys.argv[1], *map(int, sys.argv[2:])
rng = np.random.default_rng(3)
kinds = pa.array(["arrival", "chunk", "end"])
writers = [None] * files
for part in range(parts):
    starts = (part * rows + np.arange(rows)) * 10**7
    gaps = rng.integers(15_000_000, 25_000_000, (rows, chunks))
    times = starts[:, None] + np.cumsum(gaps, axis=1)
    times = np.concatenate([starts[:, None], times, times[:, -1:]], axis=1).ravel()
    events = np.tile(np.r_[0, np.ones(chunks, int), 2], rows)
    ids = np.repeat(part * rows + np.arange(rows), chunks + 2)
    order = np.argsort(times + rng.integers(0, 30_000_000, times.size))
    file = rng.integers(0, files, order.size)
    for k in range(files):
        mine = order[file == k]
        names = pa.array([f"chatcmpl-{i:032x}" for i in range(part * rows, (part + 1) * rows)])
        table = pa.table({
            "request_id": names.take(pa.array(ids[mine] - part * rows)),
            "event": pa.DictionaryArray.from_arrays(pa.array(events[mine], pa.int8()), kinds),
            "time_ns": times[mine],
            "tokens": pa.array(np.ones(mine.size, np.int32), mask=events[mine] != 1),
        })
        writers[k] = writers[k] or pq.ParquetWriter(f"{folder}/{k}.parquet", table.schema)
        writers[k].write_table(table, row_group_size=200_000)
for writer in writers:
    writer.close()
"""
"""FOLDER FILES PARTS ROWS CHUNKS: requests of that many one-token chunks, a little out of order."""

ANALYSE = """
import json, sys
from pathlib import Path
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.executors import Threads
settings = AnalyzeSettings(memory_bytes=int(sys.argv[2]), executor=Threads(workers=2))
analysis = analyze([sys.argv[1]], settings)
(group,) = analysis.groups
status = Path("/proc/self/status").read_text()
(peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
print(json.dumps({
    "peak": int(peak) * 1024,
    "requests": group["requests"],
    "samples": group["itl_ms"]["count"],
    "p99": group["itl_ms"]["p99"],
    "rows": analysis.runs["rows_in"].to_pylist(),
    "rejects": len(analysis.rejected),
}))
"""
"""FOLDER BUDGET: what the figures are, and the peak of the memory."""


def python(code: str, *words: object) -> str:
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
