"""Inputs and settings -> figures: plan, executor, sinks and aggregate glued together."""

from sgengine.analyze.fold import Fold
from sgengine.analyze.partition import Measure
from sgengine.analyze.rejects import Rejected, rejects_table
from sgengine.analyze.run import Analysis, Failure, Progress, analyze, bounded
from sgengine.analyze.settings import DEFAULT_MEMORY, AnalyzeSettings
from sgengine.analyze.tables import joined_requests

__all__ = [
    "DEFAULT_MEMORY",
    "Analysis",
    "AnalyzeSettings",
    "Failure",
    "Fold",
    "Measure",
    "Progress",
    "Rejected",
    "analyze",
    "bounded",
    "joined_requests",
    "rejects_table",
]
