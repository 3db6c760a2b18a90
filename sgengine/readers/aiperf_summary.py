"""What AIPerf's summary beside profile_export.jsonl says of the run: model, load, duration."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sgengine.readers.faults import one_line

OPEN_LOOP = frozenset({"poisson", "constant", "gamma", "fixed_schedule"})
"""Arrival patterns by which requests are due at set times, whatever the server does."""

_WINDOW_RESOLUTION_S = 2e-6
"""start_time and end_time have microseconds: their difference is off by up to two halves of one,
and their clock is not the one that measured the duration."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The run's facts; ``None`` where the summary is absent or silent. ``note`` says what was amiss."""

    client_version: str = "aiperf"
    model: str | None = None
    is_open_loop: bool = False
    request_rate: float | None = None
    duration_ns: int | None = None
    note: str | None = None


def companion(path: str) -> Path:
    """Where AIPerf puts the summary of this file: ``X.jsonl`` has ``X_aiperf.json`` beside it."""
    return Path(path).with_name(f"{Path(path).stem}_aiperf.json")


def summary(path: str) -> Summary:
    """The facts from the companion of this file; a missing or damaged one is noted, no error."""
    beside = companion(path)
    if not beside.is_file():
        return Summary(note=f"No {beside.name} beside the file: model, rate and duration unknown.")
    try:
        content = json.loads(beside.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        why = one_line(error, 100)
        return Summary(note=f"{beside.name} cannot be read ({why}): model, rate, duration unknown.")
    return _summary(content)


def _summary(content: Any) -> Summary:
    version = _dig(content, "aiperf_version")
    config = _dig(content, "input_config")
    is_open_loop, rate = _load(config)
    return Summary(
        client_version=f"aiperf {version}" if isinstance(version, str) else "aiperf",
        model=_model(config),
        is_open_loop=is_open_loop,
        request_rate=rate,
        duration_ns=_duration_ns(content, is_windowed=isinstance(version, str)),
    )


def _dig(value: Any, *keys: str | int) -> Any:
    """The value under these keys and indices, or ``None`` where one of them leads nowhere."""
    for key in keys:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < 1e15 else None


def _model(config: Any) -> str | None:
    """The model's name; of several, all of them."""
    items = _dig(config, "models", "items")
    listed = [_dig(item, "name") for item in items] if isinstance(items, list) else []
    older = _dig(config, "endpoint", "model_names")
    listed += older if isinstance(older, list) else []
    names = dict.fromkeys(name for name in listed if isinstance(name, str))
    return one_line(", ".join(names)) or None


def _load(config: Any) -> tuple[bool, float | None]:
    """Whether requests were due at set times, and the offered rate (requests/s)."""
    phases = _dig(config, "phases")
    for phase in phases if isinstance(phases, list) else []:
        if _dig(phase, "kind") in (None, "profiling") and _dig(phase, "type") in OPEN_LOOP:
            return True, _number(_dig(phase, "rate"))
    if _dig(config, "input", "fixed_schedule") is True:
        return True, None
    load = _dig(config, "loadgen")
    rate = _number(_dig(load, "request_rate"))
    pattern = _dig(load, "request_rate_mode") or _dig(load, "arrival_pattern")
    is_open_loop = rate is not None and pattern != "concurrency_burst"
    return is_open_loop, rate if is_open_loop else None


def _average(content: Any, metric: str) -> float | None:
    """A metric's average; in the oldest files metrics are under ``records``."""
    found = _dig(content, metric, "avg")
    return _number(_dig(content, "records", metric, "avg") if found is None else found)


def _duration_ns(content: Any, *, is_windowed: bool) -> int | None:
    """The duration that AIPerf divides by: the phase window since 0.8.0, else that of the requests.

    Where the printed throughput was divided by the same window, it tells the window more exactly.
    """
    seconds = _window(content) if is_windowed else _average(content, "benchmark_duration")
    count = _average(content, "request_count")
    throughput = _average(content, "request_throughput")
    if count and throughput and (seconds is not None):
        exact = count / throughput
        seconds = exact if abs(exact - seconds) <= _WINDOW_RESOLUTION_S else seconds
    return None if seconds is None else round(seconds * 1e9)


def _window(content: Any) -> float | None:
    try:
        begin, end = (
            datetime.fromisoformat(_dig(content, key)) for key in ("start_time", "end_time")
        )
        seconds = (end - begin).total_seconds()
    except (TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
