"""Arrivals, lengths and conversations: the moments that were asked for, and the same for a seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import UsageError
from sgengine.simulate.load import NO_TURN, single_turns
from sgengine.simulate.workloads import (
    WORKLOADS,
    Arrivals,
    Fixed,
    Geometric,
    Independent,
    LogNormal,
    Quantiles,
    Recorded,
    Stream,
    Workload,
    arrivals_ns,
    rescaled,
    workload,
)

N = 20_000
SEEDS = st.integers(0, 2**32)
# The bounds below are six standard errors of N independent draws: never met by chance (once in 5e8),
# and failed by a rate or shape that is wrong by a few per cent.
SIX = 6 / np.sqrt(N)


@given(seed=SEEDS, rate=st.floats(0.1, 500), cv=st.sampled_from([0.0, 0.3, 1.0, 2.0, 3.0]))
def test_gaps_have_the_rate_and_the_burstiness_that_were_asked_for(seed, rate, cv):
    gaps = np.diff(arrivals_ns(Arrivals(cv=cv), Stream(seed), rate=rate, requests=N + 1)) / 1e9
    assert abs(gaps.mean() * rate - 1) < SIX * cv + 1e-6
    # the standard error of a gamma sample's cv, by the delta method, is at most cv sqrt(1 + cv^2) / 2
    # times the shape's own spread: 1 + 2 cv covers it for every cv tried
    assert abs(gaps.std() / gaps.mean() - cv) < SIX * cv * (1 + 2 * cv) + 1e-6


@given(seed=SEEDS)
def test_a_poisson_process_has_as_much_variance_as_mean_in_every_window(seed):
    times = arrivals_ns(Arrivals(), Stream(seed), rate=50, requests=N) / 1e9
    counts = np.bincount((times[times < 380]).astype(int), minlength=380)
    assert abs(counts.mean() - 50) < 6 * np.sqrt(50 / 380)
    assert abs(counts.var() / counts.mean() - 1) < 6 * np.sqrt(2 / 380)


def test_bursts_are_what_a_poisson_process_is_not():
    times = arrivals_ns(Arrivals(cv=3), Stream(1), rate=50, requests=N) / 1e9
    counts = np.bincount(times.astype(int))
    assert counts.var() / counts.mean() > 5


@given(seed=SEEDS, rate=st.floats(1, 50), seconds=st.floats(1, 30))
def test_a_duration_holds_the_arrivals_before_it_and_no_other(seed, rate, seconds):
    held = arrivals_ns(Arrivals(), Stream(seed), rate=rate, duration_s=seconds)
    more = arrivals_ns(Arrivals(), Stream(seed), rate=rate, duration_s=2 * seconds)
    assert (np.diff(held) >= 0).all()
    assert not len(held) or held[-1] < round(seconds * 1e9)
    assert abs(len(more) - 2 * seconds * rate) <= 7 * np.sqrt(2 * seconds * rate) + 7


@given(seed=SEEDS)
def test_the_stream_has_the_distributions_that_it_names(seed):
    stream = Stream(seed, "test")
    uniform, normal = stream.uniform(N), stream.normal(N)
    assert 0 < uniform.min() <= uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < SIX * np.sqrt(1 / 12)
    assert abs(normal.mean()) < SIX
    assert abs((normal**2).mean() - 1) < SIX * np.sqrt(2)
    for shape in (0.3, 1.0, 7.5):
        drawn = stream.gamma(N, shape)
        assert len(drawn) == N
        assert abs(drawn.mean() - shape) < SIX * np.sqrt(shape)
        # variance of a gamma is its shape; of its sample's, by the fourth moment
        assert abs(drawn.var() - shape) < SIX * np.sqrt(2 * shape**2 + 6 * shape)


def test_streams_never_change():
    assert Stream(7, "prompt").uniform(2).tolist() == [0.9781998113990793, 0.6245487962432206]
    drawn = Stream(7, "answer").gamma(3, 0.5).tolist()
    assert drawn == pytest.approx(
        [0.40804430903863986, 0.5278541367222205, 0.41086770469722705], rel=1e-12
    )


@given(seed=SEEDS)
def test_lengths_meet_the_figures_that_they_are_made_from(seed):
    by_median = LogNormal.of_median(1730, 5696).draw(Stream(seed), N)
    assert abs((by_median <= 1730).mean() - 0.5) < SIX * 0.5
    assert abs((by_median <= 5696).mean() - 0.9) < SIX * 0.3
    by_mean = LogNormal.of_mean(23474, 6105).draw(Stream(seed), N)
    assert abs(by_mean.mean() - 23474) < SIX * 6105
    assert abs(by_mean.std() / 6105 - 1) < SIX * 1.2
    alone = Geometric(mean=69.5).draw(Stream(seed), N)
    assert abs(alone.mean() / 69.5 - 1) < SIX
    assert alone.min() >= 1
    table = Quantiles(shares=(0.0, 0.5, 0.9, 1.0), tokens=(1, 100, 1000, 2000))
    drawn = table.draw(Stream(seed), N)
    assert abs((drawn <= 100).mean() - 0.5) < SIX * 0.5 + 0.01
    assert abs((drawn <= 1000).mean() - 0.9) < SIX * 0.3 + 0.01
    assert 1 <= drawn.min() <= drawn.max() <= 2000


@pytest.mark.parametrize("name", ["conversation", "code"])
def test_quantiles_of_the_azure_traces_are_those_of_the_traces(name, shared_dir):
    file = {"conversation": "conv", "code": "code"}[name]
    path = shared_dir / "workloads" / "azure" / f"AzureLLMInferenceTrace_{file}.csv"
    real = np.loadtxt(path, delimiter=",", skiprows=1, usecols=(1, 2))
    pairs = WORKLOADS[name].pairs
    made = pairs.draw(3, N)
    for lengths, column, drawn in zip((pairs.prompt, pairs.answer), real.T, made, strict=True):
        found = np.quantile(column, lengths.shares, method="nearest")
        assert found.tolist() == list(lengths.tokens)
        # Log-linear between quantiles about keeps the mean as well: 7 % off at most, code's answers
        assert abs(drawn.mean() / column.mean() - 1) < 0.1
    assert abs(np.corrcoef(np.log(real.T))[0, 1]) < 0.1


@given(seed=SEEDS, name=st.sampled_from(sorted(WORKLOADS)), n=st.integers(1, 50))
def test_a_load_is_the_same_for_a_seed_and_another_for_another(seed, name, n):
    times = np.arange(n) * 10**9
    one, two = (WORKLOADS[name].load(times, seed=seed) for _ in range(2))
    for column in ("arrival_ns", "input_tokens", "output_tokens", "previous", "think_ns"):
        assert np.array_equal(getattr(one, column), getattr(two, column))
    other = WORKLOADS[name].load(np.arange(50) * 10**9, seed=seed + 1)
    same = WORKLOADS[name].load(np.arange(50) * 10**9, seed=seed)
    assert not np.array_equal(other.input_tokens[:50], same.input_tokens[:50])


@given(seed=SEEDS, n=st.integers(1, 60), turns=st.sampled_from([1.0, 2.0, 6.0]))
def test_conversations_grow_by_what_was_said(seed, n, turns):
    pairs = Independent(prompt=Geometric(mean=20), answer=Geometric(mean=30))
    asked = Workload(name="w", pairs=pairs, source="", turns=turns, think_s=5.0)
    load = asked.load(np.sort(np.arange(n) * 7), seed=seed)
    said, answered = pairs.draw(seed, load.requests)
    assert len(np.unique(load.session)) == n
    context: dict[int, int] = {}
    for i in range(load.requests):
        session = int(load.session[i])
        is_first = session not in context
        before = context.setdefault(session, 0)
        assert load.input_tokens[i] == before + said[i]
        assert load.output_tokens[i] == answered[i]
        assert load.previous[i] == (NO_TURN if is_first else i - 1)
        assert load.turn[i] == (0 if is_first else load.turn[i - 1] + 1)
        assert (load.think_ns[i] == 0) if is_first else (load.session[i - 1] == session)
        assert load.arrival_ns[i] == (7 * session if is_first else 0)
        context[session] = before + int(said[i] + answered[i])


def test_turns_and_think_times_have_the_means_that_were_asked_for():
    load = WORKLOADS["chat"].load(np.arange(N), seed=5)
    later = load.previous != NO_TURN
    assert abs(load.requests / N - 2.0) < SIX * np.sqrt(2)  # a geometric of mean 2 has variance 2
    assert abs(load.think_ns[later].mean() / 30e9 - 1) < SIX


@given(
    times=st.lists(st.integers(0, 10**12), min_size=2, max_size=40).filter(
        lambda t: max(t) - min(t) > 10**6
    ),
    rate=st.floats(0.01, 1000),
)
def test_a_replay_keeps_its_bursts_at_another_rate(times, rate):
    given_ns = np.sort(np.array(times, np.int64))
    scaled = rescaled(given_ns, rate)
    assert scaled[0] == 0
    factor = (len(times) - 1) * 1e9 / rate / (given_ns[-1] - given_ns[0])
    assert np.abs(scaled - (given_ns - given_ns[0]) * factor).max() <= 1 + 1e-9 * scaled[-1]
    assert np.array_equal(rescaled(given_ns, None), given_ns - given_ns[0])
    load = single_turns("trace", scaled, np.ones(len(times)), np.ones(len(times)))
    if scaled[-1] > 10**6:
        assert load.offered_rate == pytest.approx(rate, rel=1e-5)


@given(seed=SEEDS)
def test_requests_of_a_trace_are_drawn_with_their_answers(seed):
    prompts = np.array([5, 6, 7, 8], np.int32)
    drawn = Recorded(input_tokens=prompts, output_tokens=prompts * 10).draw(seed, N)
    assert np.array_equal(drawn[0] * 10, drawn[1])
    shares = np.bincount(drawn[0], minlength=9)[5:] / N
    assert np.abs(shares - 0.25).max() < SIX * np.sqrt(0.25 * 0.75)


def test_fixed_lengths_have_a_name():
    load = workload("fixed:512/128").load(np.array([0, 5]), seed=1, request_rate=2.0)
    assert load.input_tokens.tolist() == [512, 512]
    assert load.output_tokens.tolist() == [128, 128]
    assert load.request_rate == 2.0
    assert Fixed(tokens=3).draw(Stream(1), 2).tolist() == [3, 3]


REFUSED = [
    (lambda: workload("sharegtp"), "sharegpt, conversation, code"),
    (lambda: workload("fixed:0/5"), "fixed:IN/OUT"),
    (lambda: workload("fixed:5"), "fixed:IN/OUT"),
    (lambda: Arrivals(cv=-1), "give 0"),
    (lambda: Arrivals(cv=float("nan")), "give 0"),
    (lambda: arrivals_ns(Arrivals(), Stream(1), rate=0, requests=1), "above 0"),
    (lambda: arrivals_ns(Arrivals(), Stream(1), rate=float("nan"), requests=1), "above 0"),
    (lambda: arrivals_ns(Arrivals(), Stream(1), rate=1, requests=0), "1 or more"),
    (lambda: arrivals_ns(Arrivals(), Stream(1), rate=1), "either"),
    (lambda: arrivals_ns(Arrivals(), Stream(1), rate=1, duration_s=-1), "above 0"),
    (lambda: rescaled(np.array([3, 3]), 1.0), "at once"),
    (lambda: single_turns("w", [], [], []), "no requests"),
    (lambda: single_turns("w", [5, 3], [1, 1], [1, 1]), "back in time"),
    (lambda: single_turns("w", [0, 3], [1, 0], [1, 1]), "input_tokens of request 1 is 0"),
    (lambda: single_turns("w", [-1, 3], [1, 1], [1, 1]), "arrival_ns of request 0 is -1"),
    (lambda: single_turns("w", [0], [1], [1], 0.0), "above 0"),
]


@pytest.mark.parametrize(
    ("call", "words"),
    REFUSED,
    ids=range(len(REFUSED)),
)
def test_what_cannot_be_is_refused_in_one_line(call, words):
    with pytest.raises(UsageError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
