"""GAPS: the histogram of every run, system, workload and hour, by brute force and merged in any way."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.aggregate import HOUR_NS, GapTable
from sgengine.compute import MeasureSettings, compute
from sgengine.kernels.histogram import N_BUCKETS, bucket_edges
from sgengine.schema import GAPS
from sgengine.schema.enums import ITL_RULES
from tests import strategies as own
from tests.aggregate.twins import rows as deliveries
from tests.bridge import batch_of, itl_of
from tests.effort import FEWER

Rows = list[dict[str, Any]]

_EDGES = np.empty(N_BUCKETS + 1)
bucket_edges(_EDGES)


def table_of(rows: Rows, rule: str) -> GapTable:
    table = GapTable(rule=rule)
    measured = compute(batch_of(rows), MeasureSettings(itl_rule=rule))
    table.add(measured.requests, measured)
    return table


def by_brute_force(rows: Rows, rule: str) -> dict[tuple[Any, ...], int]:
    """Samples by run, system, workload, hour and bucket."""
    found: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        arrival = row["arrival_ns"]
        known = arrival is not None and row["clock"] == "unix"
        hour = arrival // HOUR_NS * HOUR_NS if known else None
        key = (row["run"], row["system"], row["workload"], hour)
        for sample in itl_of(row, rule):
            bucket = int(np.searchsorted(_EDGES, float(sample), side="right")) - 1
            found[*key, bucket] += 1
    return dict(found)


@pytest.mark.parametrize("rule", ITL_RULES)
@FEWER
@given(deliveries())
def test_the_table_counts_every_sample_in_its_bucket(rule: str, rows: Rows) -> None:
    table = table_of(rows, rule).table()
    table.validate(full=True)
    assert table.schema.equals(GAPS.schema(), check_metadata=True)
    found = {
        (row["run"], row["system"], row["workload"], row["hour_ns"], row["bucket"]): row["count"]
        for row in table.to_pylist()
    }
    assert len(found) == table.num_rows
    assert found == by_brute_force(rows, rule)
    assert set(table["itl_rule"].to_pylist()) <= {rule}


@FEWER
@given(deliveries(), st.sampled_from(ITL_RULES), st.data())
def test_parts_merged_in_any_order_give_the_same_table(
    rows: Rows, rule: str, data: st.DataObject
) -> None:
    batches = data.draw(own.regrouped(own.deliveries_table(rows)))
    parts = []
    for batch in batches:
        part = GapTable(rule=rule)
        measured = compute(batch, MeasureSettings(itl_rule=rule))
        part.add(measured.requests, measured)
        parts.append(part)
    whole = GapTable(rule=rule)
    for part in data.draw(st.permutations(parts)):
        whole.merge(part)
    assert whole.table().to_pylist() == table_of(rows, rule).table().to_pylist()


def test_rows_are_sorted_by_key_and_bucket_with_unknown_hours_last() -> None:
    labels = {"workload": "w", "origin": "sent", "timing": "token", "status": "ok"}
    rows: Rows = [
        dict.fromkeys(own.DELIVERIES.names)
        | labels
        | {"run": run, "system": "s", "clock": clock, "request_id": f"r{k}"}
        | {"arrival_ns": hour * HOUR_NS + 5, "chunk_times_ns": [0, 9, 9, 12]}
        for k, (run, clock, hour) in enumerate(
            [("b", "unix", 1), ("a", "none", 1), ("a", "unix", 2), ("a", "unix", 1)]
        )
    ]
    table = table_of(rows, "chunk").table()
    keys = [(row["run"], row["hour_ns"], row["bucket"]) for row in table.to_pylist()]
    hours = [("a", HOUR_NS), ("a", 2 * HOUR_NS), ("a", None), ("b", HOUR_NS)]
    assert keys == [(run, hour, bucket) for run, hour in hours for bucket in (0, 3, 9)]


def test_nothing_gives_the_empty_table() -> None:
    assert GapTable(rule="chunk").table().equals(GAPS.empty())
