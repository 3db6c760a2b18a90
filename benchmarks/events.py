"""Event logs in memory, and three ways to put each request's chunk times together, in order.

The engine makes whole DELIVERIES of the whole log: arrivals and ends joined, sizes carried along, times
since the arrival. The others get an easier task: the chunks alone, request and time, as two columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, pairwise
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from benchmarks.case import Budget, Case
from benchmarks.sizes import Size
from benchmarks.threads import WORKERS
from benchmarks.workloads import Workload
from sgengine import shuffle

Int64s = npt.NDArray[np.int64]

_LABELS = {"run": "r", "system": "s", "workload": "w", "clock": "unix", "origin": "sent"}
_KINDS = pa.array(["arrival", "chunk", "end"])
_BATCH_ROWS = 1 << 20
_BATCH_BYTES = 64 << 20


def cases(size: Size, _folder: Path) -> Iterator[Case]:
    """Integer and string ids; all are checked equal before any is timed."""
    limits = {"integer ids": (False, 80e6, 1.7), "string ids": (True, 45e6, 1.1)}
    for ids, (texts, rate, faster) in limits.items():
        log = log_of(size.memory, texts=texts)
        chunks = chunks_of(log)
        expected = times_by_request(by_sgengine(log, WORKERS))
        for name, grouped in CONTENDERS.items():
            assert np.array_equal(times_by_request(grouped(chunks)), expected), f"{name} disagrees"
        del expected
        names = {name: f"events, grouping alone: {ids}, {name}" for name in CONTENDERS}
        ours = f"events -> deliveries: {ids}, {WORKERS} threads"
        yield Case(
            name=ours,
            amount=log.num_rows,
            unit="events",
            nbytes=log.nbytes,
            action=partial(by_sgengine, log, WORKERS),
            budgets=(
                Budget(text=f"{rate / 1e6:.0f} M events/s", ratio="rate", limit=rate),
                Budget(
                    text=f"{faster} x the best of the others",
                    ratio="faster",
                    limit=faster,
                    of=tuple(names.values()),
                ),
            ),
        )
        for name, grouped in CONTENDERS.items():
            yield Case(
                name=names[name],
                amount=chunks.num_rows,
                unit="events",
                nbytes=chunks.nbytes,
                action=partial(grouped, chunks),
                against=ours,
            )


def log_of(workload: Workload, *, texts: bool) -> pa.Table:
    """The events of a workload in order of time; ids of 41 characters, or whole numbers."""
    table = workload.table()
    lists = table["chunk_times_ns"].combine_chunks()
    arrivals = table["arrival_ns"].to_numpy()
    offsets = lists.offsets.to_numpy()
    lengths = np.diff(offsets)
    requests = np.arange(arrivals.size)
    chunks = np.repeat(arrivals, lengths) + lists.values.to_numpy()
    times = np.concatenate([arrivals, chunks, chunks[offsets[1:] - 1]])
    numbers = np.concatenate([requests, np.repeat(requests, lengths), requests])
    kinds = np.repeat(np.arange(3, dtype=np.int32), [arrivals.size, chunks.size, arrivals.size])
    order = np.argsort(times, kind="stable")
    kinds, ids = kinds[order], pa.array(numbers[order])
    if texts:
        ids = pa.array([f"chatcmpl-{number:032x}" for number in requests]).take(ids)
    sizes = pa.array(np.ones(kinds.size, dtype=np.int32), mask=kinds != 1)
    events = pa.DictionaryArray.from_arrays(pa.array(kinds), _KINDS)
    return pa.table({"request_id": ids, "event": events, "time_ns": times[order], "tokens": sizes})


def by_sgengine(log: pa.Table, workers: int) -> list[pa.RecordBatch]:
    """The engine's shuffle in memory: pieces, requests, deliveries."""
    with ThreadPoolExecutor(workers) as pool:
        batches = log.to_batches(max_chunksize=_BATCH_ROWS)
        pieces = list(pool.map(lambda batch: shuffle.piece_of(batch, _LABELS), batches))
        requests = shuffle.requests_of(pieces, shuffle.one_type_each(shuffle.types_in(pieces)))
        bounds = [requests.arrived * part // workers for part in range(workers + 1)]
        parts = pool.map(
            lambda part: list(shuffle.deliveries_of(requests, *part, _BATCH_BYTES)),
            pairwise(bounds),
        )
        return [found.deliveries for found in chain.from_iterable(parts)]


def by_polars(chunks: pa.Table) -> pl.DataFrame:
    """``group_by``, each request's times sorted."""
    frame = pl.from_arrow(chunks)
    assert isinstance(frame, pl.DataFrame)
    return frame.group_by("request_id").agg(pl.col("time_ns").sort())


def by_duckdb(chunks: pa.Table) -> pa.Table:
    """``list(... ORDER BY ...)``."""
    with duckdb.connect() as con:
        con.register("chunks", chunks)
        query = (
            "SELECT request_id, list(time_ns ORDER BY time_ns) AS time_ns FROM chunks GROUP BY ALL"
        )
        return con.sql(query).to_arrow_table()


CONTENDERS: dict[str, Callable[[pa.Table], pl.DataFrame | pa.Table]] = {
    "Polars group_by": by_polars,
    "DuckDB list(order by)": by_duckdb,
}


def chunks_of(log: pa.Table) -> pa.Table:
    """Request and time of the chunks."""
    is_chunk = pa.compute.equal(log["event"].cast(pa.string()), "chunk")
    return log.select(["request_id", "time_ns"]).filter(is_chunk).combine_chunks()


def times_by_request(found: pl.DataFrame | pa.Table | list[pa.RecordBatch]) -> Int64s:
    """All chunk times on the clock, request by request in order of their ids: what must be equal."""
    if isinstance(found, list):
        whole = pa.Table.from_batches(found)
        lists = whole["chunk_times_ns"].combine_chunks()
        counts = np.diff(lists.offsets.to_numpy())
        times = np.repeat(whole["arrival_ns"].to_numpy(), counts) + lists.flatten().to_numpy()
        ids = whole["request_id"]
    else:
        whole = found.to_arrow() if isinstance(found, pl.DataFrame) else found
        lists = whole["time_ns"].combine_chunks()
        counts = pa.compute.list_value_length(lists).to_numpy()
        times = lists.flatten().to_numpy()
        ids = whole["request_id"]
    names = np.array(ids.cast(pa.string()).to_pylist())
    starts = np.concatenate([[0], np.cumsum(counts)])
    return np.concatenate([times[starts[k] : starts[k + 1]] for k in np.argsort(names)])
