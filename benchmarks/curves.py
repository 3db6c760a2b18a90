"""Time and greatest memory from 1e5 to 1e7 requests, each in a process of its own; only in full."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.case import Case
from benchmarks.sizes import Size
from benchmarks.watched import watched
from benchmarks.workloads import Workload, write_parquet

_TOKENS = 20
POINTS = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
"""Requests."""

WARM = 70_000
"""Requests that each process analyzes before the clock starts: as many as all compiled code is used for.

After 100 it still loaded ten kernels, 35 ms, which is a fourth of the smallest point's time.
"""

VERBS = {"analyze": "analyze of Parquet", "record": "analyze --store"}


def cases(size: Size, folder: Path) -> Iterator[Case]:
    """At each size the figures alone, then the same with every request committed to a store."""
    if not size.is_full:
        return
    small = Workload(name="curve", requests=WARM, tokens=_TOKENS).parquet(folder)
    for requests in POINTS:
        trace = Workload(name=f"curve{requests}", requests=requests, tokens=_TOKENS, seed=3)
        path = folder / f"{trace.name}.parquet"
        write_parquet(path, trace.parts())
        for verb in VERBS:
            yield Case(
                name=name_of(verb, requests),
                amount=requests,
                unit="requests",
                action=partial(_run, verb, path, small, folder),
                repeats=3 if requests <= 1_000_000 else 0,
            )
        path.unlink()


def name_of(verb: str, requests: int) -> str:
    """The case of one point of a curve."""
    return f"curve: {VERBS[verb]}, {requests:,} requests"


def _run(verb: str, path: Path, small: Path, folder: Path) -> object:
    arguments, warm = (["analyze", str(trace), "--json"] for trace in (path, small))
    if verb == "record":
        for name, given in (("curve-store", arguments), ("warm-store", warm)):
            shutil.rmtree(folder / name, ignore_errors=True)
            given += ["--store", str(folder / name)]
    return watched(folder / "watched.json", *arguments, warm=tuple(warm))
