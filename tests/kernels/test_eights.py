"""Eight packed numbers at once give the sums that their bits say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels import eights
from sgengine.kernels._jit import kernel
from tests.kernels import parquet_twins

FAR = 2**63 - 1
WIDEST = 57


@kernel
def called(data: np.ndarray, at: int, width: int, least: int, before: int, out: np.ndarray) -> int:
    """From a kernel, as it must be."""
    return eights.running_sums(data, at, width, least, before, out)


@pytest.mark.parametrize("dtype", [np.int64, np.int32])
@given(
    st.integers(0, WIDEST),
    st.integers(0, 5),
    st.integers(0, 3),
    st.integers(-FAR, FAR),
    st.integers(-FAR, FAR),
    st.randoms(use_true_random=False),
)
def test_sums_are_those_of_the_numbers_one_by_one(
    dtype, width, count, at, least, before, random
) -> None:
    numbers = [
        random.choice([random.getrandbits(width), 0, 2**width - 1]) for _ in range(8 * count)
    ]
    # Nothing behind the eight bytes of the last number is needed.
    stored = bytes(at) + parquet_twins.packed(numbers, width) + b"\xff" * 8
    data = np.frombuffer(stored, np.uint8)
    expected = [before]
    for number in numbers:
        expected.append(parquet_twins.signed(expected[-1] + least + number))
    for found in (called, eights.sums_twin):
        out = np.zeros(8 * count, dtype)
        assert found(data, at, width, least, before, out) == expected[-1]
        assert out.tolist() == np.array(expected[1:], np.int64).astype(dtype).tolist()
