"""Where the time of an analysis goes: ``python -m benchmarks.stages [FILE] [--publish]``.

With ``--publish`` the table goes into docs/performance.md.

Processor time, stage by stage, of one analysis on one thread, under Python's profiler: what is called
from Python counts for the caller, kernels for themselves. What Arrow decodes on threads of its own is
what the process took beyond the profiled thread.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.pipelines import JOBS, Job
from benchmarks.sizes import SIZES
from sgengine.executors import Serial

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
MARKS = ("<!-- stages:begin -->", "<!-- stages:end -->")
DECODING = "decoding: pages, lists by kernels, other columns by Arrow"
STAGES = (
    ("kernels/delta.py", DECODING),
    ("kernels/hybrid.py", DECODING),
    ("kernels/thrift.py", DECODING),
    ("/readers/parquet", DECODING),
    ("kernels/request.py", "kernels: latencies, the reader, smoothness, envelopes"),
    ("kernels/gaps.py", "kernels: gaps counted, summed and sifted"),
    ("kernels/sift.py", "kernels: gaps counted, summed and sifted"),
    ("kernels/sparse.py", "kernels: gaps counted, summed and sifted"),
    ("kernels/together.py", "kernels: latencies, the reader and gaps in one loop"),
    ("kernels/select.py", "kernels: order statistics of the kept gaps"),
    ("/readers/", "reading: columns checked and brought to DELIVERIES"),
    ("/compute/", "REQUESTS: rules, columns"),
    ("/aggregate/", "figures: groups, numbers kept, percentiles, sums"),
    ("/analyze/", "counts by run, the passes"),
    ("kernels/kinds.py", "REQUESTS: rules, columns"),
    ("kernels/undefined.py", "REQUESTS: rules, columns"),
    ("kernels/benefit.py", "figures: groups, numbers kept, percentiles, sums"),
    ("kernels/sums.py", "figures: groups, numbers kept, percentiles, sums"),
    ("kernels/totals.py", "figures: groups, numbers kept, percentiles, sums"),
)
OTHERS = "other"
_REPEATS = 5


def stages(path: Path, job: Job) -> dict[str, float]:
    """Seconds of processor time by stage; of several runs, the one that took least."""
    runs = [_one(path, job) for _ in range(_REPEATS + 1)]
    return min(runs[1:], key=lambda found: sum(found.values()))


def _one(path: Path, job: Job) -> dict[str, float]:
    profile = cProfile.Profile(time.thread_time)
    whole, thread = time.process_time(), time.thread_time()
    profile.runcall(job.run, path, Serial())
    thread, whole = time.thread_time() - thread, time.process_time() - whole
    seconds = _by_stage(pstats.Stats(profile))
    seconds[DECODING] += whole - thread
    return seconds


def _by_stage(found: pstats.Stats) -> Counter[str]:
    """Own time of each function, that of builtins and libraries with the stage that called them."""
    seconds: Counter[str] = Counter()
    for (file, _, _), (_, _, own, _, callers) in found.stats.items():  # type: ignore[attr-defined]
        stage = _stage(file)
        if stage != OTHERS:
            seconds[stage] += own
            continue
        for (caller, _, _), (_, _, share, _) in callers.items():
            seconds[_stage(caller)] += share
    return seconds


def _stage(file: str) -> str:
    if "/sgengine/" not in file:
        return OTHERS
    return next((stage for part, stage in STAGES if part in file), OTHERS)


def table(path: Path) -> str:
    """Nanoseconds a token of each stage, for what is printed and for all of REQUESTS."""
    with pq.ParquetFile(path) as file:
        tokens = sum(
            file.metadata.row_group(g)
            .column(file.schema_arrow.names.index("chunk_times_ns"))
            .num_values
            for g in range(file.num_row_groups)
        )
    columns = {job.name: stages(path, job) for job in JOBS}
    names = [*dict.fromkeys(stage for _, stage in STAGES), OTHERS]
    lines = [f"| ns a token | {' | '.join(columns)} |", "| --- |" + " --- |" * len(columns)]
    for name in names:
        cells = [f"{found.get(name, 0.0) / tokens * 1e9:.2f}" for found in columns.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    sums = [f"{sum(found.values()) / tokens * 1e9:.2f}" for found in columns.values()]
    return "\n".join([*lines, f"| all | {' | '.join(sums)} |"])


def main() -> None:
    """Print the table for a file of deliveries, or for the benchmarks' own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--publish", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = table(given.file or SIZES["bench"].file.parquet(Path(folder)))
    print(found)
    if given.publish:
        before, _, rest = PAGE.read_text("utf-8").partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        PAGE.write_text(f"{before}{MARKS[0]}\n{found}\n{MARKS[1]}{after}", "utf-8")


if __name__ == "__main__":
    main()
