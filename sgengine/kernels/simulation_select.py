"""The value at a place of a sorted array, found without sorting it."""

from __future__ import annotations

from sgengine.kernels._jit import merged
from sgengine.kernels.simulation_state import Int64s

_MAX_INT64 = 2**63 - 1


@merged
def selected(values: Int64s, place: int, low: int, high: int, spare: Int64s) -> tuple[int, int]:
    """The value at ``place`` of ``values`` (n,) if they were sorted, and how many are below it.

    The fewer are from ``low`` to ``high`` the sooner it is found if it is there; wherever it is, it is
    found. ``spare`` (n,) is overwritten.
    """
    below, n = _gathered(values, low, high, spare)
    if not below <= place < below + n:
        below, n = _gathered(values, -_MAX_INT64, _MAX_INT64, spare)
    found = _smallest(spare, n, place - below)
    for j in range(n):
        below += spare[j] < found
    return found, below


@merged
def _gathered(values: Int64s, low: int, high: int, into: Int64s) -> tuple[int, int]:
    """How many are below ``low``; and how many are from there to ``high``, which are put ``into``."""
    below, n = 0, 0
    for j in range(values.size):
        into[n] = values[j]
        below += values[j] < low
        n += low <= values[j] <= high
    return below, n


@merged
def _smallest(values: Int64s, n: int, place: int) -> int:
    """The value that is at ``place`` when the first ``n`` are sorted; they are moved about."""
    low, high = 0, n - 1
    while low < high:
        pivot = values[(low + high) >> 1]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            break
    return values[place]
