"""Another reader and SLO for requests that are measured already: from envelopes, without the tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.case import Budget, Case
from benchmarks.sizes import Size
from benchmarks.threads import WORKERS, over
from sgengine.aggregate import SummarySettings
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.api import Measured, connect, measure
from sgengine.compute import MeasureSettings
from sgengine.compute.envelopes import idle_at
from sgengine.executors import Threads
from sgengine.objectives import Reader

SPEED, ALPHA = 20, 2.5
READER = Reader(first_ns=10**9 // SPEED, pace_ns=10**9 // SPEED)
TOKENS = f"what-if: analyzed again from the tokens, {WORKERS} threads"
_ROWS = 1 << 17


def cases(size: Size, folder: Path) -> Iterator[Case]:
    """By the kernel and by the SQL macro, whose smooth goodput is compared first."""
    yield _again_case(size, folder)
    measured = many(measure(size.memory.table()), size.envelopes)
    rows = measured.requests.num_rows
    batches = measured.requests.select(["n_output_tokens", "envelope"]).to_batches()
    con = connect(measured)
    _check_equal(con, batches)
    timed = partial(Case, amount=rows, unit="requests", against=TOKENS)
    yield timed(
        name=f"what-if: kernel envelope_at, {WORKERS} threads",
        action=partial(idles, batches),
        budgets=(
            *_seconds(rows, 1.0),
            Budget(text="50 x from the tokens", ratio="faster_each", limit=50, of=(TOKENS,)),
        ),
    )
    yield timed(
        name=f"what-if: sum of benefit by the kernel, {WORKERS} threads",
        action=partial(benefit, batches),
        budgets=_seconds(rows, 1.0),
    )
    del batches
    question = f"SELECT * FROM smooth_goodput({SPEED}, alpha := {ALPHA})"
    yield timed(
        name="what-if: SQL macro smooth_goodput",
        action=lambda: con.execute(question).fetchall(),
        budgets=_seconds(rows, 2.5),
    )
    yield timed(
        name="by_system_workload, every figure in SQL",
        action=lambda: con.execute("SELECT * FROM by_system_workload").fetchall(),
        repeats=0,
    )


def _seconds(rows: int, limit: float) -> tuple[Budget, ...]:
    return (Budget(text=f"{limit:g} s for {rows / 1e6:g} M", ratio="seconds", limit=limit),)


def many(measured: Measured, rows: int) -> Measured:
    """The measured trace with its requests repeated to ``rows``, every copy in memory of its own."""
    table = measured.requests
    times = max(1, rows // table.num_rows)
    copies = [_copied(batch) for _ in range(times) for batch in table.to_batches(_ROWS)]
    return replace(measured, requests=pa.Table.from_batches(copies))


def _copied(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A deep copy, through Arrow's own format in memory."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    with pa.ipc.open_stream(sink.getvalue()) as reader:
        return reader.read_next_batch()


def idles(batches: Sequence[pa.RecordBatch]) -> list[Any]:
    """Every request's user idle latency for the reader, by the kernel."""
    return over(lambda batch: idle_at(batch.column("envelope"), READER), batches)


def benefit(batches: Sequence[pa.RecordBatch]) -> float:
    """The sum of n - alpha * l over all requests, which have tokens."""

    def one(batch: pa.RecordBatch) -> float:
        idle = idle_at(batch.column("envelope"), READER)
        n = batch.column("n_output_tokens").to_numpy()
        return float(n.sum() - ALPHA * idle.sum() / 1e9)

    return sum(over(one, batches))


def _check_equal(con: Any, batches: Sequence[pa.RecordBatch]) -> None:
    columns = "smooth_goodput * duration_s"
    (by_sql,) = con.execute(
        f"SELECT sum({columns}) FROM smooth_goodput({SPEED}, alpha := {ALPHA})"
    ).fetchone()
    assert np.isclose(by_sql, benefit(batches), rtol=1e-9), "SQL and kernel disagree"


def _again_case(size: Size, folder: Path) -> Case:
    """The same question without envelopes: the trace is read and measured again."""
    path = size.memory.parquet(folder)
    settings = AnalyzeSettings(
        measure=MeasureSettings(reader=READER, envelopes=False, smoothness=False, gaps=False),
        summary=SummarySettings(reader=READER),
        executor=Threads(workers=WORKERS),
    )
    return Case(
        name=TOKENS,
        amount=size.memory.requests,
        unit="requests",
        action=lambda: analyze([str(path)], settings),
    )
