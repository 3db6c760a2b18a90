"""Clients' own figures, recomputed by their own rules and set beside ours."""

from sgengine.parity.page import render_profiles
from sgengine.parity.recognise import CLIENTS, Client
from sgengine.parity.result import (
    BOUNDED,
    MATCH,
    MISMATCH,
    OPEN,
    VERDICTS,
    LeftOut,
    Parity,
    Row,
    RunParity,
)
from sgengine.parity.run import parity

__all__ = [
    "BOUNDED",
    "CLIENTS",
    "MATCH",
    "MISMATCH",
    "OPEN",
    "VERDICTS",
    "Client",
    "LeftOut",
    "Parity",
    "Row",
    "RunParity",
    "parity",
    "render_profiles",
]
