"""The same figures by other means: ttft, e2e_latency, itl_max, user idle latency and late tokens.

Each takes a DELIVERIES table whose rows have chunks and gives an (R, 5) int64 array, rows in order.
"""

from __future__ import annotations

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from sgengine.compute.ragged import Ragged, frozen
from sgengine.kernels import request, scan

FIRST_NS = PACE_NS = 25_000_000
Figures = npt.NDArray[np.int64]


def flat(table: pa.Table) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Times and offsets of each chunk of the table, zero-copy."""
    parts = []
    for chunk in table["chunk_times_ns"].chunks:
        offsets = chunk.offsets.to_numpy().astype(np.int64)
        parts.append((chunk.values.to_numpy(), offsets))
    return parts


def by_sgengine(table: pa.Table) -> Figures:
    """The engine's own kernels, one thread."""
    found = []
    for times, offsets in flat(table):
        rows = offsets.size - 1
        out = [np.zeros(rows, dtype=np.int64) for _ in range(7)]
        ragged = Ragged(
            times=frozen(times),
            offsets=frozen(offsets),
            sizes=frozen(np.zeros(0, dtype=np.int32)),
            size_offsets=frozen(np.zeros(rows + 1, dtype=np.int64)),
            kinds=frozen(np.full(rows, scan.ONE_EACH, dtype=np.uint8)),
        )
        tokens = (ragged.times, ragged.offsets, ragged.sizes, ragged.size_offsets, ragged.kinds)
        n = np.diff(offsets)
        breach = np.zeros(rows, dtype=np.uint8)
        ttft, last, chunk, gap, idle, low, late = out
        reader = (FIRST_NS, PACE_NS)
        figures = (ttft, last, chunk, gap, idle, low, late)
        request.latency_and_delivery(*tokens, *reader, breach, n, *figures)
        found.append(np.stack([ttft, last, gap, idle, late], axis=1))
    return np.concatenate(found)


def by_numpy(table: pa.Table) -> Figures:
    """Whole-array NumPy over the flat tokens, reduced by request."""
    found = []
    for times, offsets in flat(table):
        starts, ends = offsets[:-1], offsets[1:] - 1
        index = np.arange(times.size) - np.repeat(starts, np.diff(offsets))
        lateness = times - (FIRST_NS + index * PACE_NS)
        gaps = np.diff(times, prepend=0)
        gaps[starts] = 0
        found.append(
            np.stack(
                [
                    times[starts],
                    times[ends],
                    np.maximum.reduceat(gaps, starts),
                    np.maximum(np.maximum.reduceat(lateness, starts), 0),
                    np.add.reduceat((lateness > 0).astype(np.int64), starts),
                ],
                axis=1,
            )
        )
    return np.concatenate(found)


def by_polars(table: pa.Table) -> Figures:
    """Polars expressions over the list column, all its threads."""
    times = pl.col("chunk_times_ns")
    frame = pl.DataFrame(table.select(["chunk_times_ns"])).lazy().with_row_index("row")
    exploded = frame.explode("chunk_times_ns").with_columns(
        (times - FIRST_NS - PACE_NS * pl.int_range(pl.len()).over("row")).alias("lateness"),
        (times - times.shift(1).over("row")).alias("gap"),
    )
    figures = exploded.group_by("row", maintain_order=True).agg(
        times.first().alias("ttft"),
        times.last().alias("e2e"),
        pl.col("gap").max().fill_null(0),
        pl.max_horizontal(pl.col("lateness").max(), 0).alias("idle"),
        (pl.col("lateness") > 0).sum().cast(pl.Int64).alias("late"),
    )
    return figures.drop("row").collect().to_numpy().astype(np.int64)


_SQL = f"""
WITH t AS (
    SELECT row_number() OVER () AS row, chunk_times_ns AS x FROM deliveries
)
SELECT
    x[1],
    x[len(x)],
    coalesce(list_max([x[i + 1] - x[i] FOR i IN range(1, len(x))]), 0),
    greatest(list_max([x[i] - ({FIRST_NS} + (i - 1) * {PACE_NS}) FOR i IN range(1, len(x) + 1)]), 0),
    len([i FOR i IN range(1, len(x) + 1) IF x[i] > {FIRST_NS} + (i - 1) * {PACE_NS}])
FROM t ORDER BY row
"""


def by_duckdb(table: pa.Table) -> Figures:
    """DuckDB list functions over the same Arrow table, all its threads."""
    with duckdb.connect() as con:
        con.register("deliveries", table.select(["chunk_times_ns"]))
        columns = con.execute(_SQL).fetchnumpy().values()
        return np.stack([np.asarray(column, dtype=np.int64) for column in columns], axis=1)


CONTENDERS = {
    "sgengine kernels, 1 thread": by_sgengine,
    "NumPy": by_numpy,
    "Polars": by_polars,
    "DuckDB SQL": by_duckdb,
}
