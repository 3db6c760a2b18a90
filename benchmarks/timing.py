"""Times one thing several times, the first call apart, and the memory it takes by itself."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.case import Outcome

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The first call (which may compile or load compiled code), then every other, in seconds.

    ``peak_mib``: the process's greatest memory during the first call; ``added_mib``: what of it was
    not there before. None where the system does not tell.
    """

    first_s: float
    seconds: list[float]
    peak_mib: float | None
    added_mib: float | None


def timed(action: Callable[[], Any], repeats: int) -> Timing:
    """``action`` once to warm up, watched for memory, then ``repeats`` times."""
    before = _start_watching()
    first, told = _once(action)
    peak = memory_mib("VmHWM") if before is not None else None
    added = peak - before if peak is not None and before is not None else None
    seconds = [_once(action)[0] for _ in range(repeats)]
    if told is not None:
        peak, added = told, None
    return Timing(first_s=first, seconds=seconds or [first], peak_mib=peak, added_mib=added)


def _once(action: Callable[[], Any]) -> tuple[float, float | None]:
    start = time.perf_counter()
    found = action()
    spent = time.perf_counter() - start
    if isinstance(found, Outcome):
        return found.seconds, found.peak_mib
    return spent, None


def _start_watching() -> float | None:
    """Forget the peak of what ran before; the memory that is still taken, in MiB."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    try:
        ctypes.CDLL(None).malloc_trim(0)
        _RESET.write_text("5", "ascii")  # Linux: the peak begins anew
    except (AttributeError, OSError):
        return None
    return memory_mib("VmRSS")


def memory_mib(field: str, status: Path = _STATUS) -> float | None:
    """VmRSS or VmHWM of a process in MiB; None where there is no such file."""
    if not status.exists():
        return None
    for line in status.read_text("ascii", errors="replace").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    return None
