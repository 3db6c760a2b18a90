"""Rows without chunk times: what the first and last token's times alone define (METRICS 1, timing).

Two times and n tokens are two chunks of unknown sizes: the bounds of their idle latency, and the hulls
behind them, are those of that case. One token is exact. With the first time alone only a lower bound
is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.compute import rows as kernels
from sgengine.compute.columns import Values, overlaid_envelopes
from sgengine.compute.ragged import Bools, Ragged, frozen
from sgengine.compute.settings import MeasureSettings
from sgengine.compute.tokens import Metrics, token_metrics
from sgengine.kernels import scan

Int64s = npt.NDArray[np.int64]

_PER_TOKEN = ("late_tokens", "qoe", "fluidity", "eq5_pace_ns", "sustained_pace_ns")


@dataclass(frozen=True, kw_only=True)
class BareTimes:
    """First and last token times of a batch, (R,) int64 ns since arrival, and where they are known."""

    ttft: Int64s
    last: Int64s
    has_ttft: Bools
    has_last: Bools


def bare_latencies(bare: BareTimes, n: Int64s, rows: Int64s) -> dict[str, Values]:
    """ttft, e2e_latency, tpot and the last chunk of ``rows``; ``n`` is -1 where it is unknown."""
    ttft, last = bare.ttft[rows], bare.last[rows]
    n = n[rows]
    has_ttft = bare.has_ttft[rows] & (n != 0)
    has_last = bare.has_last[rows] & (n != 0)
    single = has_ttft & (n == 1)
    end = np.where(single, ttft, last)
    has_end = single | has_last
    several = (n >= 2) & has_ttft & has_last
    tpot = np.divide(last - ttft, n - 1, where=several, out=np.zeros(n.size))
    return {
        "ttft_ns": Values(data=ttft, defined=has_ttft),
        "e2e_latency_ns": Values(data=end, defined=has_end),
        "last_chunk_ns": Values(data=np.where(has_last, last, end), defined=has_end),
        "tpot_ns": Values(data=tpot, defined=several),
    }


def overlay_bare(
    base: Metrics, bare: BareTimes, n: Int64s, rows: Int64s, settings: MeasureSettings
) -> Metrics:
    """``base`` with the metrics of ``rows``, rows that keep the rules but have no chunk times."""
    if rows.size == 0:
        return base
    values = dict(base.values)
    for name, over in bare_latencies(bare, n, rows).items():
        values[name] = values[name].overlaid(over, rows)
    lone = bare.has_ttft[rows] & ~bare.has_last[rows] & (n[rows] >= 2)
    found = _as_chunks(bare, n, rows, settings)
    for name, over in _per_token(found, lone).items():
        values[name] = values[name].overlaid(over, rows)
    hulls = dict(base.envelopes)
    for name, column in _hulls(found, lone).items():
        hulls[name] = overlaid_envelopes(hulls[name], column, rows)
    return Metrics(values=values, envelopes=hulls)


def _as_chunks(bare: BareTimes, n: Int64s, rows: Int64s, settings: MeasureSettings) -> Metrics:
    """The rows as one or two chunks, measured by the kernels that measure every other row."""
    n = n[rows]
    has_ttft = bare.has_ttft[rows] & (n >= 1)
    paired = has_ttft & bare.has_last[rows] & (n >= 2)
    kinds = np.full(rows.size, scan.NO_CHUNKS, dtype=np.uint8)
    kinds[n == 0] = scan.EMPTY
    kinds[has_ttft] = scan.ONE_EACH
    kinds[paired] = scan.UNKNOWN_SIZES
    chunks = np.where(paired, 2, np.where(has_ttft, 1, 0))
    offsets = np.concatenate([[0], np.cumsum(chunks)]).astype(np.int64)
    times = np.zeros(int(offsets[-1]), dtype=np.int64)
    times[offsets[:-1][has_ttft]] = bare.ttft[rows][has_ttft]
    times[offsets[:-1][paired] + 1] = bare.last[rows][paired]
    ragged = Ragged(
        times=frozen(times),
        offsets=frozen(offsets),
        sizes=frozen(np.zeros(0, dtype=np.int32)),
        size_offsets=frozen(np.zeros(rows.size + 1, dtype=np.int64)),
        kinds=frozen(kinds),
    )
    counted = np.where(paired, n, chunks)
    return token_metrics(ragged, kernels.measure_rows(ragged, counted, settings), settings)


def _per_token(found: Metrics, lone: Bools) -> dict[str, Values]:
    """Idle latency, its bounds and the other per-token values; ``lone`` rows keep a lower bound only."""
    idle = found.values["user_idle_latency_ns"]
    low = found.values["user_idle_latency_ns_min"]
    columns = {
        "user_idle_latency_ns": Values(data=idle.data, defined=idle.defined & ~lone),
        "user_idle_latency_ns_min": Values(
            data=np.where(lone, idle.data, low.data), defined=low.defined | lone
        ),
        "user_idle_latency_ns_max": found.values["user_idle_latency_ns_max"],
    }
    for name in _PER_TOKEN:
        if name in found.values:
            value = found.values[name]
            columns[name] = Values(data=value.data, defined=value.defined & ~lone)
    return columns


def _hulls(found: Metrics, lone: Bools) -> dict[str, pa.Array]:
    if not found.envelopes:
        return {}
    columns = dict(found.envelopes)
    if lone.any():
        exact = columns["envelope"]
        rows = np.flatnonzero(lone)
        columns["envelope_min"] = overlaid_envelopes(
            columns["envelope_min"], exact.take(pa.array(rows)), rows
        )
        nulls = pa.nulls(rows.size, exact.type)
        columns["envelope"] = overlaid_envelopes(exact, nulls, rows)
    return columns
