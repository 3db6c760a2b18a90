"""Random DELIVERIES rows from a seed, small enough for the naive twin, and files made of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sgengine.schema import DELIVERIES
from tests.strategies import HOUR, MS, deliveries_table

Row = dict[str, Any]

EPOCH = 1_700_000_000 * 10**9
LABELS: Row = {"run": "a", "system": "s", "workload": "w", "clock": "unix", "origin": "sent"}
STATUSES = ("ok",) * 12 + ("failed", "timeout", "rejected", "cancelled", "incomplete")


def plain_row(k: int, times: Sequence[int] | None, **more: Any) -> Row:
    """A request of one token a chunk that went well."""
    listed = {"timing": "token", "status": "ok", "chunk_times_ns": times}
    return dict.fromkeys(DELIVERIES.names) | LABELS | listed | {"request_id": f"r{k}"} | more


def random_rows(count: int, seed: int) -> list[Row]:
    """Every shape of request: sizes known or not, failures, bare times, ties, stalls; 2 dimensions."""
    rng = Random(seed)
    return [_random_row(rng, k) for k in range(count)]


def _random_row(rng: Random, k: int) -> Row:
    system = rng.choice(("fast", "slow"))
    run = f"{system}-{rng.choice('ab')}"
    monotonic = run == "slow-b"
    start = rng.randrange(3 * HOUR)
    row = plain_row(
        k,
        None,
        run=run,
        system=system,
        workload=rng.choice(("chat", "code")),
        clock="monotonic" if monotonic else "unix",
        origin=rng.choice(("sent", "scheduled")),
        status=rng.choice(STATUSES),
        arrival_ns=start if monotonic else EPOCH + start,
        input_tokens=rng.choice((None, *range(0, 4000, 97))) if system == "slow" else 70,
        tenant=rng.choice(("x", "y", None)),
        priority=rng.randrange(3),
    )
    row |= rng.choice((_sized, _sized, _single, _unsized, _bare))(rng)
    ends = row["chunk_times_ns"] or [row["last_ns"] or row["ttft_ns"] or 0]
    row["end_ns"] = rng.choice((None, ends[-1] + rng.randrange(10 * MS)))
    row["error"] = None if row["status"] == "ok" else rng.choice((None, "reset"))
    return row


def _times(rng: Random) -> list[int]:
    ttft = rng.randrange(20 * MS, 900 * MS)
    pace = rng.choice((5 * MS, 30 * MS, 250 * MS))
    gaps = [
        rng.choice((0, pace, rng.randrange(2 * pace), rng.randrange(60 * pace)))
        for _ in range(rng.randrange(11))
    ]
    return list(accumulate([ttft, *gaps]))


def _sized(rng: Random) -> Row:
    times = [] if rng.random() < 0.05 else _times(rng)
    sizes = [rng.choice((1, 1, 2, 5))] + [rng.choice((0, 1, 1, 1, 3)) for _ in times[1:]]
    return {"chunk_times_ns": times, "chunk_tokens": sizes[: len(times)], "timing": "chunk"}


def _single(rng: Random) -> Row:
    times = _times(rng)
    return {"chunk_times_ns": times, "output_tokens": rng.choice((None, len(times)))}


def _unsized(rng: Random) -> Row:
    times = _times(rng)
    return {"chunk_times_ns": times, "output_tokens": len(times) + rng.randrange(-1, 6)}


def _bare(rng: Random) -> Row:
    n = rng.choice((None, 0, 1, 2, 7, 300))
    if n == 0:
        return {"timing": "none", "output_tokens": 0}
    times = _times(rng)
    last = times[0] if n == 1 else times[-1]
    return {"timing": "first_last", "output_tokens": n, "ttft_ns": times[0], "last_ns": last}


def table_of(rows: Sequence[Row], dimensions: Sequence[str] = ()) -> pa.Table:
    """DELIVERIES, then the named dimensions."""
    table = deliveries_table(rows)
    for name in dimensions:
        table = table.append_column(name, pa.array([row[name] for row in rows]))
    return table


def write(
    path: Path, rows: Sequence[Row], *, dimensions: Sequence[str] = (), group: int = 10**6
) -> Path:
    """A Parquet file of the rows, ``group`` rows a row group."""
    pq.write_table(table_of(rows, dimensions), path, row_group_size=group)
    return path
