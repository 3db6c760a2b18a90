"""Workloads: when requests arrive, how long they are, and who asks on. The same seed, the same load."""

from sgengine.simulate.workloads.arrivals import (
    POISSON,
    Arrivals,
    arrivals_ns,
    check_rate,
    parse_arrivals,
    rescaled,
)
from sgengine.simulate.workloads.catalog import WORKLOADS, workload
from sgengine.simulate.workloads.draws import Stream
from sgengine.simulate.workloads.lengths import Fixed, Geometric, LogNormal, Quantiles
from sgengine.simulate.workloads.workload import Independent, Recorded, Workload

__all__ = [
    "POISSON",
    "WORKLOADS",
    "Arrivals",
    "Fixed",
    "Geometric",
    "Independent",
    "LogNormal",
    "Quantiles",
    "Recorded",
    "Stream",
    "Workload",
    "arrivals_ns",
    "check_rate",
    "parse_arrivals",
    "rescaled",
    "workload",
]
