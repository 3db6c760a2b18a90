"""The metric columns of a batch of rows that have chunks, masked by what each kind of row defines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.compute import rows as kernels
from sgengine.compute.columns import Later, Values, Whole, envelopes, nulls, unknown
from sgengine.compute.ragged import Ragged
from sgengine.compute.settings import MeasureSettings
from sgengine.kernels import scan
from sgengine.kernels.undefined import mark_undefined
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
    values = _whole_values(ragged, found)
    first, last = values["ttft_ns"], values["e2e_latency_ns"]
    # Nothing that holds the column: a batch in a cycle would stay until the garbage is collected.
    values["tpot_ns"] = Later(lambda: _tpot(first, last, found.n))
    if settings.smoothness:
        values |= _smoothness_values(ragged, found, settings)
    hulls: dict[str, pa.Array] = {}
    if found.hulls is not None:
        values |= _pace_values(ragged, found, found.hulls, settings)
        hulls = _hull_columns(ragged, found.n, found.hulls, settings)
    return Metrics(values=values, envelopes=hulls)


def _whole_values(ragged: Ragged, found: kernels.Rows) -> dict[str, Values]:
    """Latencies and the reader's columns, for which the arrays of ``found`` are taken over."""
    if ragged.one_each:
        return _all_known(found)
    chunks, upper = np.empty((2, ragged.rows), dtype=np.int64)
    mark_undefined(
        ragged.kinds,
        ragged.offsets,
        found.ttft,
        found.last_token,
        found.last_chunk,
        found.itl_max,
        found.idle,
        found.idle_min,
        found.late,
        chunks,
        upper,
    )
    return {
        "n_chunks": Whole(chunks),
        "last_chunk_ns": Whole(found.last_chunk),
        "ttft_ns": Whole(found.ttft),
        "e2e_latency_ns": Whole(found.last_token),
        "itl_max_ns": Whole(found.itl_max),
        "user_idle_latency_ns": Whole(found.idle),
        "user_idle_latency_ns_min": Whole(found.idle_min),
        "user_idle_latency_ns_max": Whole(upper),
        "late_tokens": Whole(found.late),
    }


def _all_known(found: kernels.Rows) -> dict[str, Values]:
    """The same of rows that all have one token a chunk: nothing is undefined, but bounds and gaps of one."""
    n, itl_max = found.n, found.itl_max
    return {
        "n_chunks": Whole(n),
        "last_chunk_ns": Whole(found.last_chunk),
        "ttft_ns": Whole(found.ttft),
        "e2e_latency_ns": Whole(found.last_token),
        "itl_max_ns": Later(lambda: Whole(np.where(n >= 2, itl_max, -1))),
        "user_idle_latency_ns": Whole(found.idle),
        "user_idle_latency_ns_min": unknown(n.size),
        "user_idle_latency_ns_max": unknown(n.size),
        "late_tokens": Whole(found.late),
    }


def _tpot(first: Values, last: Values, n: Int64s) -> Values:
    """(t_n - t_1) / (n - 1) of the rows with times and two tokens."""
    # As doubles and throughout: NumPy took three times as long for whole numbers, and for some rows alone.
    tpot = (last.numbers() - first.numbers()).astype(np.float64)
    tpot /= np.maximum(n - 1, 1).astype(np.float64)
    return Values(data=tpot, defined=first.defined & (n >= 2))


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
        "envelope_min": nulls(ragged.rows, ENVELOPE),
    }
    if bounded.any():
        only = ragged.with_kinds(np.where(bounded, ragged.kinds, scan.NO_CHUNKS).astype(np.uint8))
        columns["envelope_min"] = envelopes(kernels.lower_hulls(only, n, settings), bounded)
    return columns
