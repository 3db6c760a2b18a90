"""Seeded traces to measure: the same for every contender, run and machine, made in parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sgengine.schema import DELIVERIES

START_NS = 1_772_000_000_000_000_000
_PART_TOKENS = 4_000_000
_LONGEST = 20_000
_MOST_IN_A_CHUNK = 8

Int64s = npt.NDArray[np.int64]
Shape = Literal["plain", "bursty", "chunks", "drifting"]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Requests of about ``tokens`` chunks each: 20 ms gaps, TTFT of 0.2 s, rare stalls of 0.5 s.

    ``shape``: ``plain`` one token a chunk; ``bursty`` heavy-tailed lengths and stalls, and tokens that
    come several at an instant; ``chunks`` 1 to 8 tokens a chunk, of known sizes; ``drifting`` times that are
    longer and shorter by 30 % in the course of all requests, as load makes them.
    ``per_second``: arrivals.
    """

    name: str
    requests: int
    tokens: int = 200
    seed: int = 1
    shape: Shape = "plain"
    per_second: float = 100.0

    @property
    def rows(self) -> int:
        """Requests of a part: about 32 MB of times, so that no size needs much memory."""
        return max(1, min(self.requests, _PART_TOKENS // self.tokens))

    def parts(self) -> Iterator[pa.Table]:
        """DELIVERIES, part by part."""
        rng = np.random.default_rng(self.seed)
        for start in range(0, self.requests, self.rows):
            yield self._part(rng, start, min(self.rows, self.requests - start))

    def table(self) -> pa.Table:
        """All parts as one table, chunk by chunk."""
        return pa.concat_tables(self.parts())

    def parquet(self, folder: Path) -> Path:
        """The canonical Parquet file: delta-packed times, zstd, a row group a part; made once."""
        path = folder / f"{self.name}.parquet"
        if not path.exists():
            write_parquet(path, self.parts())
        return path

    def ipc(self, folder: Path) -> Path:
        """The same as an Arrow IPC file, not compressed, a record batch a part; made once."""
        path = folder / f"{self.name}.arrow"
        if not path.exists():
            with pa.OSFile(str(path), "wb") as sink:
                schema = DELIVERIES.schema()
                with pa.ipc.new_file(sink, schema) as writer:
                    for part in self.parts():
                        writer.write_table(part.combine_chunks().unify_dictionaries())
        return path

    def _part(self, rng: np.random.Generator, start: int, rows: int) -> pa.Table:
        lengths = self._lengths(rng, rows)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        gaps = self._gaps(rng, offsets)
        if self.shape == "drifting":
            gaps = (gaps * (1 + 0.3 * np.sin(2 * np.pi * start / self.requests))).astype(np.int64)
        clock = np.cumsum(gaps)
        before = np.concatenate([[0], clock[offsets[1:-1] - 1]])
        times = clock - np.repeat(before, lengths)
        sizes = None
        tokens = lengths
        if self.shape == "chunks":
            sizes = rng.integers(1, _MOST_IN_A_CHUNK + 1, offsets[-1], dtype=np.int32)
            tokens = np.add.reduceat(sizes, offsets[:-1])
        return deliveries(start, offsets, times, sizes, tokens, round(1e9 / self.per_second))

    def _lengths(self, rng: np.random.Generator, rows: int) -> Int64s:
        if self.shape != "bursty":
            return np.maximum(1, rng.poisson(self.tokens, rows))
        lengths = rng.lognormal(np.log(self.tokens) - 0.72, 1.2, rows)  # the mean stays: 1.2^2 / 2
        return np.clip(lengths, 1, _LONGEST).astype(np.int64)

    def _gaps(self, rng: np.random.Generator, offsets: Int64s) -> Int64s:
        gaps = rng.gamma(4, 5e6, size=offsets[-1]).astype(np.int64)
        gaps[offsets[:-1]] += rng.gamma(2, 1e8, size=offsets.size - 1).astype(np.int64)
        if self.shape == "bursty":
            gaps[rng.random(gaps.size) < 0.3] = 0
            stalled = np.flatnonzero(rng.random(gaps.size) < 0.01)
            gaps[stalled] += (1e8 * (1 + rng.pareto(1.5, stalled.size))).clip(max=6e10).astype(int)
        else:
            gaps[rng.random(gaps.size) < 0.001] += 500_000_000
        return gaps


def deliveries(
    start: int,
    offsets: Int64s,
    times: Int64s,
    sizes: npt.NDArray[np.int32] | None,
    tokens: Int64s,
    apart_ns: int,
) -> pa.Table:
    """A DELIVERIES table of the requests from number ``start`` on, which arrive ``apart_ns`` apart."""
    rows = offsets.size - 1
    numbers = np.arange(start, start + rows)
    lists = pa.array(offsets.astype(np.int32))
    columns: dict[str, pa.Array] = {
        "request_id": pa.array([f"r{number}" for number in numbers.tolist()]),
        "arrival_ns": pa.array(START_NS + apart_ns * numbers),
        "chunk_times_ns": pa.ListArray.from_arrays(lists, pa.array(times)),
        "input_tokens": pa.array(np.full(rows, 100, dtype=np.int32)),
        "output_tokens": pa.array(tokens.astype(np.int32)),
    }
    if sizes is not None:
        columns["chunk_tokens"] = pa.ListArray.from_arrays(lists, pa.array(sizes))
    labels = {"run": "bench", "system": "s", "workload": "w", "clock": "unix"}
    labels |= {"origin": "sent", "timing": "token", "status": "ok"}
    arrays = []
    for field in DELIVERIES.schema():
        if field.name in labels:
            codes = pa.array(np.zeros(rows, dtype=np.int32))
            label = pa.DictionaryArray.from_arrays(codes, [labels[field.name]])
            arrays.append(label.cast(field.type))
        else:
            column = columns.get(field.name, pa.nulls(rows, field.type))
            arrays.append(column.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=DELIVERIES.schema())


def write_parquet(path: Path, parts: Iterator[pa.Table], **options: Any) -> Path:
    """The parts as the row groups of one file, canonical unless ``options`` say else."""
    schema = DELIVERIES.schema()
    texts = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    canonical: dict[str, Any] = {
        "compression": "zstd",
        "use_dictionary": texts,
        "column_encoding": {"chunk_times_ns.list.element": "DELTA_BINARY_PACKED"},
    }
    with pq.ParquetWriter(path, schema, **(canonical | options)) as writer:
        for part in parts:
            writer.write_table(part, row_group_size=max(part.num_rows, 1))
    return path


def shapes(requests: int) -> list[Workload]:
    """The other shapes of about ``requests`` requests: small, bursty, of chunks, and one long request."""
    return [
        Workload(name="small", requests=requests),
        Workload(name="bursty", requests=requests, shape="bursty"),
        Workload(name="chunks", requests=requests, shape="chunks"),
        Workload(name="long", requests=1, tokens=100 * requests),
    ]
