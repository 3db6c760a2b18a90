"""Whole processes, warm: the help, and the analysis of a small file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.case import Budget, Case
from benchmarks.sizes import Size
from benchmarks.workloads import Workload


def cases(size: Size, folder: Path) -> Iterator[Case]:
    """``sgengine --help`` and ``sgengine analyze`` of a few requests."""
    requests = 10 if size.is_tiny else 1000
    path = Workload(name="small-file", requests=requests, tokens=50).parquet(folder)
    repeats = 0 if size.is_tiny else 9
    yield _case("sgengine --help", 0.3, repeats, "--help")
    yield _case(f"sgengine analyze of {requests:,} requests", 1.5, repeats, "analyze", str(path))


def _case(name: str, limit: float, repeats: int, *arguments: str) -> Case:
    return Case(
        name=name,
        amount=1,
        unit="",
        action=partial(_run, *arguments),
        repeats=repeats,
        budgets=(Budget(text=f"{limit} s, warm", ratio="seconds", limit=limit),),
    )


def _run(*arguments: str) -> None:
    command = [sys.executable, "-m", "sgengine", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
