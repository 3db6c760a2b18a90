"""Ragged batches of DELIVERIES -> REQUESTS: pure functions over Arrow, the kernels underneath."""

from sgengine.compute.expected import Expected, Ready
from sgengine.compute.itl import (
    RowSamples,
    Samples,
    batch_samples,
    itl_histogram,
    itl_samples,
)
from sgengine.compute.measure import Measured, compute
from sgengine.compute.request_columns import RequestColumns, Rows, names_of, numbers_of, once
from sgengine.compute.settings import MeasureSettings
from sgengine.compute.sifted import GapSums, Sifted, Skip

__all__ = [
    "Expected",
    "GapSums",
    "MeasureSettings",
    "Measured",
    "Ready",
    "RequestColumns",
    "RowSamples",
    "Rows",
    "Samples",
    "Sifted",
    "Skip",
    "batch_samples",
    "compute",
    "itl_histogram",
    "itl_samples",
    "names_of",
    "numbers_of",
    "once",
]
