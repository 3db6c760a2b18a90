"""Nights in their zones: a partition of time, by the calendar, over every change of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import UsageError
from sgengine.nightly.days import day_of, days_of, midnight_ns, night_ns

HOUR = 3600 * 10**9
DAY = timedelta(days=1)

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
"""Zones whose clocks do not change at midnight, so that local dates never go back."""

AT_MIDNIGHT = (
    "America/Havana",
    "America/St_Johns",
    "America/Asuncion",
    "Asia/Beirut",
    "Pacific/Apia",
)
"""Midnight that comes twice or not at all, and a day that was left out."""

days = st.dates(date(1975, 1, 1), date(2040, 1, 1))


@given(days, st.sampled_from(ZONES), st.integers(-2, 50), st.integers(0, HOUR - 1))
def test_a_moment_is_of_the_night_that_the_calendar_says(day, name, hours, rest):
    zone = ZoneInfo(name)
    moment = midnight_ns(day, UTC) + hours * HOUR + rest
    calendar = datetime.fromtimestamp(moment // 10**9, zone).date()
    start, end = night_ns(calendar, zone)
    assert start <= moment < end
    assert day_of(moment, zone) == calendar


@given(days, st.sampled_from((*ZONES, *AT_MIDNIGHT)), st.integers(0, 30 * HOUR))
def test_every_moment_is_of_exactly_one_night(day, name, offset):
    zone = ZoneInfo(name)
    moment = midnight_ns(day, zone) + offset
    found = day_of(moment, zone)
    around = [found + DAY * i for i in range(-3, 4)]
    mine = [d for d in around if midnight_ns(d, zone) <= moment < midnight_ns(d + DAY, zone)]
    assert mine == [found]


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("UTC", "2026-03-29", 24),
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Europe/Berlin", "2026-10-26", 24),
        ("America/New_York", "2026-03-08", 23),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("America/Havana", "2026-11-01", 25),
        ("Asia/Beirut", "2026-03-29", 23),
    ],
)
def test_days_on_which_clocks_change(name, day, hours):
    start, end = night_ns(date.fromisoformat(day), ZoneInfo(name))
    assert (end - start) / HOUR == hours


def test_a_day_that_a_zone_left_out_is_no_night():
    with pytest.raises(UsageError, match="no 2011-12-30 in zone Pacific/Apia"):
        night_ns(date(2011, 12, 30), ZoneInfo("Pacific/Apia"))


@given(days, st.integers(0, 80 * HOUR), st.integers(0, 80 * HOUR), st.sampled_from(ZONES))
def test_the_days_that_a_stretch_touches(day, offset, length, name):
    zone = ZoneInfo(name)
    start = midnight_ns(day, zone) + offset
    every = [day + DAY * i for i in range(-1, 10)]
    touched = [
        d
        for d in every
        if max(start, night_ns(d, zone)[0]) < min(start + length, night_ns(d, zone)[1])
    ]
    assert list(days_of(start, start + length, zone)) == touched
