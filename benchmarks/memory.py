"""The greatest memory of whole processes, from files that are made in streams."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.case import Budget, Case, missing
from benchmarks.sizes import Size
from benchmarks.threads import over
from benchmarks.watched import watched
from benchmarks.workloads import Workload, write_parquet

_LIMIT = Budget(text="2 GiB", ratio="peak", limit=2048)
_ROW_GROUP = Workload(name="one-row-group", requests=500_000, seed=2)
_HUGE = Workload(name="huge", requests=10_000_000)
_BYTES_A_TOKEN = 4.2
_GIB = 1 << 30


def cases(size: Size, folder: Path) -> Iterator[Case]:
    """The file that pipelines read; in full also 2 G tokens, and a single row group of 100 M."""
    trace = size.file
    yield _case(f"process: analyze, {trace.name}", trace, trace.parquet(folder), folder)
    if not size.is_full:
        return
    group = _ROW_GROUP
    path = folder / "one-row-group.parquet"
    write_parquet(path, iter([group.table().combine_chunks()]))
    yield _case("process: analyze, one row group of 100 M tokens", group, path, folder)
    path.unlink()
    yield _huge(folder)


def _case(name: str, workload: Workload, path: Path, folder: Path) -> Case:
    return Case(
        name=name,
        amount=workload.requests * workload.tokens,
        action=partial(watched, folder / "watched.json", "analyze", str(path), "--json"),
        repeats=0,
        budgets=(_LIMIT,),
    )


def _huge(folder: Path) -> Case:
    """2 G tokens in two files, if the disk has room for them."""
    name = "process: analyze, 2 G tokens"
    need = int(_HUGE.requests * _HUGE.tokens * _BYTES_A_TOKEN)
    free = shutil.disk_usage(folder).free
    if free < need + 2 * _GIB:
        reason = f"needs {need / _GIB:.0f} GiB of disk, {free / _GIB:.0f} GiB are free"
        return missing(name, reason, (_LIMIT,))
    traces = folder / "huge"
    traces.mkdir(exist_ok=True)
    base = list(Workload(name="base", requests=200_000).parts())
    over(partial(_write_half, base, traces), range(2))
    return _case(name, _HUGE, traces, folder)


def _write_half(base: list[pa.Table], folder: Path, half: int) -> None:
    """Half of the requests: those of ``base`` again and again, with ids and arrivals of their own."""
    rows = base[0].num_rows
    count = _HUGE.requests // rows // 2
    parts = (_renumbered(base[k % len(base)], half * count + k) for k in range(count))
    write_parquet(folder / f"half{half}.parquet", parts)


def _renumbered(part: pa.Table, number: int) -> pa.Table:
    ids = pa.array([f"r{number}-{k}" for k in range(part.num_rows)])
    arrivals = part["arrival_ns"].to_numpy() + number * 200 * 10**9
    columns = {"request_id": ids, "arrival_ns": pa.array(arrivals.astype(np.int64))}
    for name, column in columns.items():
        place = part.schema.get_field_index(name)
        part = part.set_column(place, part.schema.field(place), column)
    return part
