"""Comparing measured REQUESTS rows with the naive twin, column by column."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from sgengine.compute import MeasureSettings, compute
from sgengine.objectives import Reader
from sgengine.schema import REQUESTS
from tests.reference import measure_row

ROUNDED = ("tpot_ns", "qoe", "fluidity")
"""Columns that are float64 by a rounding that the twin may do in another order."""

QOE_BOUND = 1e-12
"""Stated in kernels.qoe: (K + 4) 2^-53 of the two sums, for the few chunks of a test row."""


def settings_of(first_ns: int, pace_ns: int, *, skip_first: bool = False) -> MeasureSettings:
    """The engine's settings for one reader."""
    reader = Reader(first_ns=first_ns, pace_ns=pace_ns, skip_first=skip_first)
    return MeasureSettings(reader=reader)


def measured_rows(batches: list[pa.RecordBatch], settings: MeasureSettings) -> list[dict[str, Any]]:
    """REQUESTS rows of all batches as dicts, envelopes as lists of pairs."""
    rows: list[dict[str, Any]] = []
    for batch in batches:
        measured = compute(batch, settings)
        assert not measured.breaches
        rows.extend(measured.requests.to_pylist())
    for row in rows:
        for name in ("envelope", "envelope_min", "envelope_max"):
            if row[name] is not None:
                row[name] = [(v["token"], v["time_ns"]) for v in row[name]]
    return rows


def assert_same_row(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Every REQUESTS column: equal, or for a rounded one within its stated bound."""
    for name in REQUESTS.names:
        ours, theirs = found[name], expected[name]
        if name in ROUNDED and ours is not None and theirs is not None:
            assert abs(ours - float(theirs)) <= QOE_BOUND * max(1.0, abs(float(theirs))), name
        else:
            assert ours == theirs, f"{name}: {ours} is not {theirs}"


def twin_of(
    row: dict[str, Any], first_ns: int, pace_ns: int, *, skip_first: bool = False
) -> dict[str, Any]:
    """The naive twin of one DELIVERIES row."""
    return measure_row(row, first_ns, pace_ns, skip_first)
