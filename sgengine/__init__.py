"""sgengine: how an LLM serving system felt to its users, from its logs.

The names below are resolved on first use, so that ``import sgengine`` costs no heavy import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgengine.analyze import Analysis, AnalyzeSettings
    from sgengine.api import Measured, Summary, Trace, curve, measure, read
    from sgengine.api.connect import connect
    from sgengine.api.summarize import summarize
    from sgengine.errors import DataError, FormatError, SgengineError, UsageError
    from sgengine.objectives import Benefit, Preset, Reader, Slo, parse_slo, preset

__version__ = "0.1.0"

_HOMES = {
    "Analysis": "sgengine.analyze",
    "AnalyzeSettings": "sgengine.analyze",
    "Benefit": "sgengine.objectives",
    "DataError": "sgengine.errors",
    "FormatError": "sgengine.errors",
    "Measured": "sgengine.api",
    "Preset": "sgengine.objectives",
    "Reader": "sgengine.objectives",
    "SgengineError": "sgengine.errors",
    "Slo": "sgengine.objectives",
    "Summary": "sgengine.api",
    "Trace": "sgengine.api",
    "UsageError": "sgengine.errors",
    "connect": "sgengine.api",
    "curve": "sgengine.api",
    "measure": "sgengine.api",
    "parse_slo": "sgengine.objectives",
    "preset": "sgengine.objectives",
    "read": "sgengine.api",
    "summarize": "sgengine.api",
}

__all__ = [
    "Analysis",
    "AnalyzeSettings",
    "Benefit",
    "DataError",
    "FormatError",
    "Measured",
    "Preset",
    "Reader",
    "SgengineError",
    "Slo",
    "Summary",
    "Trace",
    "UsageError",
    "connect",
    "curve",
    "measure",
    "parse_slo",
    "preset",
    "read",
    "summarize",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sgengine' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
