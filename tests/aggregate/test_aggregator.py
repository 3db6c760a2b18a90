"""How rows are cut into batches and parts, and in which order they come, changes no bit of a figure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sgengine.aggregate import Aggregator, Gathering, Key, gather_samples, group_rows
from sgengine.compute import Measured, MeasureSettings, compute
from tests import strategies as own
from tests.aggregate import twins
from tests.aggregate.twins import Question
from tests.bridge import batch_of, reader_of
from tests.effort import FEWER

Rows = list[dict[str, Any]]


def measured_all(batches: list[pa.RecordBatch], question: Question) -> list[Measured]:
    settings = MeasureSettings(reader=reader_of(question.reader), itl_rule=question.itl_rule)
    return [compute(batch, settings) for batch in batches]


def aggregated(
    parts: list[Measured], question: Question, few: int = 1 << 60, **memory: int
) -> Aggregator:
    aggregate = Aggregator(settings=question.settings(**memory))
    aggregate.pool.few = few
    for part in parts:
        aggregate.add(part.requests, part)
    return aggregate


def finished(
    aggregate: Aggregator, parts: list[Measured], question: Question
) -> list[dict[str, object]]:
    """The figures, by further passes over ``parts`` where the samples did not fit."""

    def passed(empty: Gathering) -> Gathering:
        for part in parts:
            gather_samples(empty, part.requests, part, aggregate.settings)
        return empty

    return aggregate.finish(question.stated_ns, aggregate.pool.search().run(passed))


def in_one(rows: Rows, question: Question) -> list[dict[str, object]]:
    parts = measured_all([batch_of(rows)], question)
    return finished(aggregated(parts, question), parts, question)


@FEWER
@given(twins.rows(), twins.questions(), st.data())
def test_batches_of_any_cut_and_order_give_the_same_figures(
    rows: Rows, question: Question, data: st.DataObject
) -> None:
    batches = data.draw(own.regrouped(own.deliveries_table(rows)))
    parts = measured_all(batches, question)
    assert finished(aggregated(parts, question), parts, question) == in_one(rows, question)


@FEWER
@given(twins.rows(), twins.questions(), st.data(), st.randoms(use_true_random=False))
def test_merging_parts_in_any_order_gives_the_same_figures(
    rows: Rows, question: Question, data: st.DataObject, rng: Any
) -> None:
    """Each part with its own batches, in memory or with nothing held in it."""
    batches = data.draw(own.regrouped(own.deliveries_table(rows)))
    parts = measured_all(batches, question)
    pending = []
    for part in [[each] for each in parts] or [[]]:
        kept, pool = data.draw(st.tuples(*[st.sampled_from([0, 1 << 30])] * 2))
        few = data.draw(st.sampled_from([0, 5, 1 << 60]))
        pending.append(aggregated(part, question, few, kept_bytes=kept, pool_bytes=pool))
    while len(pending) > 1:
        one = pending.pop(rng.randrange(len(pending)))
        one.merge(pending.pop(rng.randrange(len(pending))))
        pending.append(one)
    assert finished(pending[0], parts, question) == in_one(rows, question)


@FEWER
@given(twins.rows(), twins.questions(), st.integers(0, 3))
def test_sketched_samples_give_the_same_figures(rows: Rows, question: Question, few: int) -> None:
    parts = measured_all(own.deliveries_table(rows).to_batches(max_chunksize=3), question)
    assert finished(aggregated(parts, question, few), parts, question) == in_one(rows, question)


@FEWER
@given(twins.rows(), twins.questions())
def test_numbers_that_wait_on_disk_give_the_same_figures(rows: Rows, question: Question) -> None:
    table = own.deliveries_table(rows)
    parts = measured_all(table.to_batches(max_chunksize=2), question)
    aggregate = aggregated(parts, question, kept_bytes=0)
    assert aggregate.kept.held_bytes == 0
    assert finished(aggregate, parts, question) == in_one(rows, question)


@FEWER
@given(twins.rows(), twins.questions(), st.sampled_from([0, 2, 1 << 60]))
def test_samples_that_do_not_fit_give_the_same_figures(
    rows: Rows, question: Question, few: int
) -> None:
    """Sketched from the first sample, from the third, or waiting on disk."""
    parts = measured_all(own.deliveries_table(rows).to_batches(max_chunksize=3), question)
    aggregate = aggregated(parts, question, few, pool_bytes=0)
    assert finished(aggregate, parts, question) == in_one(rows, question)


@FEWER
@given(twins.rows(), st.data())
def test_a_group_is_as_if_its_rows_were_alone(rows: Rows, data: st.DataObject) -> None:
    """With a window that is stated, a group knows nothing of the others."""
    question = data.draw(twins.questions().filter(lambda asked: asked.given_ns is not None))
    for group in in_one(rows, question):
        key = tuple(group[name] for name in question.by)
        mine = [row for row in rows if twins.key_of(row, question.by) == key]
        assert in_one(mine, question) == [group]


def test_groups_come_sorted_with_unknown_ones_last() -> None:
    labels = {"run": "a", "workload": "w", "origin": "sent", "timing": "chunk", "status": "ok"}
    empty: dict[str, Any] = dict.fromkeys(own.DELIVERIES.names)
    rows = [
        empty
        | labels
        | {"request_id": f"r{k}", "chunk_times_ns": [1], "system": system, "clock": clock}
        | {"arrival_ns": hour * own.HOUR}
        for k, (system, clock, hour) in enumerate(
            [("t", "unix", 10), ("s", "none", 3), ("s", "unix", 9), ("s", "unix", 1)]
        )
    ]
    question = Question(reader=(1, 1), by=("system", "hour"))
    keys = [(group["system"], group["hour"]) for group in in_one(rows, question)]
    hour = own.HOUR
    assert keys == [("s", hour), ("s", 9 * hour), ("s", None), ("t", 10 * hour)]


def test_rows_are_grouped_by_every_value_of_a_dimension() -> None:
    tenants = ["x", None, "y", "x"]
    batch = pa.RecordBatch.from_pydict({"tenant": tenants, "n": [1, 1, 2, 1]})
    keys, codes = group_rows(batch, ("tenant", "n"))
    expected: list[Key] = [("x", 1), (None, 1), ("y", 2), ("x", 1)]
    assert [keys[code] for code in codes] == expected
    assert len(keys) == len(set(keys)) == 3
    assert codes.dtype == np.int64
