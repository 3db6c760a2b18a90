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


def token_metrics(ragged: Ragged, found: kernels.Rows, settings: MeasureSettings) -> Metrics:
    """Every metric that the rows' own chunks define, from what the kernels ``found``.

    Rows of kind NO_CHUNKS are NULL throughout, EMPTY ones but for the empty envelope.
    """
    values = _latency_values(ragged, found)
    known = kernels.sizes_known(ragged)
    bounded = ragged.kinds == scan.UNKNOWN_SIZES
    values["user_idle_latency_ns"] = Values(data=found.idle, defined=known)
    values["user_idle_latency_ns_min"] = Values(data=found.idle_min, defined=bounded)
    values["user_idle_latency_ns_max"] = Values(data=found.idle, defined=bounded)
    values["late_tokens"] = Values(data=found.late, defined=known)
    if settings.smoothness:
        values |= _smoothness_values(ragged, found, settings)
    hulls: dict[str, pa.Array] = {}
    if found.hulls is not None:
        values |= _pace_values(ragged, found, found.hulls, settings)
        hulls = _hull_columns(ragged, found.n, found.hulls, settings)
    return Metrics(values=values, envelopes=hulls)


def _latency_values(ragged: Ragged, found: kernels.Rows) -> dict[str, Values]:
    kinds, n = ragged.kinds, found.n
    delivered = (kinds != scan.NO_CHUNKS) & (kinds != scan.EMPTY)
    chunks = np.where(kinds == scan.NO_CHUNKS, 0, np.diff(ragged.offsets))
    several = delivered & (n >= 2)
    span = found.last_token - found.ttft
    tpot = np.divide(span, n - 1, where=several, out=np.zeros(n.size))
    return {
        "n_chunks": Values(data=chunks, defined=kinds != scan.NO_CHUNKS),
        "last_chunk_ns": Values(data=found.last_chunk, defined=delivered),
        "ttft_ns": Values(data=found.ttft, defined=delivered),
        "e2e_latency_ns": Values(data=found.last_token, defined=delivered),
        "tpot_ns": Values(data=tpot, defined=several),
        "itl_max_ns": Values(data=found.itl_max, defined=delivered & (chunks >= 2)),
    }


def _smoothness_values(
    ragged: Ragged, found: kernels.Rows, settings: MeasureSettings
) -> dict[str, Values]:
    known = kernels.sizes_known(ragged)
    reader = settings.reader
    timed = known & (found.n >= 2) if reader.skip_first else known
    if reader.pace_ns == 0:
        timed = np.zeros_like(known)
    return {
        "qoe": Values(data=found.qoe, defined=known),
        "fluidity": Values(data=found.fluidity, defined=timed),
    }


def _pace_values(
    ragged: Ragged, found: kernels.Rows, hulls: kernels.Hulls, settings: MeasureSettings
) -> dict[str, Values]:
    """Both paces, which come from the hulls."""
    known = kernels.sizes_known(ragged)
    prompt = known & (found.ttft <= settings.reader.first_ns)
    return {
        "eq5_pace_ns": Values(data=hulls.eq5_pace, defined=known),
        "sustained_pace_ns": Values(data=hulls.sustained_pace, defined=prompt),
    }


def _hull_columns(
    ragged: Ragged, n: Int64s, upper: kernels.Hulls, settings: MeasureSettings
) -> dict[str, pa.Array]:
    """The three envelope columns."""
    exact = kernels.sizes_known(ragged) | (ragged.kinds == scan.EMPTY)
    bounded = ragged.kinds == scan.UNKNOWN_SIZES
    columns = {
        "envelope": envelopes(upper, exact),
        "envelope_max": envelopes(upper, bounded),
        "envelope_min": pa.nulls(ragged.rows, ENVELOPE),
    }
    if bounded.any():
        only = ragged.with_kinds(np.where(bounded, ragged.kinds, scan.NO_CHUNKS).astype(np.uint8))
        columns["envelope_min"] = envelopes(kernels.lower_hulls(only, n, settings), bounded)
    return columns
