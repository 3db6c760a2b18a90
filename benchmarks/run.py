"""Runs the benchmarks: ``python -m benchmarks.run [--size tiny|bench|full] [--suites kernels events]``.

Prints the tables and writes results/<size>.json; ``--publish`` puts the tables between the markers of
benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.chart import write_chart
from benchmarks.machine import machine
from benchmarks.sizes import SIZES
from benchmarks.suite import SUITES, rows_of
from benchmarks.table import page

HERE = Path(__file__).parent
MARKS = ("<!-- table:begin -->", "<!-- table:end -->")


def results(size: str, suites: Iterable[str] = SUITES, *, apart: bool = True) -> dict[str, Any]:
    """Every case of one size, timed; each suite in a process of its own if ``apart``."""
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name in suites:
            found = _apart(name, size, folder) if apart else rows_of(name, SIZES[size], folder)
            rows.extend(found)
    return {
        "size": size,
        "repeats": SIZES[size].repeats,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "cases": rows,
    }


def _apart(name: str, size: str, folder: Path) -> list[dict[str, Any]]:
    out = folder / f"{name}.rows.json"
    command = [sys.executable, "-m", "benchmarks.suite", name, size, str(folder), str(out)]
    subprocess.run(command, check=True, cwd=HERE.parent)
    rows: list[dict[str, Any]] = json.loads(out.read_text("utf-8"))
    return rows


def main() -> None:
    """Run one size and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="bench")
    parser.add_argument("--suites", nargs="+", choices=SUITES, default=SUITES)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--publish", action="store_true")
    arguments = parser.parse_args()
    found = results(arguments.size, arguments.suites)
    arguments.out.mkdir(parents=True, exist_ok=True)
    whole = tuple(arguments.suites) == SUITES
    name = arguments.size if whole else "-".join((arguments.size, *arguments.suites))
    path = arguments.out / f"{name}.json"
    path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(page(found))
    if arguments.size == "full" and "curves" in arguments.suites:
        write_chart(found["cases"], arguments.out / "curves.svg")
    if arguments.publish:
        _publish(page(found))


def _publish(text: str) -> None:
    readme = HERE / "README.md"
    before, _, rest = readme.read_text("utf-8").partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    readme.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}", "utf-8")


if __name__ == "__main__":
    main()
