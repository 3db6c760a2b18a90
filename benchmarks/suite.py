"""One suite of cases, timed in a process of its own: ``python -m benchmarks.suite NAME SIZE FOLDER OUT``.

What one suite leaves behind, warm caches and memory that was never given back, is not in another's way.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.case import Case
from benchmarks.sizes import SIZES, Size
from benchmarks.timing import timed

SUITES = (
    "kernels",
    "pipelines",
    "layouts",
    "events",
    "whatif",
    "stores",
    "ingest",
    "clients",
    "simulator",
    "startup",
    "memory",
    "curves",
)
"""Modules with ``cases(size, folder)``, in the order of the table."""


def rows_of(name: str, size: Size, folder: Path) -> list[dict[str, Any]]:
    """Every case of one suite, timed, as rows of the results file."""
    cases: Callable[[Size, Path], Iterator[Case]] = import_module(f"benchmarks.{name}").cases
    rows = []
    for case in cases(size, folder):
        rows.append({"suite": name, **_row(case, size)})
        print(_line(rows[-1]), file=sys.stderr, flush=True)
    return rows


def _row(case: Case, size: Size) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": case.name,
        "amount": case.amount,
        "unit": case.unit,
        "nbytes": case.nbytes,
        "against": case.against,
        "budgets": [asdict(budget) for budget in case.budgets],
        "missing": case.missing,
        "note": case.note,
    }
    if not case.missing:
        row |= asdict(timed(case.action, size.repeats if case.repeats is None else case.repeats))
    return row


def _line(row: dict[str, Any]) -> str:
    if row["missing"]:
        return f"{row['name']}: not measured, {row['missing']}"
    return f"{row['name']}: {min(row['seconds']):.3f} to {max(row['seconds']):.3f} s"


def main() -> None:
    """Time one suite and write its rows."""
    name, size, folder, out = sys.argv[1:]
    found = rows_of(name, SIZES[size], Path(folder))
    Path(out).write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main()
