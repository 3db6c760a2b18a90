"""The verdict on one value: by hand, and against the definition counted out in rationals."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sgengine.errors import UsageError
from sgengine.gate.baseline import Limits, judge
from sgengine.gate.metrics import DEFAULT_METRICS, HIGHER, LOWER, METRICS, Metric, chosen_metrics

FIVE = Limits(nights=5, least_nights=3, mads=4)


def metric(worse=HIGHER, percent=0.0, absolute=0.0) -> Metric:
    return Metric(name="m", unit="ms", worse=worse, min_percent=percent, min_absolute=absolute)


def middle(values):
    """The value with as many on either side; of two, halfway."""
    ordered = sorted(values)
    while len(ordered) > 2:
        ordered = ordered[1:-1]
    return sum(ordered, Fraction(0)) / len(ordered)


def is_breach(value, past, worse, percent, absolute, mads):
    """The three conditions, each by itself, in exact arithmetic."""
    value, past = Fraction(value), [Fraction(x) for x in past]
    m = middle(past)
    mad = middle([abs(x - m) for x in past])
    w = value - m if worse == HIGHER else m - value
    return w > 0 and w > mads * mad and w > percent * abs(m) / 100 and w > absolute


# Eighths: sums, differences and halves of a few are exact in doubles too, so that the twin's exact
# comparison must agree with ours. Percentages are of 12.5, for the same reason.
EIGHTHS = st.integers(-400, 400).map(lambda n: n / 8)


@given(
    value=EIGHTHS,
    past=st.lists(EIGHTHS, min_size=3, max_size=9),
    worse=st.sampled_from([LOWER, HIGHER]),
    percent=st.sampled_from([0, 12.5, 25, 50]),
    absolute=st.integers(0, 80).map(lambda n: n / 8),
    mads=st.integers(0, 6),
)
@example(value=5.0, past=[5.0, 5.0, 5.0], worse=HIGHER, percent=0, absolute=0, mads=0)
@example(value=5.125, past=[5.0, 5.0, 5.0, 9.0], worse=HIGHER, percent=0, absolute=0, mads=6)
@example(value=8.0, past=[4.0, 4.0, 4.0], worse=HIGHER, percent=0, absolute=4.0, mads=1)
def test_a_breach_is_what_the_definition_says(value, past, worse, percent, absolute, mads):
    limits = Limits(nights=20, least_nights=3, mads=mads)
    found = judge(metric(worse, percent, absolute), value, past, limits)
    assert found.is_breach == is_breach(value, past, worse, percent, absolute, mads)
    assert found.median == middle([Fraction(x) for x in past])
    assert found.mad == middle([abs(Fraction(x) - middle(map(Fraction, past))) for x in past])


def test_all_three_conditions_are_needed():
    past = [98.0, 99.0, 100.0, 101.0, 102.0]  # median 100, MAD 1
    assert judge(metric(), 104.5, past, FIVE).verdict == "breach"  # 4.5 MADs
    assert judge(metric(), 104.0, past, FIVE).verdict == "ok"  # beyond means more than 4 MADs
    assert judge(metric(percent=5.0), 104.5, past, FIVE).verdict == "ok"
    assert judge(metric(percent=5.0), 105.5, past, FIVE).verdict == "breach"
    assert judge(metric(absolute=6.0), 105.5, past, FIVE).verdict == "ok"


def test_only_the_bad_direction_counts():
    past = [100.0] * 5
    assert judge(metric(HIGHER), 50.0, past, FIVE).verdict == "ok"
    assert judge(metric(LOWER), 50.0, past, FIVE).verdict == "breach"
    assert judge(metric(LOWER), 150.0, past, FIVE).worse_by == -50


def test_one_bad_night_in_the_baseline_changes_nothing():
    past = [100.0, 101.0, 99.0, 100.0, 5000.0]
    found = judge(metric(), 120.0, past, FIVE)
    assert (found.verdict, found.median, found.mad) == ("breach", 100.0, 1.0)


def test_equal_nights_have_no_mad_and_leave_it_to_the_least_effects():
    past = [100.0] * 5
    assert judge(metric(absolute=10.0), 110.0, past, FIVE).verdict == "ok"
    found = judge(metric(absolute=10.0), 110.5, past, FIVE)
    assert (found.verdict, found.mads, found.percent) == ("breach", None, 10.5)


def test_a_median_of_zero_has_no_percent():
    found = judge(metric(percent=50.0, absolute=0.01), 0.02, [0.0] * 5, FIVE)
    assert (found.verdict, found.percent) == ("breach", None)


def test_too_few_nights_are_no_baseline_and_no_breach():
    found = judge(metric(), 1e9, [1.0, None, 1.0], FIVE)
    assert (found.verdict, found.nights, found.is_breach) == ("no baseline", 2, False)


def test_a_value_that_is_gone_is_a_breach_and_one_that_never_was_is_none():
    assert judge(metric(), None, [1.0] * 3, FIVE).is_breach
    assert judge(metric(), None, [None] * 3, FIVE).verdict == "absent"
    assert judge(metric(), None, [1.0, None, None], FIVE).verdict == "no baseline"


def test_the_default_metrics_are_among_all():
    assert set(DEFAULT_METRICS) <= {m.name for m in METRICS}
    assert [m.name for m in chosen_metrics()] == list(DEFAULT_METRICS)


def test_least_effects_of_the_caller():
    names = ["ttft_p50_ms", "slo_attainment"]
    ttft, share = chosen_metrics(names, min_percent=["20"], min_absolute=["ttft_p50_ms=3"])
    assert (ttft.min_percent, ttft.min_absolute) == (20, 3)
    assert (share.min_percent, share.min_absolute) == (0, 0.01)
    (share,) = chosen_metrics(["slo_attainment"], min_percent=["7", "slo_attainment=1"])
    assert share.min_percent == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"names": ["ttft_p98_ms"]},
        {"names": ["requests", "requests"]},
        {"min_percent": ["-1"]},
        {"min_percent": ["nan"]},
        {"min_percent": ["x"]},
        {"min_percent": ["requests="]},
        {"min_percent": ["nothing=1"]},
        {"min_absolute": ["5"]},
        {"min_absolute": ["ttft_p50_ms=5"]},  # not among the chosen ones
        {"min_absolute": ["requests=inf"]},
    ],
)
def test_wrong_choices_are_refused(wrong):
    with pytest.raises(UsageError):
        chosen_metrics(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"nights": 0}, {"least_nights": 0}, {"nights": 5, "least_nights": 6}, {"mads": -1.0}]
)
def test_wrong_limits_are_refused(wrong):
    with pytest.raises(UsageError):
        Limits(**wrong)


@pytest.mark.slow
def test_false_alarms_are_as_rare_as_the_page_says():
    """docs/gate.md: 14 nights of 2 % noise raise a false alarm in 0.20 % of figures, of 5 % in 0.52 %."""
    rng = Random(1)
    for noise, share in [(0.02, 0.0020), (0.05, 0.0052)]:
        series = [[rng.gauss(100, 100 * noise) for _ in range(15)] for _ in range(40_000)]
        rule = metric(percent=5.0)
        alarms = sum(judge(rule, x[0], x[1:], Limits()).is_breach for x in series)
        assert alarms / len(series) == pytest.approx(share, abs=4 * (share / len(series)) ** 0.5)
