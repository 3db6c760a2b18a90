"""Data quality before anyone trusts a figure: what is wrong with a trace, and what to do about it."""

from sgengine.analyze import AnalyzeSettings as CheckSettings
from sgengine.check.findings import KINDS, Example, Finding
from sgengine.check.kinds import SEVERITIES, Kind
from sgengine.check.run import Checked, check

__all__ = [
    "KINDS",
    "SEVERITIES",
    "CheckSettings",
    "Checked",
    "Example",
    "Finding",
    "Kind",
    "check",
]
