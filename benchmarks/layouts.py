"""Ways to keep token times on disk: how fast each decodes, how small it is, and who can read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.case import Budget, Case
from benchmarks.sizes import Size
from benchmarks.threads import WORKERS, over
from sgengine.readers import Partition, ReadOptions, plan, read, resolve

Int64s = npt.NDArray[np.int64]

_NESTED = "chunk_times_ns.list.element"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Times as lists, a row a request, or ``flat``, a row a token; in Parquet unless ``ipc``.

    ``budgets``: of the engine's own decoding, which reads lists.
    """

    name: str
    flat: bool = False
    ipc: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    budgets: tuple[Budget, ...] = ()

    @property
    def column(self) -> str:
        """The Parquet column that holds the times."""
        return "chunk_times_ns" if self.flat else _NESTED


def _delta(*, flat: bool, compression: str) -> dict[str, Any]:
    column = "chunk_times_ns" if flat else _NESTED
    return {"compression": compression, "column_encoding": {column: "DELTA_BINARY_PACKED"}}


LAYOUTS = (
    Layout(name="lists, delta, zstd", options=_delta(flat=False, compression="zstd")),
    Layout(
        name="lists, delta",
        options=_delta(flat=False, compression="none"),
        budgets=(Budget(text="500 M tokens/s, read by all", ratio="rate", limit=500e6),),
    ),
    Layout(name="lists, plain, zstd", options={"compression": "zstd"}),
    Layout(name="flat, delta, zstd", flat=True, options=_delta(flat=True, compression="zstd")),
    Layout(
        name="flat, delta",
        flat=True,
        options=_delta(flat=True, compression="none"),
    ),
    Layout(name="Arrow IPC", ipc=True),
)


def cases(size: Size, folder: Path) -> Iterator[Case]:
    """Decoding of each layout alone; what every library reads from it is compared first."""
    table = size.memory.table().select(["chunk_times_ns"])
    expected = _flat(table)
    for number, layout in enumerate(LAYOUTS):
        path = folder / f"layout{number}"
        _write(layout, table, path)
        readers = _IPC_READERS if layout.ipc else _READERS
        for name, by in readers.items():
            assert np.array_equal(by(path), expected), f"{name} reads {layout.name} otherwise"
        timed = partial(
            Case,
            note=f"{path.stat().st_size / expected.size:.1f} bytes a token",
            amount=expected.size,
            nbytes=path.stat().st_size,
        )
        name = f"layout: {layout.name}, decoding by Arrow, {WORKERS} threads"
        yield timed(name=name, action=partial(_decode, path, ipc=layout.ipc))
        if not layout.flat and not layout.ipc:
            parts = _planned(path)
            found = pa.Table.from_batches(b.deliveries for part in parts for b in read(part))
            assert np.array_equal(_flat(found), expected), f"sgengine reads {layout.name} otherwise"
            yield timed(
                name=f"layout: {layout.name}, decoding by sgengine, {WORKERS} threads",
                action=partial(_by_engine, parts),
                against=name,
                budgets=layout.budgets,
            )


def _write(layout: Layout, table: pa.Table, path: Path) -> None:
    parts = table.to_batches()
    if layout.flat:
        values = [part.column("chunk_times_ns").values for part in parts]
        parts = [pa.record_batch({"chunk_times_ns": times}) for times in values]
    schema = parts[0].schema
    if layout.ipc:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for part in parts:
                writer.write_batch(part)
        return
    with pq.ParquetWriter(path, schema, use_dictionary=False, **layout.options) as writer:
        for part in parts:
            writer.write_batch(part, row_group_size=part.num_rows)


def _decode(path: Path, *, ipc: bool) -> None:
    """Every time once in memory; of what is mapped every value is looked at."""
    if ipc:
        with pa.ipc.open_file(pa.memory_map(str(path))) as file:
            batches = [file.get_batch(index) for index in range(file.num_record_batches)]
        over(lambda batch: np.max(batch.column(0).values.to_numpy()), batches)
        return

    def one(group: int) -> int:
        with pq.ParquetFile(path, memory_map=True) as file:
            return int(file.read_row_group(group, use_threads=False).num_rows)

    with pq.ParquetFile(path) as file:
        groups = range(file.num_row_groups)
    over(one, groups)


def _planned(path: Path) -> tuple[Partition, ...]:
    options = ReadOptions(hashed=False, format="deliveries-parquet")
    (source,) = resolve([str(path)], options)
    return plan(source, options).partitions


def _by_engine(partitions: Sequence[Partition]) -> None:
    """As ``_decode``: every time once in memory, as the engine's reader gives and checks them."""
    over(lambda part: sum(batch.deliveries.num_rows for batch in read(part)), partitions)


def _flat(table: pa.Table) -> Int64s:
    column = table.column("chunk_times_ns")
    lists = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
    chunks = [chunk.flatten() if lists else chunk for chunk in column.chunks]
    return np.concatenate([chunk.to_numpy(zero_copy_only=False) for chunk in chunks])


def _by_duckdb(path: Path) -> Int64s:
    with duckdb.connect() as con:
        return _flat(con.read_parquet(str(path)).to_arrow_table())


def _by_polars(path: Path) -> Int64s:
    return _flat(pl.read_parquet(path).to_arrow())


_READERS: dict[str, Callable[[Path], Int64s]] = {
    "pyarrow": lambda path: _flat(pq.read_table(path)),
    "Polars": _by_polars,
    "DuckDB": _by_duckdb,
}
_IPC_READERS: dict[str, Callable[[Path], Int64s]] = {
    "pyarrow": lambda path: _flat(pa.ipc.open_file(pa.memory_map(str(path))).read_all()),
    "Polars": lambda path: _flat(pl.read_ipc(path).to_arrow()),
}
"""DuckDB reads no Arrow IPC without an extension."""
