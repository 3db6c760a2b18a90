"""Ragged batches of DELIVERIES -> REQUESTS: pure functions over Arrow, the kernels underneath."""

from sgengine.compute.itl import Samples, itl_histogram, itl_samples
from sgengine.compute.measure import Measured, compute
from sgengine.compute.settings import MeasureSettings

__all__ = [
    "MeasureSettings",
    "Measured",
    "Samples",
    "compute",
    "itl_histogram",
    "itl_samples",
]
