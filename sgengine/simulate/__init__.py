"""A discrete-event simulator of serving systems, iteration by iteration (docs/simulator.md)."""

from sgengine.simulate.cost import COST_PRESETS, CostModel, cost_preset
from sgengine.simulate.hardware import HARDWARE, Hardware
from sgengine.simulate.load import Load, single_turns
from sgengine.simulate.models import MODELS, Model
from sgengine.simulate.run import Facts, Simulated, simulate
from sgengine.simulate.systems import (
    SYSTEMS,
    Abandon,
    Delay,
    Disaggregation,
    EarlyRejection,
    System,
    system_preset,
)

__all__ = [
    "COST_PRESETS",
    "HARDWARE",
    "MODELS",
    "SYSTEMS",
    "Abandon",
    "CostModel",
    "Delay",
    "Disaggregation",
    "EarlyRejection",
    "Facts",
    "Hardware",
    "Load",
    "Model",
    "Simulated",
    "System",
    "cost_preset",
    "simulate",
    "single_turns",
    "system_preset",
]
