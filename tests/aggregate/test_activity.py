"""In-flight levels, steady stretches, window membership and T, against naive twins."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.aggregate import (
    INSIDE,
    WHERE,
    Activity,
    Section,
    Selection,
    SortedSpool,
    Steady,
    TimeWindow,
    Trim,
    choose,
    places,
    sections_of,
    sorted_spool,
)
from sgengine.aggregate.sections import windowed
from sgengine.compute import MeasureSettings, compute
from sgengine.errors import DataError, SgengineError, UsageError
from tests.bridge import batch_of
from tests.engine.make import plain_row

Flights = Sequence[tuple[int, int]]
Row = dict[str, Any]

S = 10**9
SMALL = st.integers(0, 12)


def requests_of(rows: Sequence[Row]) -> pa.RecordBatch:
    return compute(batch_of(rows), MeasureSettings()).requests


def row_of(k: int, arrival: int | None, stay: int, **more: Any) -> Row:
    """A request in flight for ``stay``: by its last chunk or by its end, in turn."""
    if k % 2:
        return plain_row(k, [0, stay], arrival_ns=arrival, **more)
    return plain_row(k, [0], arrival_ns=arrival, end_ns=stay, **more)


def activity_of(flights: Flights, **settings: Any) -> Activity:
    activity = Activity(in_flight=True, **settings)
    activity.add(requests_of([row_of(k, *flight) for k, flight in enumerate(flights)]))
    return activity


@st.composite
def flights_of(draw: st.DrawFn, min_size: int = 1) -> list[tuple[int, int]]:
    """Arrival and stay of requests, full of ties; some take no time."""
    return draw(st.lists(st.tuples(SMALL, st.integers(0, 6)), min_size=min_size, max_size=12))


# --- Naive twins ---------------------------------------------------------------------------------


def level_at(flights: Flights, time: float) -> int:
    return sum(arrival <= time < arrival + stay for arrival, stay in flights)


def naive_steady(flights: Flights, share: Fraction) -> tuple[int, int, int] | None:
    """(start, end, peak): every pair of edges is tried, longest first, then earliest."""
    edges = sorted({edge for arrival, stay in flights for edge in (arrival, arrival + stay)})
    middles = [(a + b) / 2 for a, b in pairwise(edges)]
    peak = max((level_at(flights, middle) for middle in middles), default=0)
    if peak == 0:
        return None
    tried = sorted(
        ((start, end) for start in edges for end in edges if start < end),
        key=lambda pair: (pair[0] - pair[1], pair[0]),
    )
    for start, end in tried:
        inside = [middle for middle in middles if start < middle < end]
        if all(level_at(flights, middle) >= share * peak for middle in inside):
            return start, end, peak
    raise AssertionError("the peak itself is such a stretch")


def naive_place(row: Row, section: Section) -> str:
    arrival = row["arrival_ns"]
    if arrival is None:
        return "has no arrival time: it is in no window"
    if section.from_ns is not None and arrival < section.from_ns:
        return "arrives before the window"
    if section.until_ns is not None and arrival >= section.until_ns:
        return "arrives after the window"
    return "arrives in the window"


# --- Sorted numbers ------------------------------------------------------------------------------


@given(st.lists(st.lists(SMALL, max_size=9), max_size=6), st.sampled_from([0, 80, 1 << 20]))
def test_numbers_come_back_in_order_from_memory_and_disk(parts, limit):
    whole, others = SortedSpool(limit_bytes=limit), SortedSpool(limit_bytes=limit)
    for k, part in enumerate(parts):
        (whole if k % 2 else others).add("a", np.array(part, dtype=np.int64))
        whole.add("b", np.array(part, dtype=np.int64) * 2)
    whole.merge(others)
    assert whole.held_bytes <= limit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_spool, "BLOCK", 3)
        steps = list(whole.aligned("a", "b"))
    numbers = sorted(n for part in parts for n in part)
    assert [n for a, _ in steps for n in a.tolist()] == numbers
    assert [n for _, b in steps for n in b.tolist()] == [2 * n for n in numbers]
    bounds = [np.concatenate(step) for step in steps]
    assert all(a.max() < b.min() for a, b in pairwise(bounds))


# --- In flight -----------------------------------------------------------------------------------


@given(flights_of(), st.sampled_from([0, 1 << 20]))
def test_levels_are_the_requests_in_flight(flights, limit):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_spool, "BLOCK", 3)
        activity = activity_of(flights, limit_bytes=limit)
        steps = list(activity.levels("a"))
    times = [int(time) for times, _ in steps for time in times]
    levels = [int(level) for _, counts in steps for level in counts]
    assert times == sorted({edge for a, stay in flights for edge in (a, a + stay)})
    assert levels == [level_at(flights, time) for time in times]
    assert activity.peak("a") == max(levels)


@given(flights_of(), st.fractions(Fraction(1, 12), 1), st.sampled_from([0, 1 << 20]))
def test_the_steady_stretch_is_the_longest_of_all(flights, share, limit):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_spool, "BLOCK", 3)
        found = activity_of(flights, limit_bytes=limit).steady("a", share)
    expected = naive_steady(flights, share)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert (found.start_ns, found.end_ns, found.peak) == expected


@given(flights_of(), st.integers(0, 12), st.sampled_from([0, 1 << 20]))
def test_merged_parts_are_as_the_whole(flights, cut, limit):
    first, second = activity_of(flights[:cut], limit_bytes=limit), Activity(in_flight=True)
    second.add(requests_of([row_of(k, *f) for k, f in enumerate(flights) if k >= cut]))
    first.merge(second)
    whole = activity_of(flights)
    assert first.spans == whole.spans
    assert first.steady("a", Fraction(4, 5)) == whole.steady("a", Fraction(4, 5))


def test_a_million_requests_are_swept_beyond_the_budget():
    starts = np.arange(10**6, dtype=np.int64) * 10
    activity = Activity(in_flight=True, limit_bytes=1 << 20)
    for part in np.array_split(np.random.default_rng(1).permutation(10**6), 20):
        activity.times.add(("a", "start"), starts[part])
        activity.times.add(("a", "end"), starts[part] + 100)
    assert activity.times.held_bytes <= 1 << 20
    found = activity.steady("a", Fraction(1))
    assert found is not None
    assert (found.start_ns, found.end_ns, found.peak) == (90, 10**7, 10)


def test_times_at_the_end_of_the_clock_do_not_overflow():
    activity = activity_of([(2**63 - 10, 2**62)])
    assert activity.spans["a"].observed_ns == 9


# --- Sections ------------------------------------------------------------------------------------

BOUND = st.one_of(st.none(), st.integers(0, 15))


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    kind = draw(st.sampled_from(["window", "trim", "steady"]))
    if kind == "trim":
        return Trim(start_ns=draw(SMALL), end_ns=draw(SMALL))
    if kind == "steady":
        return Steady(share=draw(st.fractions(Fraction(1, 12), 1)))
    start, end = draw(BOUND), draw(BOUND)
    if start is None and end is None:
        start = 0
    if start is not None and end is not None and start >= end:
        end = start + 1
    text = ",".join("" if bound is None else f"{bound}ns" for bound in (start, end))
    found = choose(window=text)
    assert isinstance(found, TimeWindow)
    return found


@given(flights_of(), selections())
def test_members_arrive_in_the_section_and_t_is_its_length(flights, selection):
    rows = [row_of(k, *flight) for k, flight in enumerate(flights)]
    rows.append(row_of(len(rows), None, 5))
    activity = Activity(in_flight=True)
    activity.add(requests_of(rows))
    first, last = min(a for a, _ in flights), max(a + stay for a, stay in flights)
    try:
        section = sections_of(selection, activity)["a"]
    except SgengineError:
        assert not isinstance(selection, Steady) or naive_steady(flights, selection.share) is None
        return
    match selection:
        case TimeWindow():
            start = first + selection.start.ns if selection.start else first
            end = first + selection.end.ns if selection.end else last
        case Trim():
            start, end = first + selection.start_ns, last - selection.end_ns
        case Steady():
            start, end, _ = naive_steady(flights, selection.share)
    assert section.duration_ns == max(0, min(end, last) - max(start, first))
    where = [WHERE[code] for code in places(requests_of(rows), {"a": section})]
    assert where == [naive_place(row, section) for row in rows]
    closed = not isinstance(selection, TimeWindow) or selection.end is not None
    for row, told in zip(rows[:-1], where, strict=False):
        inside = start <= row["arrival_ns"] and (row["arrival_ns"] < end or not closed)
        open_trim = isinstance(selection, Trim) and not selection.end_ns
        if not open_trim:
            assert (told == WHERE[INSIDE]) == inside


@given(st.lists(st.tuples(SMALL, SMALL), min_size=1, max_size=5), SMALL, st.integers(1, 6))
def test_a_slice_has_what_the_sections_cover_of_it_once(bounds, start, length):
    sections = {
        str(k): Section(start_ns=min(pair), end_ns=max(pair), run_start_ns=0)
        for k, pair in enumerate(bounds)
    }
    covered = {
        time
        for section in sections.values()
        for time in range(section.start_ns, section.end_ns)
        if start <= time < start + length
    }
    found = windowed(sections, sections, "x", part=(start, start + length))
    assert found.duration_ns == len(covered)
    whole = windowed(sections, sections, "x")
    assert whole.duration_ns == sum(abs(a - b) for a, b in bounds)


# --- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_options", "message"),
    [
        ({"window": "10s"}, "give START,END"),
        ({"window": ","}, "give START,END"),
        ({"window": "a,b"}, "or a time"),
        ({"window": "20s,10s"}, "is empty"),
        ({"window": "10s,10s"}, "is empty"),
        ({"window": "2026-13-01,"}, "month"),
        ({"trim": "10s"}, "give START,END"),
        ({"trim": "-1s,0s"}, "trim is '-1s'"),
        ({"steady": "x"}, "give a share"),
        ({"steady": 0.0}, "above 0"),
        ({"steady": 1.01}, "up to 1"),
        ({"steady": "nan"}, "give a share"),
        ({"steady": True, "trim": "1s,"}, "trim and steady are given"),
        ({"window": "1s,", "trim": "1s,"}, "window and trim are given"),
    ],
)
def test_a_selection_that_means_nothing_is_refused(given_options, message):
    with pytest.raises(UsageError, match=message):
        choose(**given_options)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-03-02T10:00:00Z", 1772445600 * S),
        ("2026-03-02 10:00", 1772445600 * S),
        ("2026-03-02T12:00+02:00", 1772445600 * S),
        ("2026-03-02T10:00:00.000000001Z", 1772445600 * S + 1),
        ("1772445600", 1772445600 * S),
        ("1772445600.25", 1772445600 * S + S // 4),
        ("1772445600123", 1772445600 * S + 123 * 10**6),
        ("1772445600123456", 1772445600 * S + 123456 * 1000),
        ("1772445600123456789", 1772445600 * S + 123456789),
    ],
)
def test_times_of_day_are_exact(text, ns):
    found = choose(window=f"{text},")
    assert isinstance(found, TimeWindow)
    assert found.start is not None
    assert (found.start.ns, found.start.is_epoch) == (ns, True)
    assert choose(window=found.text) == found


def test_a_selection_reads_back_what_it_says():
    for given_options in ({"window": "10s,60s"}, {"window": ",1500ms"}, {"trim": "0ms,1s"}):
        (kind,) = given_options
        found = choose(**given_options)
        assert found is not None
        assert choose(**{kind: found.text}) == found
    assert choose(steady=True) == choose(steady="0.8") == Steady()
    assert choose(steady=False) is choose() is None


def test_runs_that_a_selection_cannot_cut_are_named():
    bare = Activity(in_flight=True)
    bare.add(requests_of([row_of(0, None, 5)]))
    with pytest.raises(DataError, match="run a has no arrival times, which --steady needs"):
        sections_of(Steady(), bare)
    still = activity_of([(1, 0)])
    with pytest.raises(DataError, match="run a has no request that took any time"):
        sections_of(Steady(), still)
    ticking = Activity()
    ticking.add(requests_of([row_of(0, 5, 5, clock="monotonic")]))
    window = choose(window="2026-01-01,")
    assert window is not None
    with pytest.raises(DataError, match="clock monotonic"):
        sections_of(window, ticking)
    with pytest.raises(UsageError, match="leaves nothing of run a, which lasts 5ns"):
        sections_of(Trim(start_ns=3, end_ns=3), ticking)


def test_a_run_of_which_nothing_is_left_is_no_error_beside_others():
    activity = Activity()
    activity.add(requests_of([row_of(0, 0, 5), row_of(1, 0, 50, run="b")]))
    found = sections_of(Trim(start_ns=10), activity)
    assert (found["a"].duration_ns, found["b"].duration_ns) == (0, 40)
