"""What is one instruction is what its twin in Python says, wherever it reads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels import _machine
from sgengine.kernels._jit import kernel


@kernel
def _unlike(data: np.ndarray, i: int, other: np.ndarray, j: int) -> tuple[int, int]:
    at, to = np.uint64(i), np.uint64(j)
    return _machine.unlike_16(data, at, other, to), _machine.unlike_32(data, at, other, to)


@kernel
def _write(values: np.ndarray) -> None:
    for k in range(values.size):
        _machine.prefetch_to_read(values, k + 1_000_000)
        _machine.prefetch_to_write(values, k + 1_000_000)
        values[k] = k


@given(st.binary(min_size=50, max_size=50), st.integers(0, 18), st.lists(st.integers(0, 49)))
def test_bytes_are_unlike_where_one_is(text: bytes, i: int, changed: list[int]) -> None:
    data = np.frombuffer(text, dtype=np.uint8)
    other = np.concatenate([np.zeros(3, dtype=np.uint8), data])
    for at in changed:
        other[3 + at] ^= np.uint8(1 + at)
    found = _unlike(data, i, other, 3 + i)
    for size, twin, said in zip((16, 32), TWINS, found, strict=True):
        expected = any(i <= at < i + size for at in set(changed) if changed.count(at) % 2)
        assert (said != 0) == expected
        assert (twin(data, np.uint64(i), other, np.uint64(3 + i)) != 0) == expected


TWINS = (_machine.unlike_16_twin, _machine.unlike_32_twin)


@pytest.mark.parametrize("size", [0, 1, 100])
def test_fetching_ahead_reaches_beyond_the_end_and_changes_nothing(size: int) -> None:
    values = np.full(size, -1, dtype=np.int64)
    _write(values)
    _machine.prefetch_twin(values, size)
    assert values.tolist() == list(range(size))
