"""Seeded traces to measure: the same for every contender, run and machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sgengine.schema import DELIVERIES

START_NS = 1_772_000_000_000_000_000
_PART = 20_000


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Requests of about ``tokens`` one-token chunks each: 20 ms gaps, TTFT of 0.2 s, rare stalls."""

    name: str
    requests: int
    tokens: int = 200
    seed: int = 1

    def parts(self) -> Iterator[pa.Table]:
        """DELIVERIES in parts of 20,000 requests, so that no size needs much memory."""
        rng = np.random.default_rng(self.seed)
        for start in range(0, self.requests, _PART):
            yield self._part(rng, start, min(_PART, self.requests - start))

    def table(self) -> pa.Table:
        """All parts as one table, chunk by chunk."""
        return pa.concat_tables(self.parts())

    def write(self, path: Path) -> Path:
        """The canonical Parquet file: delta-packed times, zstd, a row group a part."""
        writer = None
        for part in self.parts():
            writer = writer or pq.ParquetWriter(
                path,
                part.schema,
                compression="zstd",
                use_dictionary=[f.name for f in part.schema if pa.types.is_dictionary(f.type)],
                column_encoding={"chunk_times_ns.list.element": "DELTA_BINARY_PACKED"},
            )
            writer.write_table(part)
        if writer is not None:
            writer.close()
        return path

    def _part(self, rng: np.random.Generator, start: int, rows: int) -> pa.Table:
        lengths = np.maximum(1, rng.poisson(self.tokens, rows))
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        gaps = rng.gamma(4, 5e6, size=offsets[-1]).astype(np.int64)
        gaps[offsets[:-1]] += rng.gamma(2, 1e8, size=rows).astype(np.int64)
        gaps[rng.random(gaps.size) < 0.001] += 500_000_000
        clock = np.cumsum(gaps)
        before = np.concatenate([[0], clock[offsets[1:-1] - 1]])
        times = clock - np.repeat(before, lengths)
        columns = {
            "request_id": pa.array([f"r{i}" for i in range(start, start + rows)]),
            "arrival_ns": pa.array(START_NS + 10**7 * np.arange(start, start + rows)),
            "chunk_times_ns": pa.ListArray.from_arrays(
                pa.array(offsets.astype(np.int32)), pa.array(times)
            ),
            "input_tokens": pa.array(np.full(rows, 100, dtype=np.int32)),
            "output_tokens": pa.array(lengths.astype(np.int32)),
        }
        labels = {"run": "bench", "system": "s", "workload": "w", "clock": "unix"}
        labels |= {"origin": "sent", "timing": "token", "status": "ok"}
        arrays = []
        for field in DELIVERIES.schema():
            if field.name in labels:
                arrays.append(pa.array([labels[field.name]] * rows).cast(field.type))
            else:
                column = columns.get(field.name, pa.nulls(rows, field.type))
                arrays.append(column.cast(field.type))
        return pa.Table.from_arrays(arrays, schema=DELIVERIES.schema())


TINY = Workload(name="tiny", requests=300, tokens=30)
SMALL = Workload(name="small", requests=10_000)
MEDIUM = Workload(name="medium", requests=100_000)
DAY = Workload(name="day", requests=1_000_000)
