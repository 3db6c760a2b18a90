"""A night beside its trailing baseline: what got worse, by how much, and whether it matters."""

from sgengine.gate.baseline import Judgement, Limits, judge
from sgengine.gate.metrics import DEFAULT_METRICS, METRICS, Metric, chosen_metrics
from sgengine.gate.result import GateResult, Vanished, Verdict
from sgengine.gate.run import gate

__all__ = [
    "DEFAULT_METRICS",
    "METRICS",
    "GateResult",
    "Judgement",
    "Limits",
    "Metric",
    "Vanished",
    "Verdict",
    "chosen_metrics",
    "gate",
    "judge",
]
