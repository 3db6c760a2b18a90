"""Runs the benchmarks: ``python -m benchmarks.run [--size tiny|small|medium|day]``.

Writes results/<size>.json and, between its markers, the table of benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks import workloads
from benchmarks.cases import Case, event_cases, kernel_cases, pipeline_cases, what_if_cases
from benchmarks.timing import timed

HERE = Path(__file__).parent
MARKS = ("<!-- table:begin -->", "<!-- table:end -->")
SIZES = {
    "tiny": workloads.TINY,
    "small": workloads.SMALL,
    "medium": workloads.MEDIUM,
    "day": workloads.DAY,
}


def machine() -> dict[str, Any]:
    """Where and with what the figures were measured."""
    packages = ("sgengine", "numpy", "numba", "pyarrow", "polars", "duckdb")
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def results(size: str, repeats: int) -> dict[str, Any]:
    """Every case of one size, timed; peak memory is the process's so far, in MiB."""
    workload = SIZES[size]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case in _cases(workload, Path(folder)):
            timing = timed(case.action, repeats)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            rows.append(
                {
                    "name": case.name,
                    "amount": case.amount,
                    "unit": case.unit,
                    "against": case.against,
                    "peak_mib": round(peak),
                    **asdict(timing),
                }
            )
            print(f"{case.name}: {timing.median_s:.3f} s", file=sys.stderr)
    return {"size": size, "requests": workload.requests, "machine": machine(), "cases": rows}


def _cases(workload: workloads.Workload, folder: Path) -> Iterator[Case]:
    return chain(
        pipeline_cases(workload, folder),
        event_cases(workload),
        kernel_cases(workload),
        what_if_cases(workload),
    )


def table(found: dict[str, Any]) -> str:
    """The results as a Markdown table: rates, spread, and the ratio to the case compared with."""
    medians = {row["name"]: row["median_s"] for row in found["cases"]}
    lines = [
        "| what | M/s | median | spread | first call | compared |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in found["cases"]:
        rate = row["amount"] / row["median_s"] / 1e6
        spread = f"{row['low_s'] * 1e3:.1f} to {row['high_s'] * 1e3:.1f} ms"
        ratio = ""
        if row["against"]:
            ratio = f"{row['median_s'] / medians[row['against']]:.2f} x {row['against']}"
        lines.append(
            f"| {row['name']} | {rate:,.1f} {row['unit']} | {row['median_s'] * 1e3:.1f} ms | "
            f"{spread} | {row['first_s'] * 1e3:.0f} ms | {ratio} |"
        )
    here = found["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in here["versions"].items())
    where = (
        f"{found['requests']:,} requests, {here['cores']} cores of {here['cpu']}, "
        f"Python {here['python']}, {versions}; median of {found['cases'][0]['repeats']}."
    )
    return "\n".join([where, "", *lines])


def main() -> None:
    """Run one size and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="medium")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    arguments = parser.parse_args()
    found = results(arguments.size, arguments.repeats)
    arguments.out.mkdir(exist_ok=True)
    path = arguments.out / f"{arguments.size}.json"
    path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(table(found))
    if arguments.out == HERE / "results":
        _publish(table(found))


def _publish(text: str) -> None:
    page = HERE / "README.md"
    before, _, rest = page.read_text("utf-8").partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    page.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}", "utf-8")


if __name__ == "__main__":
    main()
