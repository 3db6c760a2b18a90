"""The metric columns of a batch of rows that have chunks, masked by what each kind of row defines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.compute import rows as kernels
from sgengine.compute.columns import Values, envelopes
from sgengine.compute.ragged import Ragged
from sgengine.compute.settings import MeasureSettings
from sgengine.kernels import scan
from sgengine.schema import ENVELOPE

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Metric columns by REQUESTS name: plain ones as Values, envelopes as Arrow columns."""

    values: dict[str, Values]
    envelopes: dict[str, pa.Array]


def token_metrics(
    ragged: Ragged, latencies: kernels.Latencies, settings: MeasureSettings
) -> Metrics:
    """Every metric that the rows' own chunks define, for rows that keep the rules.

    Rows of kind NO_CHUNKS are NULL throughout, EMPTY ones but for the empty envelope.
    """
    values = _latency_values(ragged, latencies)
    n = latencies.n
    found = kernels.deliveries(ragged, n, settings)
    known = kernels.sizes_known(ragged)
    bounded = ragged.kinds == scan.UNKNOWN_SIZES
    values["user_idle_latency_ns"] = Values(data=found.idle, defined=known)
    values["user_idle_latency_ns_min"] = Values(data=found.idle_min, defined=bounded)
    values["user_idle_latency_ns_max"] = Values(data=found.idle, defined=bounded)
    values["late_tokens"] = Values(data=found.late, defined=known)
    if settings.smoothness:
        values |= _smoothness_values(ragged, n, found.idle, settings)
    hulls = _hull_columns(ragged, latencies, settings, values) if settings.envelopes else {}
    return Metrics(values=values, envelopes=hulls)


def _latency_values(ragged: Ragged, latencies: kernels.Latencies) -> dict[str, Values]:
    kinds, n = ragged.kinds, latencies.n
    delivered = (kinds != scan.NO_CHUNKS) & (kinds != scan.EMPTY)
    chunks = np.where(kinds == scan.NO_CHUNKS, 0, np.diff(ragged.offsets))
    several = delivered & (n >= 2)
    span = latencies.last_token - latencies.ttft
    tpot = np.divide(span, n - 1, where=several, out=np.zeros(n.size))
    return {
        "n_chunks": Values(data=chunks, defined=kinds != scan.NO_CHUNKS),
        "last_chunk_ns": Values(data=latencies.last_chunk, defined=delivered),
        "ttft_ns": Values(data=latencies.ttft, defined=delivered),
        "e2e_latency_ns": Values(data=latencies.last_token, defined=delivered),
        "tpot_ns": Values(data=tpot, defined=several),
        "itl_max_ns": Values(data=latencies.itl_max, defined=delivered & (chunks >= 2)),
    }


def _smoothness_values(
    ragged: Ragged, n: Int64s, idle: Int64s, settings: MeasureSettings
) -> dict[str, Values]:
    qoe, fluidity = kernels.smoothness(ragged, n, idle, settings)
    known = kernels.sizes_known(ragged)
    reader = settings.reader
    timed = known & (n >= 2) if reader.skip_first else known
    if reader.pace_ns == 0:
        timed = np.zeros_like(known)
    return {
        "qoe": Values(data=qoe, defined=known),
        "fluidity": Values(data=fluidity, defined=timed),
    }


def _hull_columns(
    ragged: Ragged,
    latencies: kernels.Latencies,
    settings: MeasureSettings,
    values: dict[str, Values],
) -> dict[str, pa.Array]:
    """The three envelope columns; the two paces, which the same hulls give, go to ``values``."""
    upper = kernels.hulls(ragged, latencies.n, settings)
    known = kernels.sizes_known(ragged)
    prompt = known & (latencies.ttft <= settings.reader.first_ns)
    values["eq5_pace_ns"] = Values(data=upper.eq5_pace, defined=known)
    values["sustained_pace_ns"] = Values(data=upper.sustained_pace, defined=prompt)
    exact = known | (ragged.kinds == scan.EMPTY)
    bounded = ragged.kinds == scan.UNKNOWN_SIZES
    columns = {
        "envelope": envelopes(upper, exact),
        "envelope_max": envelopes(upper, bounded),
        "envelope_min": pa.nulls(ragged.rows, ENVELOPE),
    }
    if bounded.any():
        only = ragged.with_kinds(np.where(bounded, ragged.kinds, scan.NO_CHUNKS).astype(np.uint8))
        lower = kernels.hulls(only, latencies.n, settings, lower=True)
        columns["envelope_min"] = envelopes(lower, bounded)
    return columns
