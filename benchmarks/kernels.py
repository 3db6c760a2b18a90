"""Kernels over deliveries in memory, beside the memory's own speed and the same figures by other means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.case import Budget, Case
from benchmarks.contenders import READER, SLIM, SQL, by_numpy, by_sgengine, ragged_of
from benchmarks.sizes import Size
from benchmarks.threads import WORKERS, evenly, over
from benchmarks.workloads import shapes
from sgengine.compute import MeasureSettings, compute
from sgengine.compute.ragged import Ragged
from sgengine.compute.rows import HullRoom, measure_rows, tokens_of
from sgengine.kernels import gaps, request
from sgengine.kernels.histogram import N_BUCKETS

SUM = f"memory: sum of the same buffer, {WORKERS} threads"
CORE = f"kernel: core figures, {WORKERS} threads"
FAMILIES = {
    "REQUESTS without envelopes and smoothness": MeasureSettings(
        envelopes=False, smoothness=False, gaps=False
    ),
    "all of REQUESTS": MeasureSettings(gaps=False),
}
_ITEM = 8
"""Bytes of a chunk time."""


def cases(size: Size, _folder: Path) -> Iterator[Case]:
    """Budgets 1 to 3 of the plan, all columns of ``compute``, contenders in memory, other shapes."""
    table = size.memory.table()
    batches = evenly(table)
    raggeds = [ragged_of(batch) for batch in batches]
    n = sum(int(ragged.offsets[-1] - ragged.offsets[0]) for ragged in raggeds)
    yield from _kernel_cases(raggeds, n)
    yield from _contender_cases(pa.Table.from_batches(batches), n)
    for name, settings in FAMILIES.items():
        yield _compute_case(f"compute: {name}, {WORKERS} threads", batches, settings)
    yield from _shape_cases(size)


def _kernel_cases(raggeds: Sequence[Ragged], n: int) -> Iterator[Case]:
    buffers = [r.times[r.offsets[0] : r.offsets[-1]] for r in raggeds]
    yield Case(name=SUM, amount=n, nbytes=_ITEM * n, action=lambda: over(np.sum, buffers))
    yield _kernel_case(
        CORE,
        raggeds,
        core_figures,
        Budget(text="60 % of the memory's read speed", ratio="share", limit=0.6, of=(SUM,)),
    )
    yield _kernel_case(
        f"kernel: envelope, {WORKERS} threads",
        raggeds,
        envelopes,
        Budget(text="600 M tokens/s", ratio="rate", limit=600e6),
        Budget(text="20 % of the memory's read speed", ratio="share", limit=0.2, of=(SUM,)),
    )
    yield _kernel_case(
        f"kernel: gap histogram, {WORKERS} threads",
        raggeds,
        gap_histogram,
        Budget(text="1 G tokens/s", ratio="rate", limit=1e9),
    )


def _kernel_case(
    name: str, raggeds: Sequence[Ragged], kernel: Callable[[Ragged], Any], *budgets: Budget
) -> Case:
    n = sum(int(ragged.offsets[-1] - ragged.offsets[0]) for ragged in raggeds)
    return Case(
        name=name,
        amount=n,
        nbytes=_ITEM * n,
        action=lambda: over(kernel, raggeds),
        budgets=budgets,
    )


def core_figures(ragged: Ragged) -> None:
    """Latencies and how one reader is met, of one batch, as the kernel leaves them."""
    measure_rows(ragged, np.diff(ragged.offsets), SLIM)


def envelopes(ragged: Ragged) -> None:
    """The envelopes of one batch."""
    room = HullRoom(ragged)
    counts, start = np.diff(ragged.offsets), 0
    while start < ragged.rows:
        start = request.envelope(
            *tokens_of(ragged), counts, False, start, READER.first_ns, *room.arrays()
        )
        if start < ragged.rows:
            room.grow()


def gap_histogram(ragged: Ragged) -> Any:
    """The gaps of one batch, counted in one histogram."""
    counts = np.zeros((1, N_BUCKETS), dtype=np.int64)
    rows = np.arange(ragged.rows)
    groups = np.zeros(ragged.rows, dtype=np.int64)
    buckets = np.empty(gaps.BLOCK, dtype=np.int32)
    gaps.count_gaps(ragged.times, ragged.offsets, groups, ragged.kinds, rows, counts, buckets)
    return counts


def _contender_cases(table: pa.Table, n: int) -> Iterator[Case]:
    """The engine and the others from Arrow to the same figures; all are checked equal first."""
    expected = by_sgengine(table)
    means = {"NumPy, 1 thread": by_numpy, **SQL}
    for name, figures in means.items():
        assert np.array_equal(figures(table), expected), f"{name} disagrees"
    names = {name: f"core figures in {name}" for name in means}
    yield Case(
        name="core figures in sgengine",
        amount=n,
        action=lambda: by_sgengine(table),
        budgets=tuple(
            Budget(text=f"5 x {name}", ratio="faster", limit=5, of=(names[name],)) for name in SQL
        ),
    )
    for name, figures in means.items():
        yield Case(
            name=names[name],
            amount=n,
            action=lambda figures=figures: figures(table),
            against="core figures in sgengine",
        )


def _compute_case(name: str, batches: Sequence[pa.RecordBatch], settings: MeasureSettings) -> Case:
    n = sum(len(batch.column("chunk_times_ns").flatten()) for batch in batches)
    return Case(
        name=name,
        amount=n,
        action=lambda: over(lambda batch: compute(batch, settings), batches),
    )


def _shape_cases(size: Size) -> Iterator[Case]:
    """All columns of other shapes of requests; one long request keeps one thread busy."""
    for workload in shapes(size.shapes):
        batches = evenly(workload.table())
        yield _compute_case(
            f"compute: all of REQUESTS, {workload.name}", batches, FAMILIES["all of REQUESTS"]
        )
