"""Views over nights equal brute force: equal run names of two nights never meet, T is the night's."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reference_groups import QUANTILES, quantile, span_ns, summarize
from tests.reference_slo import Benefit
from tests.sql.brute import (
    TRACES,
    UNFINISHED_S,
    benefit_settings,
    check,
    clause_settings,
    conjunctions,
    flat,
    scale_of,
)
from tests.sql.stored import DAY_NS, JOB, Held, class_row, day, key_of, night_row, runs_of
from tests.sql.support import (
    DEFAULT_READER,
    FEWER,
    MS,
    S,
    delivery,
    differences,
    measured,
    rows_of,
)
from tests.strategies import HOUR, benefits, readers

BENEFIT = Benefit()
ONE_CHUNK = [delivery(chunk_times_ns=[5])]


@pytest.fixture(scope="module")
def held():
    return Held("tenant")


@st.composite
def nights(draw: st.DrawFn, trace=TRACES):
    """Up to three nights of deliveries with the same names, some with bounds, and what their runs state."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        rows = [
            row
            | {
                "workload": draw(st.sampled_from(("w", "x"))),
                "tenant": draw(st.sampled_from((None, "t", "u"))),
            }
            for row in draw(trace)
        ]
        stated = {run: draw(st.one_of(st.none(), st.integers(1, 99 * S))) for run in ("a", "b")}
        found.append((number, rows, draw(st.booleans()), stated))
    return found


def committed(number, deliveries, reader=DEFAULT_READER):
    """The REQUESTS rows of a night, with its keys and the tenant."""
    tenants = [row["tenant"] for row in deliveries]
    plain = [{k: v for k, v in row.items() if k != "tenant"} for row in deliveries]
    rows = measured(plain, reader)
    return [
        row | key_of(number) | {"tenant": tenant} for row, tenant in zip(rows, tenants, strict=True)
    ]


def fill(held, drawn, **more):
    """Put drawn nights into the connection; the rows of all of them."""
    requests, runs, told = [], [], []
    for number, deliveries, has_bounds, stated in drawn:
        rows = committed(number, deliveries)
        requests += rows
        runs += runs_of(rows, stated)
        told.append(night_row(number, has_bounds=has_bounds))
    held.fill(requests, told, runs=runs, **more)
    return requests


def window_of(members, every, drawn):
    """T by hand: a night with bounds once, else each run of the night that is touched."""
    total = 0
    for number, _, has_bounds, stated in drawn:
        mine = [row for row in members if row["day"] == day(number)]
        if mine and has_bounds:
            total += DAY_NS
            continue
        for run in {row["run"] for row in mine}:
            whole = [row for row in every if row["day"] == day(number) and row["run"] == run]
            length = span_ns(whole) if stated[run] is None else stated[run]
            if length is None:
                return None
            total += length
    return total or None


GROUPINGS = {
    "by_night": ("day", "system", "workload"),
    "by_system": ("system",),
    "by_workload": ("workload",),
}


@pytest.mark.parametrize("name", GROUPINGS)
@FEWER
@given(drawn=nights(), data=st.data())
def test_groups_over_nights(held, name, drawn, data):
    some = data.draw(conjunctions(DEFAULT_READER))
    every = fill(held, drawn, chosen=clause_settings(some))
    keys = GROUPINGS[name]
    found = {tuple(row[k] for k in keys): row for row in rows_of(held.con, f"FROM {name}")}
    assert found.keys() == {tuple(row[k] for k in keys) for row in every}
    for key, row in found.items():
        members = [r for r in every if tuple(r[k] for k in keys) == key]
        window = window_of(members, every, drawn)
        expected = flat(summarize(members, window=window, clauses=some))
        check(row, expected, scale_of(members, BENEFIT, 0, window))
        assert row.get("job", JOB) == JOB


@FEWER
@given(drawn=nights())
def test_macros_over_nights(held, drawn):
    every = fill(held, drawn)
    for call in ("smooth_goodput(5, 2.5)", "goodput(max_ttft_ms := 500)"):
        for row in rows_of(held.con, f"FROM {call}"):
            members = [
                r for r in every if (r["system"], r["workload"]) == (row["system"], row["workload"])
            ]
            window = window_of(members, every, drawn)
            assert row["requests"] == len(members)
            assert row["duration_s"] == (None if window is None else float(window) / S)


@st.composite
def slo_classes(draw: st.DrawFn, number: int, reader):
    """Up to four classes of a night, each with a reader, clauses and benefit of its own."""
    found = []
    for position in draw(st.permutations(range(draw(st.integers(0, 4))))):
        its_reader = draw(st.one_of(st.just(reader), readers(HOUR)))
        spec, unfinished_s = draw(benefits()), draw(UNFINISHED_S)
        found.append(
            {
                "name": f"c{position}",
                "position": position,
                "workload": draw(st.sampled_from((None, "w", "x"))),
                "tenant": draw(st.sampled_from((None, "t", "u"))),
                "reader": its_reader,
                "clauses": draw(conjunctions(its_reader)),
                "spec": spec,
                "unfinished_s": unfinished_s,
                "denominator": draw(st.sampled_from(("all", "completed", "determined"))),
                "number": number,
            }
        )
    return found


def settings_of(kind):
    """The row of CLASSES."""
    first, pace = kind["reader"]
    settings = {"reader_first_ns": first, "reader_pace_ns": pace} | clause_settings(kind["clauses"])
    settings |= benefit_settings(kind["spec"], kind["unfinished_s"])
    named = {name: kind[name] for name in ("workload", "tenant", "denominator")}
    return class_row(kind["number"], kind["name"], kind["position"], **settings, **named)


def class_of(row, kinds: Sequence[dict]):
    """The class of the least position that matches."""
    fits = [
        kind
        for kind in kinds
        if kind["workload"] in (None, row["workload"]) and kind["tenant"] in (None, row["tenant"])
    ]
    return min(fits, key=lambda kind: kind["position"], default=None)


@FEWER
@given(drawn=nights(), data=st.data())
def test_slo_by_class(held, drawn, data):
    kinds = {n: data.draw(slo_classes(n, DEFAULT_READER)) for n, *_ in drawn}
    every = fill(
        held, drawn, classes=[settings_of(kind) for part in kinds.values() for kind in part]
    )
    found = {
        (row["day"], row["system"], row["class"]): row
        for row in rows_of(held.con, "FROM slo_by_class")
    }
    expected_keys = set()
    for number, deliveries, _, _ in drawn:
        groups = {}
        for given_row in deliveries:
            kind = class_of(given_row, kinds[number])
            groups.setdefault((given_row["system"], kind and kind["name"]), []).append(given_row)
        for (system, name), members in groups.items():
            key = (day(number), system, name)
            expected_keys.add(key)
            kind = next((k for k in kinds[number] if k["name"] == name), None)
            check_class(found[key], number, members, kind, every, drawn)
    assert found.keys() == expected_keys


def check_class(row, number, deliveries, kind, every, drawn):
    """One group of a class against the twin, measured anew for the reader of the class."""
    window = window_of(committed(number, deliveries), every, drawn)
    assert row["requests"] == len(deliveries)
    assert row["duration_s"] == (None if window is None else float(window) / S)
    if kind is None:
        judged = {k: v for k, v in row.items() if k not in KEPT_WITHOUT_CLASS}
        assert set(judged.values()) == {None}
        return
    rows = committed(number, deliveries, kind["reader"])
    if kind["reader"] != DEFAULT_READER:  # what the night did not count is not known
        rows = [r | ({"late_tokens": None} if r["n_output_tokens"] != 0 else {}) for r in rows]
    figures = summarize(
        rows,
        window=window,
        clauses=kind["clauses"],
        spec=kind["spec"],
        unfinished_ns=kind["unfinished_s"] * S,
        denominator=kind["denominator"],
    )
    expected = flat(figures)
    check(
        row,
        {name: expected[name] for name in row if name in expected},
        scale_of(rows, kind["spec"], kind["unfinished_s"], window),
    )


KEPT_WITHOUT_CLASS = {"job", "day", "system", "requests", "duration_s"}


TREND = (
    "requests",
    "output_throughput",
    "request_throughput",
    "ttft_p50_ms",
    "ttft_p99_ms",
    "tpot_p50_ms",
    "tpot_p99_ms",
    "e2e_latency_p50_ms",
    "e2e_latency_p99_ms",
    "user_idle_latency_p50_ms",
    "user_idle_latency_p99_ms",
    "smooth_goodput",
    "slo_attainment",
    "request_goodput",
    "token_goodput",
    "token_attainment",
)


@FEWER
@given(drawn=nights())
def test_trend(held, drawn):
    fill(held, drawn, chosen={"max_ttft_ns": 500 * MS})
    figures = rows_of(held.con, "FROM by_night")
    expected = []
    for _, group in groupby(sorted(figures, key=_series), key=_series):
        before = None
        for row in sorted(group, key=lambda row: row["day"]):
            expected += [step(row, before, figure) for figure in TREND]
            before = row
    found = {(r["day"], r["system"], r["workload"], r["figure"]): r for r in trend_rows(held)}
    assert len(found) == len(expected)
    for row in expected:
        key = (row["day"], row["system"], row["workload"], row["figure"])
        assert not differences(found[key], row)


def trend_rows(held):
    rows = rows_of(held.con, "FROM trend")
    order = [(r["day"], r["job"], r["system"], r["workload"], r["figure"]) for r in rows]
    assert order == sorted(order)
    return rows


def _series(row):
    return row["system"], row["workload"]


def step(row, before, figure):
    """One row of trend, by hand."""
    value, previous = row[figure], before and before[figure]
    both = value is not None and previous is not None
    return {
        "job": JOB,
        "day": row["day"],
        "system": row["system"],
        "workload": row["workload"],
        "figure": figure,
        "value": None if value is None else float(value),
        "previous_day": before and before["day"],
        "previous": None if previous is None else float(previous),
        "change": float(value - previous) if both else None,
        "change_percent": 100 * (value - previous) / abs(previous) if both and previous else None,
    }


def bucket_of(gap):
    """The bucket of a whole gap: 1 ns each below 256, then 128 an octave (kernels/histogram)."""
    if gap < 256:
        return gap
    octave = gap.bit_length() - 9
    return 256 + 128 * octave + ((gap - (256 << octave)) * 128 >> (8 + octave))


def edge(bucket):
    """The least gap of a bucket."""
    if bucket < 256:
        return Fraction(bucket)
    octave, part = divmod(bucket - 256, 128)
    return Fraction(256 << octave) * (1 + Fraction(part, 128))


SAMPLES = st.lists(
    st.one_of(st.integers(0, 300), st.integers(0, 2**20), st.integers(0, 2**53)),
    min_size=1,
    max_size=30,
)


@FEWER
@given(
    groups=st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from("st"), st.sampled_from("ab"), SAMPLES),
        max_size=5,
    )
)
def test_itl_percentiles(held, groups):
    """The same as from the middles of the buckets, and as near to the samples as is promised."""
    rows, samples = {}, {}
    for number, system, run, gaps in groups:
        samples.setdefault((day(number), system), []).extend(gaps)
        for gap in gaps:
            key = (number, system, run, bucket_of(gap))
            rows[key] = rows.get(key, 0) + 1
    table = [
        key_of(number)
        | {"run": run, "system": system, "workload": "w", "hour_ns": None, "itl_rule": "chunk"}
        | {"bucket": bucket, "count": count}
        for (number, system, run, bucket), count in rows.items()
    ]
    held.fill([], [], gaps=table)
    found = {(r["day"], r["system"]): r for r in rows_of(held.con, "FROM itl_percentiles")}
    assert found.keys() == samples.keys()
    for key, gaps in samples.items():
        check_itl(found[key], gaps)


def check_itl(row, gaps):
    buckets = sorted(map(bucket_of, gaps))
    middles = [(edge(b) + edge(b + 1)) / 2 for b in buckets]
    expected = {f"itl_{name}_approx_ms": quantile(middles, q) for name, q in QUANTILES.items()}
    expected |= {
        "itl_mean_approx_ms": sum(middles) / len(middles),
        "itl_min_approx_ms": middles[0],
        "itl_max_approx_ms": middles[-1],
    }
    assert row["n_itl"] == len(gaps)
    assert not differences(row, {name: float(value / MS) for name, value in expected.items()})
    ordered = sorted(map(Fraction, gaps))
    for name, q in QUANTILES.items():
        exact = quantile(ordered, q)
        off = abs(Fraction(row[f"itl_{name}_approx_ms"]) * MS - exact)
        assert off <= exact / 256 + Fraction(1, 2) + exact / 10**9


def test_groups_without_a_gap_are_shown_with_nulls(held):
    rows = committed(0, [row | {"tenant": None} for row in ONE_CHUNK])
    held.fill(rows, [night_row(0)], runs=runs_of(rows))
    (row,) = rows_of(held.con, "FROM itl_percentiles")
    assert (row["system"], row["itl_rule"], row["n_itl"]) == ("s", None, 0)
    assert {value for name, value in row.items() if name.endswith("_ms")} == {None}
