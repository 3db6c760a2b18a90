"""Readers, benefit functions, service level objectives and published presets."""

from sgengine.objectives.benefit import DEFAULT_BENEFIT, PENALTIES, Benefit, parse_penalty
from sgengine.objectives.durations import format_duration, parse_age, parse_day, parse_duration_ns
from sgengine.objectives.presets import PRESETS, Preset, Target, preset
from sgengine.objectives.reader import DEFAULT_READER, Reader, pace_from_speed_ns
from sgengine.objectives.slo import Slo, parse_slo

__all__ = [
    "DEFAULT_BENEFIT",
    "DEFAULT_READER",
    "PENALTIES",
    "PRESETS",
    "Benefit",
    "Preset",
    "Reader",
    "Slo",
    "Target",
    "format_duration",
    "pace_from_speed_ns",
    "parse_age",
    "parse_day",
    "parse_duration_ns",
    "parse_penalty",
    "parse_slo",
    "preset",
]
