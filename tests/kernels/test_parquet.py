"""Packed numbers of Parquet files: as the specification's bits say, and nothing read beyond the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sgengine.kernels import delta, hybrid, thrift, varints
from tests.kernels import parquet_twins as twin

_ints = st.integers(-(2**61), 2**61) | st.integers(-50, 50) | st.integers(0, 10**10)


def data_of(stored: bytes) -> np.ndarray:
    data = np.frombuffer(stored, np.uint8)
    data.flags.writeable = False
    return data


def unpacked(stored: bytes, count: int, dtype=np.int64) -> list[int] | None:
    out = np.zeros(count, dtype)
    end = delta.unpacked(data_of(stored), out)
    return None if end == varints.MALFORMED else out.tolist()


@given(
    st.lists(_ints, max_size=300), st.sampled_from([(4, 32), (4, 64), (1, 8), (8, 256)]), st.data()
)
def test_differences_are_added_up(numbers, shape, data) -> None:
    wider = data.draw(st.sampled_from([0, 1, 40]))
    stored = twin.delta(numbers, *shape, wider=wider)
    behind = data.draw(st.binary(max_size=9))
    assert unpacked(stored + behind, len(numbers)) == numbers
    assert unpacked(stored, len(numbers) + 1) is None


def test_differences_by_hand() -> None:
    # The specification's example: 7, 5, 3, 1, 2, 3, 4, 5 has differences -2, -2, -2, 1, 1, 1, 1, so -2
    # is the smallest and the rest take two bits each.
    stored = bytes([128, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0b11000000, 0b00111111, *[0] * 6])
    assert unpacked(stored, 8) == [7, 5, 3, 1, 2, 3, 4, 5]
    assert unpacked(stored[:12], 8) == [7, 5, 3, 1, 2, 3, 4, 5]
    assert unpacked(stored[:11], 8) is None


def test_differences_of_32_bits() -> None:
    numbers = [0, 5, 2**31 - 1, 7, -(2**31)]
    assert unpacked(twin.delta(numbers), 5, np.int32) == numbers


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        bytes([128, 1, 0, 2, 0, 0]),  # no miniblocks
        bytes([128, 1, 3, 2, 0, 0, 0, 0, 0]),  # a block that they do not divide
        bytes([4, 1, 2, 0, 0, 0, 0]),  # miniblocks of no whole bytes
        bytes([128, 1, 4, 2, 0, 0, 65, 0, 0, 0, *[0] * 600]),  # 65 bits
        bytes([128, 1, 4, 2, 0, 0, 8, 0, 0]),  # ends within the widths
        bytes([128, 1, 4, 2] + [255] * 11),  # a number without end
    ],
)
def test_differences_that_break_the_format_are_refused(stored) -> None:
    assert unpacked(stored, 2) is None


@given(st.lists(_ints, min_size=1, max_size=80), st.data())
def test_damaged_differences_are_read_within_their_bytes(numbers, data) -> None:
    stored = bytearray(twin.delta(numbers))
    place = data.draw(st.integers(0, len(stored) - 1))
    stored[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(stored)))
    with np.errstate(over="ignore"):
        unpacked(bytes(stored[:cut]), len(numbers))


@st.composite
def _parts(draw, width: int):
    """Runs of one number, and packed ones: all but the last of whole eights."""
    number = st.integers(0, 2**width - 1)
    parts = []
    for _ in range(draw(st.integers(1, 6))):
        if draw(st.booleans()):
            parts.append((True, draw(st.lists(number, min_size=8, max_size=8))))
        else:
            parts.append((False, [draw(number)] * draw(st.integers(1, 40))))
    return parts


@given(st.integers(0, 20), st.data())
def test_runs_and_packed_numbers(width, data) -> None:
    parts = data.draw(_parts(width))
    numbers = [number for _, part in parts for number in part]
    count = data.draw(st.integers(0, len(numbers)))
    stored = twin.runs(parts, width)
    out = np.zeros(count, np.int32)
    assert hybrid.numbers(data_of(stored), width, count, out)
    assert out.tolist() == numbers[:count]
    cut = data_of(stored[: data.draw(st.integers(0, max(0, len(stored) - 1)))])
    hybrid.numbers(cut, width, count, out)
    assert not hybrid.numbers(data_of(b""), width, 1, np.zeros(1, np.int32))


@given(st.data())
def test_zeros_and_single_runs(data) -> None:
    parts = data.draw(_parts(1))
    numbers = [number for _, part in parts for number in part]
    count = data.draw(st.integers(1, len(numbers)))
    stored = twin.runs(parts, 1)
    out = np.zeros(count, np.int64)
    found = hybrid.zeros(data_of(stored), count, 100, out)
    assert out[:found].tolist() == [100 + k for k in range(count) if numbers[k] == 0]
    is_sure = all(not packed for packed, _ in parts)
    for level in (0, 1):
        is_only = set(numbers[:count]) == {level}
        found = hybrid.is_only(data_of(stored), count, level)
        assert found == is_only if is_sure else not found or is_only
    assert hybrid.zeros(data_of(b""), count, 0, out) == varints.MALFORMED
    assert hybrid.zeros(data_of(stored), len(numbers) + 8, 0, np.zeros(999, np.int64)) < 0


@pytest.mark.parametrize("head", [2**61 + 1, 2**62 | 1, 2**63 - 1, 2**40 | 1, 2**62, 2**63 | 1])
def test_runs_of_more_than_32_bits_are_refused(head) -> None:
    """Eight times such a run would overflow, and lead out of the data."""
    data = data_of(twin.varint(head) + bytes(9))
    assert not hybrid.numbers(data, 2, 40, np.zeros(40, np.int32))


def test_a_level_of_two_bits_where_one_is_allowed() -> None:
    assert hybrid.zeros(data_of(twin.runs([(False, [2] * 9)], 2)), 9, 0, np.zeros(9, np.int64)) < 0


ROWS = st.none() | st.lists(st.integers(0, 9), max_size=5)


@given(st.lists(ROWS, max_size=20), st.sampled_from([(0, 1), (1, 2), (0, 2), (1, 3)]))
def test_rows_of_lists(rows, levels) -> None:
    of_list, of_value = levels
    rows = [row if of_list or row is not None else [] for row in rows]
    repeated, defined = [], []
    for row in rows:
        repeated += [0, *[1] * (len(row or []) - 1)]
        defined += [of_value] * len(row) if row else [of_list if row is not None else 0]
    size = len(repeated)
    starts, nulls = np.zeros(size, np.int64), np.zeros(size, np.uint8)
    arrays = (np.array(repeated, np.int32), np.array(defined, np.int32))
    found, values = hybrid.list_rows(*arrays, of_list, of_value, 7, starts, nulls)
    lengths = [len(row or []) for row in rows]
    assert (found, values) == (len(rows), sum(lengths))
    assert starts[:found].tolist() == (7 + np.cumsum([0, *lengths])[:-1]).tolist()
    assert nulls[:found].astype(bool).tolist() == [row is None for row in rows]


@pytest.mark.parametrize(
    ("repeated", "defined"),
    [([0], [4]), ([2], [3]), ([0, 1], [3, 0]), ([0, 1], [3, 2]), ([0], [2])],
)
def test_levels_out_of_range_and_nulls_within_lists_are_refused(repeated, defined) -> None:
    arrays = (np.array(repeated, np.int32), np.array(defined, np.int32))
    room = np.zeros(2, np.int64), np.zeros(2, np.uint8)
    assert hybrid.list_rows(*arrays, 1, 3, 0, *room) == (varints.MALFORMED, varints.MALFORMED)


_numbers = st.integers(-(2**62), 2**62) | st.binary(max_size=20) | st.booleans() | st.floats(0, 1)


def _structures(values):
    lists = st.lists(st.integers(-9, 9), max_size=20) | st.lists(values, max_size=3).filter(
        lambda items: len({type(item) for item in items}) == 1
    )
    fields = st.dictionaries(
        st.integers(1, 40).map(lambda k: f"f{k}"), values | lists, min_size=0, max_size=5
    )
    return fields.map(lambda given: twin.Structure(**given))


_nested = st.recursive(_numbers, _structures, max_leaves=12).filter(
    lambda found: isinstance(found, twin.Structure)
)


def fields_of(stored: bytes, wanted: list[int]) -> tuple[list[tuple[int, int]], int]:
    data = data_of(stored)
    which, values = np.zeros((2, len(stored) + 1), np.int64)
    stack = np.zeros((thrift.DEPTH, 4), np.int64)
    count, end = thrift.fields(data, 0, np.array(wanted), stack, which, values)
    return list(zip(which[:count].tolist(), values[:count].tolist(), strict=True)), end


@given(_nested, st.binary(max_size=3))
def test_fields_of_structures(structure, behind) -> None:
    stored = structure.stored()
    expected = structure.numbers()
    assume(max((len(path) for path, _ in expected), default=0) < thrift.DEPTH - 1)
    paths = sorted({path for path, _ in expected})
    found, end = fields_of(stored + behind, [thrift.path(*path) for path in paths])
    assert found == [(paths.index(path), value) for path, value in expected]
    assert end == len(stored)
    for cut in range(len(stored)):
        assert fields_of(stored[:cut], [1])[1] == varints.MALFORMED


@given(st.binary(max_size=60))
def test_anything_else_is_read_within_its_bytes(stored) -> None:
    found, end = fields_of(stored, [1, 2, thrift.path(1, 1)])
    assert end == varints.MALFORMED or (0 < end <= len(stored) and len(found) <= end)


def test_structures_deeper_than_any_footer_are_refused() -> None:
    assert fields_of(b"\x1c" * 20 + b"\0" * 21, [1])[1] == varints.MALFORMED
