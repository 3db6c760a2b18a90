"""What a measurement depends on, as one frozen value passed from the call down to the kernels."""

from __future__ import annotations

from dataclasses import dataclass

from sgengine.errors import UsageError
from sgengine.objectives import DEFAULT_READER, Reader
from sgengine.schema.enums import ITL_RULES


@dataclass(frozen=True, kw_only=True)
class MeasureSettings:
    """Reader and chunk rule of a measurement, and which families of columns are wanted.

    ``envelopes``: envelope, envelope_min, envelope_max, eq5_pace_ns, sustained_pace_ns.
    ``smoothness``: qoe, fluidity. ``gaps``: the GAPS table. Columns of a family that is not wanted
    are left out of REQUESTS and cost nothing.
    """

    reader: Reader = DEFAULT_READER
    itl_rule: str = "chunk"
    envelopes: bool = True
    smoothness: bool = True
    gaps: bool = True

    def __post_init__(self) -> None:
        if self.itl_rule not in ITL_RULES:
            raise UsageError(f"itl rule is '{self.itl_rule}': give one of {', '.join(ITL_RULES)}")
