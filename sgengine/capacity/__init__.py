"""How much load a system bears: capacity and best rate, from runs at several offered rates."""

from sgengine.capacity.judge import (
    BestRate,
    Capacity,
    RatedRun,
    best_rate_of_runs,
    capacity_of_runs,
)
from sgengine.capacity.run import (
    DEFAULT_ATTAINMENT,
    Capacities,
    CapacitySettings,
    RatedGroup,
    capacity,
    capacity_of,
)
from sgengine.capacity.stored import capacity_store

__all__ = [
    "DEFAULT_ATTAINMENT",
    "BestRate",
    "Capacities",
    "Capacity",
    "CapacitySettings",
    "RatedGroup",
    "RatedRun",
    "best_rate_of_runs",
    "capacity",
    "capacity_of",
    "capacity_of_runs",
    "capacity_store",
]
