"""Durations in the field's spelling: whole nanoseconds in, the shortest exact spelling out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import UsageError
from sgengine.objectives import format_duration, parse_age, parse_duration_ns


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("500", 500_000_000),
        ("0", 0),
        ("500ms", 500_000_000),
        ("0.5s", 500_000_000),
        (".5s", 500_000_000),
        ("1.s", 1_000_000_000),
        ("20us", 20_000),
        ("20µs", 20_000),
        ("7ns", 7),
        ("0.000001", 1),
        ("0.1", 100_000),
        (" 3s ", 3_000_000_000),
        ("4611686018427387904ns", 2**62),
    ],
)
def test_a_duration_is_read_to_the_nanosecond(text: str, ns: int) -> None:
    """A bare number is milliseconds, as in vllm bench serve."""
    assert parse_duration_ns(text) == ns


@pytest.mark.parametrize(
    "text",
    ["", "ms", "-1", "1e3", "1 ms", "1m", "1h", "0x1", "1,5s", "inf", "nan", "1ms2", "1.2.3", "."],
)
def test_what_is_no_duration_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match="tau is '") as caught:
        parse_duration_ns(text, "tau")
    assert "a bare number is ms" in str(caught.value)


@pytest.mark.parametrize("text", ["0.5ns", "1.0000001ms", "0.0000000001s"])
def test_a_part_of_a_nanosecond_is_refused_not_rounded(text: str) -> None:
    with pytest.raises(UsageError, match="whole nanoseconds"):
        parse_duration_ns(text)


@pytest.mark.parametrize("text", ["4611686018427387905ns", "1" + "0" * 30 + "s"])
def test_more_than_146_years_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="146 years"):
        parse_duration_ns(text)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0ms"),
        (1, "1ns"),
        (999, "999ns"),
        (1_500, "1.5us"),
        (20_000_000, "20ms"),
        (1_500_000_000, "1.5s"),
        (100_000_000_000, "100s"),
        (1_000_000_001, "1.000000001s"),
    ],
)
def test_a_duration_is_written_in_its_largest_unit(ns: int, text: str) -> None:
    assert format_duration(ns) == text


@given(st.one_of(st.integers(0, 10**7), st.integers(0, 2**62)))
def test_what_is_written_reads_back_the_same(ns: int) -> None:
    assert parse_duration_ns(format_duration(ns)) == ns


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("30d", timedelta(days=30)),
        (" 12h ", timedelta(hours=12)),
        ("90min", timedelta(minutes=90)),
        ("0d", timedelta(0)),
        ("36500d", timedelta(days=36500)),
    ],
)
def test_an_age_has_a_unit(text: str, age: timedelta) -> None:
    assert parse_age(text) == age


@pytest.mark.parametrize(
    "text", ["", "30", "d", "-1d", "1.5d", "30 d", "30m", "1e2d", "٣d", "9" * 30]
)
def test_what_is_no_age_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match="retention is '") as caught:
        parse_age(text, "retention")
    assert "as in 30d" in str(caught.value)


@pytest.mark.parametrize("text", ["36501d", "99999999d"])
def test_more_than_36500_days_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="at most 36500d"):
        parse_age(text)
