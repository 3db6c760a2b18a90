"""What the made files share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.parity.plain import linear, mean, std

Json = dict[str, Any]
S = 10**9


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def four(xs: list[float], metric: str, unit: float, word: Callable[[str], str]) -> Json:
    """mean, median, std and p99 under the names that ``word`` makes of them."""
    made = {"mean": mean(xs), "median": linear(xs, 50), "std": std(xs), "p99": linear(xs, 99)}
    return {word(f"{name}_{metric}"): value * unit for name, value in made.items()}
