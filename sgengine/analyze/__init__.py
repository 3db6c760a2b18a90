"""Inputs and settings -> figures: plan, executor, sinks and aggregate glued together."""

from sgengine.analyze.analysis import Analysis
from sgengine.analyze.events import with_parts
from sgengine.analyze.fold import Fold
from sgengine.analyze.night import Night
from sgengine.analyze.partition import Measure, Receipt
from sgengine.analyze.parts import Loaded, Part
from sgengine.analyze.parts import read as read_part
from sgengine.analyze.plans import Failure, Planned, plan_sources
from sgengine.analyze.rejects import Rejected, rejects_table
from sgengine.analyze.run import (
    Passes,
    Progress,
    analysis_of,
    analyze,
    analyze_plans,
    analyze_table,
    bounded,
    table_parts,
)
from sgengine.analyze.settings import DEFAULT_MEMORY, AnalyzeSettings
from sgengine.analyze.tables import joined_requests

__all__ = [
    "DEFAULT_MEMORY",
    "Analysis",
    "AnalyzeSettings",
    "Failure",
    "Fold",
    "Loaded",
    "Measure",
    "Night",
    "Part",
    "Passes",
    "Planned",
    "Progress",
    "Receipt",
    "Rejected",
    "analysis_of",
    "analyze",
    "analyze_plans",
    "analyze_table",
    "bounded",
    "joined_requests",
    "plan_sources",
    "read_part",
    "rejects_table",
    "table_parts",
    "with_parts",
]
