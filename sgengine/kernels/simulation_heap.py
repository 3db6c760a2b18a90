"""Binary heaps of (key, item) pairs in arrays (M, 2): the least is at 0."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels._jit import merged

Int64s = npt.NDArray[np.int64]


@merged
def push(heap: Int64s, size: int, key: int, item: int) -> None:
    """Add an entry to a heap of ``size`` entries."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if _is_before(heap[parent, 0], heap[parent, 1], key, item):
            break
        heap[at, 0] = heap[parent, 0]
        heap[at, 1] = heap[parent, 1]
        at = parent
    heap[at, 0] = key
    heap[at, 1] = item


@merged
def pop(heap: Int64s, size: int) -> None:
    """Take the least entry out of a heap of ``size`` entries."""
    last = size - 1
    key, item = heap[last, 0], heap[last, 1]
    at = 0
    while 2 * at + 1 < last:
        child = 2 * at + 1
        other = child + 1
        if other < last and _is_before(
            heap[other, 0], heap[other, 1], heap[child, 0], heap[child, 1]
        ):
            child = other
        if _is_before(key, item, heap[child, 0], heap[child, 1]):
            break
        heap[at, 0] = heap[child, 0]
        heap[at, 1] = heap[child, 1]
        at = child
    heap[at, 0] = key
    heap[at, 1] = item


@merged
def _is_before(key: int, item: int, other_key: int, other_item: int) -> bool:
    return key < other_key or (key == other_key and item < other_item)
