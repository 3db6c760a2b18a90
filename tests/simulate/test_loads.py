"""Loads of a demand: named workloads and traces of three kinds, at their own rates and at others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sgengine.api.loads import Demand, arrived
from sgengine.errors import DataError, UsageError

AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.0000000,4808,10
2023-11-16 18:17:05.0000000,3180,8
2023-11-16 18:17:03.5000000,110,27
2023-11-16 18:17:06.0000000,7433,0
2023-11-16 18:17:07.0000000,34,12
"""
BURSTGPT = """Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,472,18,490,Conversation log
45,ChatGPT,1087,0,1087,Conversation log
118,GPT-4,417,276,693,Conversation log
"""
MOONCAKE = """{"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46]}
{"timestamp": 30535, "input_length": 6472, "output_length": 26, "hash_ids": [46, 47]}
"""
KINDS = {"azure.csv": AZURE, "burstgpt.csv": BURSTGPT, "mooncake.jsonl": MOONCAKE}
REPLAYED = {
    "azure.csv": ([0, 0.5, 2, 4], [4808, 110, 3180, 34], [10, 27, 8, 12], 1),
    "burstgpt.csv": ([0, 113], [472, 417], [18, 276], 1),
    "mooncake.jsonl": ([0, 3.053], [6955, 6472], [52, 26], 0),
}


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    for name, text in KINDS.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def loads(**demand):
    return [load for load, _ in Demand(**demand).loads()]


@pytest.mark.parametrize("name", KINDS)
def test_a_trace_is_replayed_in_its_order_with_its_lengths(traces, name):
    seconds, prompts, answers, left_out = REPLAYED[name]
    (load,) = loads(workload=str(traces / name))
    assert load.name == name.partition(".")[0]
    assert load.request_rate is None
    assert load.offered_rate == pytest.approx((len(seconds) - 1) / seconds[-1])
    assert (load.arrival_ns / 1e9).tolist() == seconds
    assert load.input_tokens.tolist() == prompts
    assert load.output_tokens.tolist() == answers
    assert arrived(str(traces / name)).left_out == left_out


def test_a_replay_at_another_rate_keeps_its_shape(traces):
    slow, fast = loads(workload=str(traces / "azure.csv"), rates=(0.375, 3.0))
    assert (slow.arrival_ns / 1e9).tolist() == [0, 1, 4, 8]
    assert (fast.arrival_ns / 1e9).tolist() == [0, 0.125, 0.5, 1]
    assert (slow.request_rate, fast.request_rate) == (0.375, 3.0)


def test_the_first_requests_of_a_trace_or_its_first_seconds(traces):
    path = str(traces / "azure.csv")
    assert loads(workload=path, users=2)[0].input_tokens.tolist() == [4808, 110]
    assert loads(workload=path, duration_s=2.5)[0].input_tokens.tolist() == [4808, 110, 3180]


def test_arrivals_of_a_trace_with_lengths_of_another_workload(traces):
    (load,) = loads(workload="fixed:100/5", arrivals=str(traces / "azure.csv"))
    assert (load.arrival_ns / 1e9).tolist() == [0, 0.5, 2, 4]
    assert load.input_tokens.tolist() == [100] * 4


def test_lengths_of_a_trace_with_arrivals_at_random(traces):
    (load,) = loads(workload=str(traces / "azure.csv"), arrivals="poisson", rates=(5.0,), users=400)
    pairs = set(zip(load.input_tokens.tolist(), load.output_tokens.tolist(), strict=True))
    assert pairs == {(4808, 10), (110, 27), (3180, 8), (34, 12)}
    assert abs(load.arrival_ns[-1] / 1e9 - 80) < 25  # 400 gaps of 0.2 s: six standard errors


def test_every_rate_with_every_seed_and_the_rates_share_their_requests():
    found = list(Demand(workload="sharegpt", rates=(2.0, 4.0), seeds=(1, 2), users=30).loads())
    assert [(load.request_rate, seed) for load, seed in found] == [(2, 1), (2, 2), (4, 1), (4, 2)]
    one, _, two, _ = (load for load, _ in found)
    assert np.array_equal(one.input_tokens, two.input_tokens)
    assert np.abs(one.arrival_ns - 2 * two.arrival_ns).max() <= 30  # a rounding a gap


def test_conversations_come_at_the_rate_of_their_requests():
    (load,) = loads(workload="chat", rates=(20.0,), duration_s=2000.0)
    assert abs(load.requests / 40_000 - 1) < 0.06
    assert load.has_sessions
    assert load.offered_rate == 20.0


def test_without_users_and_seconds_it_is_a_minute():
    (load,) = loads(rates=(50.0,))
    assert 59 < load.arrival_ns[-1] / 1e9 < 60


REFUSED = [
    ({}, "give requests/s"),
    ({"rates": (0.0,)}, "above 0"),
    ({"rates": (1.0,), "users": 0}, "1 or more"),
    ({"rates": (1.0,), "users": 5, "duration_s": 5.0}, "exclude"),
    ({"rates": (1.0,), "seeds": (-1,)}, "seed"),
    ({"rates": (1.0,), "arrivals": "gamma"}, "gamma:CV"),
    ({"rates": (1.0,), "arrivals": "gamma:1e9"}, "gamma:CV"),
    ({"rates": (1.0,), "arrivals": "gamma:500"}, "give 0"),
    ({"rates": (1.0,), "arrivals": "none.csv"}, "trace file"),
    ({"rates": (1.0,), "workload": "none.csv"}, "trace file"),
    ({"rates": (1.0,), "workload": "sharegpt", "arrivals": "trace"}, "trace file"),
    ({"rates": (1e-9,), "duration_s": 1.0}, "no requests"),
]


@pytest.mark.parametrize(("demand", "words"), REFUSED, ids=range(len(REFUSED)))
def test_a_demand_that_cannot_be_is_refused_in_one_line(demand, words):
    with pytest.raises(UsageError, match=words) as caught:
        loads(**demand)
    assert "\n" not in str(caught.value)


def test_a_trace_of_several_runs_or_of_no_requests(tmp_path, repo):
    with pytest.raises(DataError, match="one run"):
        arrived(str(repo / "data" / "prefill-first.parquet"))
    empty = tmp_path / "empty.csv"
    empty.write_text(BURSTGPT.replace(",18,490", ",0,472").replace(",276,693", ",0,417"))
    with pytest.raises(DataError, match="nothing can be repeated"):
        arrived(str(empty))


@pytest.mark.parametrize(
    "name", ["azure/AzureLLMInferenceTrace_conv.csv", "mooncake/conversation_trace.jsonl"]
)
def test_real_traces_at_twice_their_rate(shared_dir, name):
    path = shared_dir / "workloads" / name
    real = arrived(str(path))
    own = (len(real.arrival_ns) - 1) * 1e9 / (real.arrival_ns[-1] - real.arrival_ns[0])
    (load,) = loads(workload=str(path), rates=(2 * own,))
    gaps = np.diff(real.arrival_ns)
    assert real.left_out == 0
    assert load.requests == len(real.arrival_ns)
    assert np.abs(np.diff(load.arrival_ns) - gaps / 2).max() <= 1
    cv = gaps.std() / gaps.mean()
    assert np.diff(load.arrival_ns).std() / np.diff(load.arrival_ns).mean() == pytest.approx(cv)
