"""What is timed: kernels in memory beside the memory's own speed, and files beside decoding alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import events
from benchmarks.contenders import CONTENDERS
from benchmarks.workloads import Workload
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.api import connect, measure
from sgengine.compute import MeasureSettings, compute
from sgengine.executors import Threads

WORKERS = 2


@dataclass(frozen=True, kw_only=True)
class Case:
    """One line of the table: ``tokens`` (or requests, in ``unit``) go through ``action``.

    ``against``: the case whose time it is compared with.
    """

    name: str
    amount: int
    action: Callable[[], Any]
    unit: str = "tokens"
    against: str | None = None


def kernel_cases(workload: Workload) -> Iterator[Case]:
    """Kernels and contenders on deliveries in memory; contenders are checked equal first."""
    table = workload.table()
    n = _tokens(table)
    expected = CONTENDERS["NumPy"](table)
    flat = np.concatenate([c.values.to_numpy() for c in table["chunk_times_ns"].chunks])
    yield Case(name="memory: sum of the same buffer, 1 thread", amount=n, action=flat.sum)
    base = "sgengine kernels, 1 thread"
    for name, figures in CONTENDERS.items():
        found = figures(table)
        assert np.array_equal(found, expected), f"{name} disagrees"
        yield Case(
            name=f"core figures: {name}",
            amount=n,
            action=lambda figures=figures: figures(table),
            against=None if name == base else f"core figures: {base}",
        )
    batches = table.to_batches()
    for name, settings in _FAMILIES.items():
        yield Case(
            name=f"compute: {name}, 1 thread",
            amount=n,
            action=lambda settings=settings: [compute(b, settings) for b in batches],
        )


_FAMILIES = {
    "REQUESTS without envelopes and smoothness": MeasureSettings(
        envelopes=False, smoothness=False, gaps=False
    ),
    "all of REQUESTS": MeasureSettings(gaps=False),
}


def pipeline_cases(workload: Workload, folder: Path) -> Iterator[Case]:
    """A Parquet file of deliveries to figures, beside decoding its token column alone."""
    path = workload.write(folder / f"{workload.name}.parquet")
    with pq.ParquetFile(path) as file:
        groups = file.metadata.num_row_groups
    n = (
        _tokens(workload.table())
        if workload.requests <= 100_000
        else workload.requests * workload.tokens
    )
    decoding = f"decode alone, {WORKERS} threads"

    def decode(group: int) -> int:
        with pq.ParquetFile(path) as file:
            return file.read_row_group(group, use_threads=False).num_rows

    def decode_all() -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(decode, range(groups)))

    yield Case(name=decoding, amount=n, action=decode_all)
    slim = _FAMILIES["REQUESTS without envelopes and smoothness"]
    for name, settings in (("what analyze prints", slim), ("all of REQUESTS", MeasureSettings())):
        chosen = AnalyzeSettings(measure=settings, executor=Threads(workers=WORKERS))
        yield Case(
            name=f"Parquet -> {name}, {WORKERS} threads",
            amount=n,
            action=lambda chosen=chosen: analyze([str(path)], chosen),
            against=decoding,
        )


def what_if_cases(workload: Workload) -> Iterator[Case]:
    """Another reader for every request, from stored envelopes, in SQL."""
    measured = measure(workload.table())
    con = connect(measured)
    rows = measured.requests.num_rows
    yield Case(
        name="what-if in SQL: smooth_goodput(20, 2.5)",
        amount=rows,
        unit="requests",
        action=lambda: con.execute("SELECT * FROM smooth_goodput(20, 2.5)").fetchall(),
    )
    yield Case(
        name="by_system_workload, every figure in SQL",
        amount=rows,
        unit="requests",
        action=lambda: con.execute("SELECT * FROM by_system_workload").fetchall(),
    )


def event_cases(workload: Workload) -> Iterator[Case]:
    """Events in memory to deliveries; contenders, who group chunks alone, are checked equal first."""
    for ids, texts in (("integer ids", False), ("string ids", True)):
        log = events.log_of(workload, texts=texts)
        chunks = events.chunks_of(log)
        expected = events.times_by_request(events.by_sgengine(log, WORKERS))
        ours = f"events -> deliveries: {ids}, {WORKERS} threads"
        yield Case(
            name=ours,
            amount=log.num_rows,
            unit="events",
            action=lambda log=log: events.by_sgengine(log, WORKERS),
        )
        for name, grouped in events.CONTENDERS.items():
            found = events.times_by_request(grouped(chunks))
            assert np.array_equal(found, expected), f"{name} disagrees"
            yield Case(
                name=f"events, grouping alone: {ids}, {name}",
                amount=chunks.num_rows,
                unit="events",
                action=lambda grouped=grouped, chunks=chunks: grouped(chunks),
                against=ours,
            )


def _tokens(table: pa.Table) -> int:
    return int(pc.sum(pc.list_value_length(table["chunk_times_ns"])).as_py())
