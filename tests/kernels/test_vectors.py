"""Eight numbers at once give what they give one by one."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels.vectors import WIDTH, greatest_above

FAR = 2**60


@numba.njit
def called(array: npt.NDArray[np.int64], place: int, line: int, slope: int) -> int:
    """From a kernel, as it must be."""
    return greatest_above(array, place, line, slope)


@given(
    st.lists(st.integers(-FAR, FAR), min_size=WIDTH, max_size=2 * WIDTH),
    st.data(),
    st.integers(-FAR, FAR),
    st.integers(-(2**56), 2**56),
)
def test_the_greatest_above_a_line_is_that_of_eight_differences(
    values: list[int], data: st.DataObject, line: int, slope: int
) -> None:
    place = data.draw(st.integers(0, len(values) - WIDTH))
    expected = max(values[place + j] - (line + slope * j) for j in range(WIDTH))
    assert called(np.array(values, dtype=np.int64), place, line, slope) == expected
