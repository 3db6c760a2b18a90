from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.readers.seconds import TooLongError
from sgengine.readers.timestamps import (
    UNITS,
    TimestampError,
    is_naive,
    iso_ns,
    json_moment,
    number_ns,
    numbers_ns,
    zone_of,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def raw(text):
    return msgspec.Raw(text.encode())


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("1782187865.739901396", "s", 1782187865739901396),
        ("1782187865739901396", "ns", 1782187865739901396),
        ("1.782187865739901396e9", "s", 1782187865739901396),
        ("17.5", "ms", 17_500_000),
        ("-0.000000001", "s", -1),
        (".5", "us", 500),
        ("0.5", "ns", 0),
        ("1.5", "ns", 2),
        ("2.5", "ns", 2),
        ("2.50000000000000000000000000000000001", "ns", 3),
        (" 3 ", "s", 3 * 10**9),
        ("1e-999999", "s", 0),
    ],
)
def test_decimal_texts_are_whole_nanoseconds_half_to_even(text, unit, expected):
    assert number_ns(text, unit) == expected


@given(st.integers(-(2**61), 2**61), st.sampled_from(sorted(UNITS)))
def test_every_nanosecond_survives_being_written_in_any_unit(nanos, unit):
    text = f"{Decimal(nanos).scaleb(-UNITS[unit]):f}"
    assert number_ns(text, unit) == nanos
    assert number_ns(Decimal(text), unit) == nanos


@given(st.decimals(-(10**9), 10**9, allow_nan=False, places=15))
def test_numbers_are_rounded_like_exact_fractions(value):
    assert number_ns(value, "s") == round(Fraction(value) * 10**9)


@given(
    st.lists(
        st.one_of(
            st.decimals(-(10**9), 10**9, allow_nan=False),
            st.sampled_from([Decimal("1e-9999999"), Decimal("1." + "0" * 95 + "1")]),
        )
    )
)
def test_many_numbers_at_once_are_as_each_alone(values):
    assert numbers_ns(values, "s") == [number_ns(value, "s") for value in values]


@pytest.mark.parametrize(
    "bad", ["NaN", "sNaN", "Infinity", "1e999999999", "1e30", "1." + "1" * 200]
)
def test_one_bad_number_among_many_is_refused(bad):
    with pytest.raises((TimestampError, TooLongError)):
        numbers_ns([Decimal(1), Decimal(bad), Decimal(2)], "s")


@pytest.mark.parametrize("text", ["", "x", "1_000", "0x10", "١٢", "1e", "--1", "1,5", "NaN", "inf"])
def test_other_texts_are_no_numbers(text):
    with pytest.raises(TimestampError):
        number_ns(text, "s")


@pytest.mark.parametrize(
    "value", ["1e99", "9" * 90, "1e999999999999999999999", 2**80, Decimal("1E+99")]
)
def test_numbers_beyond_int64_are_too_long(value):
    with pytest.raises(TooLongError):
        number_ns(value, "s")


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), Decimal("1." + "1" * 200)])
def test_decimals_that_are_no_numbers_or_endless_are_refused(value):
    with pytest.raises(TimestampError):
        number_ns(value, "s")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2023-11-16 18:17:03.9799600", 1700158623979960000),
        ("2023-11-16T18:17:03.97996+00:00", 1700158623979960000),
        ("2023-11-16t19:17:03,979960z", 1700162223979960000),
        ("2023-11-16 20:17:03.97996 +02:00", 1700158623979960000),
        ("2023-11-16 12:47:03.97996-0530", 1700158623979960000),
        ("2023-11-16 12:17:03.97996-06", 1700158623979960000),
        ("2026-06-23T06:05:02.123456789Z", 1782194702123456789),
        ("2026-06-23T06:05:02.1234567895Z", 1782194702123456790),
        ("1969-12-31T23:59:59.9Z", -100_000_000),
    ],
)
def test_iso_texts_of_any_number_of_decimals(text, expected):
    assert iso_ns(text, UTC) == expected


@given(st.integers(-(2**61), 2**61), st.integers(-23 * 60, 23 * 60))
def test_iso_texts_agree_with_the_calendar(nanos, minutes):
    seconds, fraction = divmod(nanos, 10**9)
    local = EPOCH + timedelta(seconds=seconds, minutes=minutes)
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    text = f"{local:%Y-%m-%dT%H:%M:%S}.{fraction:09}{sign}{hours:02}:{rest:02}"
    assert iso_ns(text, None) == nanos


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-06-23",
        "2026-02-30T00:00:00Z",
        "2026-06-23T24:00:00Z",
        "2026-06-23T00:60:00Z",
        "2026-06-23T00:00:60Z",
        "2026-06-23T00:00:00+24:00",
        "0000-06-23T00:00:00Z",
        "2026-06-23T00:00:00 CET",
        "٢٠٢٦-06-23T00:00:00Z",
    ],
)
def test_other_texts_are_no_times(text):
    with pytest.raises(TimestampError):
        iso_ns(text, UTC)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_years_beyond_int64_are_too_long(text):
    with pytest.raises(TooLongError):
        iso_ns(text, UTC)
    with pytest.raises((TooLongError, TimestampError)):
        iso_ns(text.removesuffix("Z"), zone_of("America/New_York"))


def test_a_text_without_a_zone_needs_one():
    with pytest.raises(TimestampError, match="names no zone"):
        iso_ns("2026-06-23T06:05:02", None)
    assert is_naive("2026-06-23 06:05:02.5")
    assert not is_naive("2026-06-23 06:05:02.5Z")
    assert not is_naive("5")


def test_local_times_follow_the_zone_through_its_changes():
    berlin = zone_of("Europe/Berlin")
    assert iso_ns("2026-01-01T01:00:00", berlin) == iso_ns("2026-01-01T00:00:00Z", None)
    assert iso_ns("2026-07-01T02:00:00", berlin) == iso_ns("2026-07-01T00:00:00Z", None)
    assert iso_ns("2026-07-01T02:00:00+00:00", berlin) == iso_ns("2026-07-01T02:00:00Z", None)
    for text in ("2026-03-29T02:30:00", "2026-10-25T02:30:00"):
        with pytest.raises(TimestampError, match="skipped or happens twice"):
            iso_ns(text, berlin)


def test_zones_are_names_or_offsets():
    assert zone_of("UTC") is UTC
    assert iso_ns("1970-01-01T02:00:00", zone_of("+02:00")) == 0
    for name in ("", "Mars/Base", "+25:00", "../etc/passwd", "Europe"):
        with pytest.raises(ValueError, match=r"zone|offset"):
            zone_of(name)


def test_moments_in_json_are_texts_or_seconds():
    assert json_moment(None) is None
    assert json_moment(raw("null")) is None
    assert json_moment(raw("1782187865.739901396")) == 1782187865739901396
    assert json_moment(raw('"1782187865.5"')) == 1782187865500000000
    assert json_moment(raw('"1970-01-01 00:00:01"')) == 10**9
    for text in ('"soon"', "true", "[1]", "{}"):
        with pytest.raises(TimestampError):
            json_moment(raw(text))
