"""Inputs and settings -> figures: plan, executor, sinks and aggregate glued together."""

from sgengine.analyze.events import with_parts
from sgengine.analyze.fold import Fold
from sgengine.analyze.partition import Measure
from sgengine.analyze.parts import Part
from sgengine.analyze.parts import read as read_part
from sgengine.analyze.rejects import Rejected, rejects_table
from sgengine.analyze.run import Analysis, Failure, Progress, analyze, bounded, plan_sources
from sgengine.analyze.settings import DEFAULT_MEMORY, AnalyzeSettings
from sgengine.analyze.tables import joined_requests

__all__ = [
    "DEFAULT_MEMORY",
    "Analysis",
    "AnalyzeSettings",
    "Failure",
    "Fold",
    "Measure",
    "Part",
    "Progress",
    "Rejected",
    "analyze",
    "bounded",
    "joined_requests",
    "plan_sources",
    "read_part",
    "rejects_table",
    "with_parts",
]
