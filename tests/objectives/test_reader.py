"""The reader: pace from speed, and the first-token allowance that follows it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import UsageError
from sgengine.objectives import DEFAULT_READER, Reader, pace_from_speed_ns


@pytest.mark.parametrize(
    ("speed", "pace"),
    [
        (5, 200_000_000),
        (20, 50_000_000),
        (3, 333_333_333),
        (6, 166_666_667),
        (1e9, 1),
        (4e8, 2),  # 2.5 rounds to even
        (4e9, 0),
        (2e9, 0),  # 0.5 rounds to even
        (1e9 / 1.5, 2),  # 1.5 rounds to even
        (0.001, 10**12),
        (1e300, 0),
    ],
)
def test_a_speed_becomes_whole_nanoseconds_a_token_half_to_even(speed: float, pace: int) -> None:
    assert pace_from_speed_ns(speed) == pace


@given(st.floats(1e-6, 1e9))
def test_the_pace_is_within_half_a_nanosecond_of_the_speed(speed: float) -> None:
    """But for the rounding of the division itself."""
    exact = Fraction(10**9) / Fraction(speed)
    assert abs(pace_from_speed_ns(speed) - exact) <= Fraction(1, 2) + exact / 2**53


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf"), 1e-12])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(UsageError, match="reading speed is"):
        pace_from_speed_ns(speed)


def test_the_first_token_is_due_after_one_pace_unless_it_is_given() -> None:
    assert Reader(pace_ns=7).first_ns == 7
    assert Reader(pace_ns=7, first_ns=0).first_ns == 0
    assert Reader.from_speed(5).first_ns == 200_000_000
    assert Reader.from_speed(5, first_ns=0).first_ns == 0
    assert Reader.from_speed(5, first_ns=9, skip_first=True) == Reader(
        pace_ns=200_000_000, first_ns=9, skip_first=True
    )


def test_the_default_reader_reads_five_tokens_a_second() -> None:
    assert Reader(pace_ns=200_000_000, first_ns=200_000_000) == DEFAULT_READER


@pytest.mark.parametrize(
    ("pace", "first"), [(-1, 0), (0, -2), (2**62 + 1, 0), (0, 2**62 + 1), (-1, -1)]
)
def test_a_reader_outside_0_to_2_62_is_refused(pace: int, first: int) -> None:
    with pytest.raises(UsageError, match="the reader's"):
        Reader(pace_ns=pace, first_ns=first)


def test_a_reader_describes_speed_pace_and_allowance() -> None:
    assert DEFAULT_READER.describe() == "5 tokens/s (V = 200ms a token), first token by 200ms"
    assert Reader(pace_ns=0, first_ns=10**9).describe() == (
        "unlimited (V = 0ms a token), first token by 1s"
    )
