"""The pure core: one batch of DELIVERIES -> REQUESTS rows, rejects, and the tokens behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.compute import rows as kernels
from sgengine.compute.bare import overlay_bare
from sgengine.compute.checks import Breach, RowFacts, breaches
from sgengine.compute.columns import Later, Values, Whole, same
from sgengine.compute.expected import Expected, Ready, Sifter
from sgengine.compute.ragged import (
    Bools,
    Ragged,
    frozen,
    in_order,
    kinds_of,
    only_value,
    places_in,
)
from sgengine.compute.request_columns import RequestColumns
from sgengine.compute.settings import MeasureSettings
from sgengine.compute.tokens import Metrics, token_metrics
from sgengine.kernels import scan

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One batch, measured.

    ``columns``: REQUESTS of the rows that keep the rules, in order, dimensions last, a column at a time;
    ``requests``: the same as a batch.
    ``breaches``: the rows that do not, with the first rule they break, by row of the batch.
    ``ragged``, ``kept``: the tokens of all R rows and which rows were kept, for the ITL samples.
    ``ready``: gaps that were sifted on the way.
    """

    columns: RequestColumns | pa.RecordBatch
    breaches: tuple[Breach, ...]
    ragged: Ragged
    kept: Int64s
    ready: Ready | None = None

    @property
    def requests(self) -> pa.RecordBatch:
        """REQUESTS rows."""
        columns = self.columns
        return columns.batch if isinstance(columns, RequestColumns) else columns


def compute(
    batch: pa.RecordBatch, settings: MeasureSettings, expected: Expected | None = None
) -> Measured:
    """Measure one batch of DELIVERIES (any dimensions after the declared columns).

    Rows measured + breaches = rows of the batch. The result depends on nothing but the arguments, and
    a row's values on nothing but the row. ``expected``: gaps may be sifted on the way (``ready``).
    """
    facts = RowFacts(batch=batch)
    broken = breaches(facts)
    kinds, n = kinds_of(facts.times, facts.sizes, facts.declared)
    ragged = _ragged(facts, kinds, broken)
    ready = None
    if expected is not None and expected.suits(ragged, settings):
        sifter = _sifter(batch, ragged, expected)
        found, ready = kernels.measure_and_sift(ragged, n, settings, sifter)
    else:
        found = kernels.measure_rows(ragged, n, settings)
    broken |= _chunk_breaches(found.breach, broken)
    ragged = _without(ragged, broken)
    kept = _kept(batch.num_rows, broken)
    metrics = token_metrics(ragged, found, settings)
    if not facts.times.complete:
        listless = kept[~facts.times.valid[kept]]
        metrics = overlay_bare(metrics, facts.bare, found.n, listless, settings)
    columns = _columns(batch, facts, ragged, found.n, metrics, settings)
    return Measured(
        columns=columns if kept.size == batch.num_rows else columns.batch.take(pa.array(kept)),
        breaches=tuple(broken[row] for row in sorted(broken)),
        ragged=ragged,
        kept=kept,
        ready=ready,
    )


def _sifter(batch: pa.RecordBatch, ragged: Ragged, expected: Expected) -> Sifter:
    """For the gaps that are ``expected`` to be of one group."""
    chosen = np.ones(batch.num_rows, dtype=np.uint8)
    if expected.only_ok and only_value(batch.column("status")) != "ok":
        chosen[:] = places_in(batch.column("status"), ("ok",)) == 0
    return Sifter(expected, chosen, int(ragged.offsets[-1] - ragged.offsets[0]))


def _ragged(facts: RowFacts, kinds: UInt8s, broken: dict[int, Breach]) -> Ragged:
    if broken:
        kinds[list(broken)] = scan.NO_CHUNKS
    return Ragged(
        times=facts.times.values,
        offsets=facts.times.offsets,
        sizes=facts.sizes.values,
        size_offsets=facts.sizes.offsets,
        kinds=frozen(kinds),
    )


def _kept(rows: int, broken: dict[int, Breach]) -> Int64s:
    """The rows that keep the rules, in order."""
    if not broken:
        return in_order(rows)
    keeps = np.ones(rows, dtype=np.bool_)
    keeps[list(broken)] = False
    return np.flatnonzero(keeps)


def _without(ragged: Ragged, broken: dict[int, Breach]) -> Ragged:
    if not broken:
        return ragged
    kinds = ragged.kinds.copy()
    kinds[list(broken)] = scan.NO_CHUNKS
    return ragged.with_kinds(kinds)


def _chunk_breaches(codes: UInt8s, broken: dict[int, Breach]) -> dict[int, Breach]:
    if not codes.any():
        return {}
    found = {
        scan.NEGATIVE_TIME: "chunk_times_ns holds a negative time",
        scan.DECREASING_TIMES: "chunk_times_ns decreases",
        scan.BAD_CHUNK_TOKENS: "chunk_tokens begins with no token, holds a negative number, "
        "or adds up to 2^31 or more",
    }
    return {
        int(row): Breach(row=int(row), rule=scan.BREACHES[codes[row]], found=found[int(codes[row])])
        for row in np.flatnonzero(codes)
        if int(row) not in broken
    }


def _columns(
    batch: pa.RecordBatch,
    facts: RowFacts,
    ragged: Ragged,
    n: Int64s,
    metrics: Metrics,
    settings: MeasureSettings,
) -> RequestColumns:
    """REQUESTS columns in order, then the dimensions as they came."""
    reader = settings.reader
    values: dict[str, Values] = metrics.values | {
        "n_output_tokens": Whole(n),
        "token_deficit": Later(lambda: _deficit(facts, ragged, n)),
        "reader_first_ns": Later(lambda: same(reader.first_ns, n.size)),
        "reader_pace_ns": Later(lambda: same(reader.pace_ns, n.size)),
    }
    return RequestColumns(batch, values, metrics.envelopes)


def _deficit(facts: RowFacts, ragged: Ragged, n: Int64s) -> Values:
    """Declared tokens less what the chunks account for; of rows with chunk times and a declared count."""
    accounted = facts.times.lengths
    if facts.sizes.values.size:
        accounted = np.where(ragged.kinds == scan.SIZED, n, accounted)
    defined: Bools = facts.times.valid & (facts.declared >= 0)
    return Values(data=facts.declared - accounted, defined=defined)
