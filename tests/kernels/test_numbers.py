"""JSON lists of numbers to nanoseconds and whole numbers: as by Python, or left to those who have more."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.kernels import numbers
from sgengine.readers.json_shape import Spans
from sgengine.readers.seconds import chunk_times, times_of
from sgengine.readers.whole_lists import whole_lists

UNITS = (1.0, 1e3, 1e6, 1e9)
_seconds = st.floats(-10, 10_000, allow_nan=False)
_written = st.integers(0, 10**12).map(lambda ns: ns / 1e9)
_gaps = st.lists(_seconds | _written | st.integers(-5, 10**6), max_size=30)


def summed(text: str, first: int = 0, power: int = 9) -> list[int] | None:
    ends, out = np.empty(1, dtype=np.int64), np.empty(64, dtype=np.int64)
    start, stop, begin, tens = (np.array([n]) for n in (0, len(text), first, power))
    data = np.frombuffer(text.encode() or b" ", np.uint8)
    numbers.running_sums(data, start, stop, begin, tens, out, ends)
    return None if ends[0] == numbers.UNSURE else out[: ends[0]].tolist()


def listed(*texts: bytes) -> pa.Array | None:
    """The column of these texts; null, as readers say it, is no text."""
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    stops = np.cumsum(lengths)
    starts = stops - lengths
    null = np.array([text == b"null" for text in texts], dtype=np.bool_)
    places = Spans(np.where(null, -1, starts), np.where(null, -1, stops))
    return whole_lists(np.frombuffer(b"".join(texts) + b" ", np.uint8), places, pa.int64())


@given(st.floats(0, 1000), _gaps, st.sampled_from(UNITS))
def test_lists_give_the_times_that_doubles_give(
    first: float, gaps: list[float], unit: float
) -> None:
    for text in (json.dumps(gaps), msgspec.json.format(json.dumps(gaps).encode()).decode()):
        found = times_of(first, msgspec.Raw(text.encode()), unit)
        assert found.tolist() == chunk_times(first, gaps, unit).tolist()


def test_what_clients_write_needs_no_doubles() -> None:
    rng = np.random.default_rng(3)
    gaps = [*rng.gamma(4, 0.005, 50).tolist(), 4.6e-05, 1e-09, 0.0]
    assert summed(json.dumps(gaps)) == chunk_times(0, gaps, 1e9).tolist()


def test_numbers_by_hand() -> None:
    assert summed("[]", 7) == [7]
    assert summed(" [ 1 , 2.5,\n-1E-3\t] ") == [0, 10**9, 35 * 10**8, 35 * 10**8 - 10**6]
    assert summed("[0.4, 0.6, 1e-400, 123456789e-9]", 0, 0) == [0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    "text", ["[0.5]", "[1.5]", "[null]", '["1"]', "[[1]]", "1", "[1e30]", "[1234567890123456789]"]
)
def test_halves_large_numbers_and_other_values_are_left_to_doubles(text: str) -> None:
    assert summed(text, 0, 0) is None


def test_what_is_no_list_of_numbers_is_refused_as_ever() -> None:
    for text in (b"[null]", b'["1"]', b"{}", b"3"):
        with pytest.raises(msgspec.ValidationError):
            times_of(0.0, msgspec.Raw(text), 1e9)


_whole = st.lists(st.integers(-(10**18) + 1, 10**18 - 1), max_size=12)


@given(st.lists(st.none() | _whole, max_size=6))
def test_whole_lists_are_those_of_json(rows: list[list[int] | None]) -> None:
    for written in (json.dumps, lambda row: json.dumps(row, indent="\t").replace("\n", "\r\n")):
        found = listed(*(written(row).encode() for row in rows))
        assert found is not None
        assert found.to_pylist() == rows


@pytest.mark.parametrize(
    "text",
    [
        *("[1.0]", "[1e3]", "[null]", "[-0]", '["1"]', "[[1]]", "1", "{}", "[1000000000000000000]"),
        *("[01]", "[1 2]", "[1,]", "[,1]", "[-]", "[1", "", "true"),
    ],
)
def test_other_lists_are_left_to_another_decoder(text: str) -> None:
    assert listed(b"[1]", text.encode()) is None
