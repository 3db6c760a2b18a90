"""Time and greatest memory of whole processes from 1e5 to 1e7 requests; only in full."""

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
POINTS = (100, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
"""Requests; the first is how long a process takes to start."""

VERBS = {"analyze": "analyze of Parquet", "record": "analyze --store"}


def cases(size: Size, folder: Path) -> Iterator[Case]:
    """At each size the figures alone, then the same with every request committed to a store."""
    if not size.is_full:
        return
    for requests in POINTS:
        trace = Workload(name=f"curve{requests}", requests=requests, tokens=_TOKENS, seed=3)
        path = folder / f"{trace.name}.parquet"
        write_parquet(path, trace.parts())
        for verb in VERBS:
            yield Case(
                name=name_of(verb, requests),
                amount=requests,
                unit="requests",
                action=partial(_run, verb, path, folder),
                repeats=2 if requests <= 1_000_000 else 0,
            )
        path.unlink()


def name_of(verb: str, requests: int) -> str:
    """The case of one point of a curve."""
    return f"curve: {VERBS[verb]}, {requests:,} requests"


def _run(verb: str, path: Path, folder: Path) -> object:
    arguments = ["analyze", str(path), "--json"]
    if verb == "record":
        store = folder / "curve-store"
        shutil.rmtree(store, ignore_errors=True)
        arguments += ["--store", str(store)]
    return watched(folder / "watched.json", *arguments)
