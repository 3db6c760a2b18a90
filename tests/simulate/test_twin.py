"""The simulator and its naive twin, written from the page: equal traces for every kind of system."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgengine.simulate import Simulated, simulate
from sgengine.simulate.systems import ORDERS, PREEMPTIONS, PREFILLS
from tests.effort import LONG
from tests.simulate.cases import SPLITS, worlds
from tests.simulate.naive import Naive, Request


def rows_of_twin(requests: list[Request]) -> list[dict[str, Any]]:
    rows = []
    for r in requests:
        assert r.arrival is not None
        assert r.end is not None
        began = None if r.begun is None else r.begun - r.arrival
        rows.append(
            {
                "status": r.status,
                "arrival_ns": r.arrival,
                "end_ns": r.end - r.arrival,
                "chunk_times_ns": [time - r.arrival for time in r.times],
                "output_tokens": r.output if r.status == "ok" else None,
                "replica": None if r.replica is None else r.replica.number,
                "n_preemptions": r.preemptions,
                "n_migrations": r.migrations,
                "queue_ns": began,
            }
        )
    return rows


def check_equal(twin: Naive, found: Simulated) -> None:
    expected = rows_of_twin(twin.requests)
    assert found.deliveries.select(list(expected[0])).to_pylist() == expected
    assert found.iterations is not None
    columns = [column.to_pylist() for column in found.iterations.columns]
    assert list(zip(*columns, strict=True)) == [astuple(row) for row in twin.log]


SEEDS = st.integers(0, 2**62 - 1)
JITTER = st.sampled_from((0.0, 0.0, 0.5, 1.0))
EXAMPLES = 25 if LONG == 1 else 2000
"""Of each of 24 kinds of systems."""


@pytest.mark.parametrize("split", [False, True], ids=["together", "disaggregated"])
@pytest.mark.parametrize("preempt", PREEMPTIONS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("prefill", PREFILLS)
@settings(max_examples=EXAMPLES)
@given(data=st.data(), seed=SEEDS, jitter=JITTER)
def test_every_system_gives_the_traces_of_the_twin(
    data: st.DataObject,
    prefill: str,
    order: str,
    preempt: str,
    split: bool,
    seed: int,
    jitter: float,
) -> None:
    where = data.draw(SPLITS) if split else None
    fixed = {"prefill": prefill, "order": order, "preempt": preempt, "disaggregated": where}
    system, load, cost = data.draw(worlds(**fixed))
    twin = Naive(system, load, cost, seed, jitter).run()
    check_equal(twin, simulate(system, load, cost, seed, jitter=jitter, log=True))
