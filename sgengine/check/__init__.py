"""Before anyone trusts a figure: what is wrong with a trace or a store, and what to do about it."""

from sgengine.analyze import AnalyzeSettings as CheckSettings
from sgengine.check.checked import Checked
from sgengine.check.findings import KINDS, Example, Finding
from sgengine.check.inputs import check
from sgengine.check.kinds import SEVERITIES, Kind
from sgengine.check.store_kinds import STORE_KINDS
from sgengine.check.stores import mend

__all__ = [
    "KINDS",
    "SEVERITIES",
    "STORE_KINDS",
    "CheckSettings",
    "Checked",
    "Example",
    "Finding",
    "Kind",
    "check",
    "mend",
]
