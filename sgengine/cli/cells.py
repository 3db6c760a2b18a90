"""Values as people read them: two decimals, ``-`` for undefined, ``*`` for what the count cannot bear."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sgengine.cli.output import plain

UNDEFINED = "-"
SLICES = ("hour", "day")
"""Columns of ``--by`` that hold ns since the epoch and are shown as times."""

_HOUR_FORMAT = "%Y-%m-%d %H:%M"


def number(value: float | None) -> str:
    """Two decimals."""
    return UNDEFINED if value is None else f"{value:.2f}"


def whole(value: int | None) -> str:
    """A count."""
    return UNDEFINED if value is None else str(value)


def percent(value: float | None) -> str:
    """A ratio in percent, two decimals."""
    return UNDEFINED if value is None else f"{100 * value:.2f}"


def verdict(value: bool | None) -> str:
    """Yes, no, or undefined."""
    return UNDEFINED if value is None else "yes" if value else "no"


def bounded(group: Mapping[str, Any], name: str) -> str:
    """A figure, or ``min..max`` where only bounds of it are known."""
    low, high = group.get(f"{name}_min"), group.get(f"{name}_max")
    if group[name] is None and low is not None and high is not None:
        return f"{number(low)}..{number(high)}"
    return number(group[name])


def statistic(distribution: Mapping[str, Any], name: str) -> str:
    """A statistic of a distribution, marked ``*`` where the count cannot support it."""
    mark = "*" if name in distribution["unsupported"] else " "
    return number(distribution[name]) + mark


def key(column: str, value: object) -> str:
    """A group's value of a ``--by`` column."""
    if value is None:
        return UNDEFINED
    if column in SLICES and isinstance(value, int):
        return datetime.fromtimestamp(value // 10**9, UTC).strftime(_HOUR_FORMAT)
    return str(value)


def sql(value: object) -> str:
    """A value of a query's answer; nested ones as JSON."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    simple = plain(value)
    if isinstance(simple, dict | list):
        return json.dumps(simple, ensure_ascii=False, allow_nan=False)
    return str(simple)
