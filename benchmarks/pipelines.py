"""Files of deliveries to figures, beside decoding the same columns alone and the kernels alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.case import Budget, Case
from benchmarks.contenders import SQL, by_kernels, by_sgengine, ragged_of
from benchmarks.kernels import FAMILIES, gap_histogram
from benchmarks.sizes import Size
from benchmarks.threads import WORKERS, over
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.compute import MeasureSettings, compute
from sgengine.executors import Executor, Threads
from sgengine.readers import ReadOptions


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is wanted of a file.

    ``rows``: REQUESTS and GAPS themselves, as ``sgengine sql`` and ``nightly`` want them; else the figures
    of groups, as ``sgengine analyze`` prints them, without the digests of the files.
    """

    name: str
    measure: MeasureSettings
    rows: bool

    def run(self, path: Path, executor: Executor) -> None:
        """The job, done by the engine."""
        settings = AnalyzeSettings(
            read=ReadOptions(hashed=False), measure=self.measure, executor=executor
        )
        found = analyze([str(path)], settings, keep_requests=self.rows, figures=not self.rows)
        assert found.is_clean


PRINTED = Job(
    name="what analyze prints",
    measure=FAMILIES["REQUESTS without envelopes and smoothness"],
    rows=False,
)
ROWS = Job(name="all of REQUESTS", measure=MeasureSettings(gaps=True), rows=True)
JOBS = (PRINTED, ROWS)


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of deliveries: ``decode`` reads its batch number ``k`` of ``count``, on one thread.

    ``mapped``: a batch is read from the file only when it is looked at.
    """

    kind: str
    path: Path
    count: int
    decode: Callable[[int], pa.RecordBatch]
    mapped: bool = False


def cases(size: Size, folder: Path) -> Iterator[Case]:
    """Parquet, then Arrow IPC; Polars and DuckDB from the same Parquet file."""
    parquet = size.file.parquet(folder)
    yield from _file_cases(_parquet(parquet))
    yield from _file_cases(_ipc(size.file.ipc(folder)))
    yield from _drifting_cases(size, folder)
    yield from _sql_cases(size, folder)


def _parquet(path: Path) -> File:
    def decode(group: int) -> pa.RecordBatch:
        with pq.ParquetFile(path, memory_map=True) as file:
            (batch,) = file.read_row_group(group, use_threads=False).combine_chunks().to_batches()
            return batch

    with pq.ParquetFile(path) as file:
        return File(kind="Parquet", path=path, count=file.num_row_groups, decode=decode)


def _ipc(path: Path) -> File:
    def decode(index: int) -> pa.RecordBatch:
        with pa.ipc.open_file(pa.memory_map(str(path))) as file:
            return file.get_batch(index)

    with pa.ipc.open_file(pa.memory_map(str(path))) as file:
        count = file.num_record_batches
    return File(kind="Arrow IPC", path=path, count=count, decode=decode, mapped=True)


def _file_cases(file: File) -> Iterator[Case]:
    batches = over(file.decode, range(file.count))
    n = sum(len(batch.column("chunk_times_ns").flatten()) for batch in batches)
    decoding = f"{file.kind}: decoding alone, {WORKERS} threads"
    timed = partial(Case, amount=n, nbytes=file.path.stat().st_size)
    yield timed(name=decoding, action=lambda: over(partial(_decoded, file), range(file.count)))
    kernels = {job.name: f"{file.kind}: kernels alone, for {job.name}" for job in JOBS}
    for job in JOBS:
        action = partial(_kernels, batches, job.measure)
        yield timed(name=kernels[job.name], action=action)
    del batches, action
    for job in JOBS:
        yield timed(
            name=f"{file.kind} -> {job.name}, {WORKERS} threads",
            action=partial(job.run, file.path, Threads(workers=WORKERS)),
            against=decoding,
            budgets=_budgets(file.kind, decoding, kernels[job.name]),
        )


def _drifting_cases(size: Size, folder: Path) -> Iterator[Case]:
    """A trace whose percentiles of gaps lie elsewhere than those of its first part."""
    trace = replace(size.file, name=f"drifting-{size.file.name}", shape="drifting")
    for file in (_parquet(trace.parquet(folder)), _ipc(trace.ipc(folder))):
        n = sum(len(batch.column("chunk_times_ns").flatten()) for batch in _batches(file))
        yield Case(
            name=f"{file.kind}, gaps that drift -> {PRINTED.name}, {WORKERS} threads",
            action=partial(PRINTED.run, file.path, Threads(workers=WORKERS)),
            amount=n,
            nbytes=file.path.stat().st_size,
        )


def _batches(file: File) -> Iterator[pa.RecordBatch]:
    return (file.decode(k) for k in range(file.count))


def _budgets(kind: str, decoding: str, kernels: str) -> tuple[Budget, ...]:
    both = Budget(
        text="1.1 x (decoding + kernels, each alone)",
        ratio="times",
        limit=1.1,
        of=(decoding, kernels),
    )
    alone = Budget(text="1.2 x decoding alone", ratio="times", limit=1.2, of=(decoding,))
    return (alone, both) if kind == "Parquet" else (both,)


def _decoded(file: File, index: int) -> Any:
    """Decode a batch; of what is mapped look at every time."""
    batch = file.decode(index)
    return np.max(batch.column("chunk_times_ns").values.to_numpy()) if file.mapped else None


def _kernels(batches: Sequence[pa.RecordBatch], settings: MeasureSettings) -> None:
    """The columns of every batch and the histogram of its gaps."""

    def one(batch: pa.RecordBatch) -> None:
        gap_histogram(compute(batch, settings).ragged)

    over(one, batches)


def _sql_cases(size: Size, folder: Path) -> Iterator[Case]:
    """The core figures from a file, the times alone read; checked equal to the engine's."""
    path = size.memory.parquet(folder)
    expected = by_sgengine(pq.read_table(path))
    decoding = f"core figures from Parquet: decoding alone, {WORKERS} threads"
    timed = partial(Case, amount=_tokens(path), nbytes=path.stat().st_size)
    yield timed(name=decoding, action=partial(_core, path, decode_only=True))
    assert np.array_equal(_core(path), expected), "the engine disagrees with itself"
    yield timed(
        name="core figures from Parquet: sgengine", action=partial(_core, path), against=decoding
    )
    for name, figures in SQL.items():
        assert np.array_equal(figures(path), expected), f"{name} disagrees"
        yield timed(
            name=f"core figures from Parquet: {name}",
            action=partial(figures, path),
            against=decoding,
        )


def _tokens(path: Path) -> int:
    with pq.ParquetFile(path) as file:
        return sum(
            file.metadata.row_group(group).column(column).num_values
            for group in range(file.num_row_groups)
            for column in range(file.metadata.num_columns)
            if file.metadata.schema.column(column).path.startswith("chunk_times_ns")
        )


def _core(path: Path, *, decode_only: bool = False) -> Any:
    """The core figures of each row group, decoded on the thread that measures it."""
    with pq.ParquetFile(path) as file:
        groups = range(file.num_row_groups)

    def one(group: int) -> Any:
        with pq.ParquetFile(path, memory_map=True) as file:
            table = file.read_row_group(group, columns=["chunk_times_ns"], use_threads=False)
        return None if decode_only else _figures(table)

    found = over(one, groups)
    return None if decode_only else np.concatenate(found)


def _figures(table: pa.Table) -> Any:
    return np.concatenate([by_kernels(ragged_of(batch)) for batch in table.to_batches()])
