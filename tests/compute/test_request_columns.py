"""REQUESTS a column at a time: the same as the batch that is made of all of them."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.workloads import Workload
from sgengine.aggregate import group_rows, span_of
from sgengine.aggregate.keys import plain_columns
from sgengine.aggregate.table import requests_of
from sgengine.compute import MeasureSettings, RequestColumns, compute
from tests import strategies as own
from tests.aggregate import twins
from tests.effort import FEWER

Rows = list[dict[str, Any]]


@FEWER
@given(twins.rows(), st.booleans(), st.booleans())
def test_columns_one_by_one_are_those_of_the_batch(
    rows: Rows, envelopes: bool, smoothness: bool
) -> None:
    """Values, names and types; and all that figures take from them."""
    settings = MeasureSettings(envelopes=envelopes, smoothness=smoothness)
    for deliveries in own.deliveries_table(rows).to_batches():
        made, columns = (compute(deliveries, settings) for _ in range(2))
        whole = made.requests
        whole.validate(full=True)
        if not isinstance(columns.columns, RequestColumns):
            assert made.breaches
            continue
        lazy = columns.columns
        assert lazy.num_rows == whole.num_rows
        assert lazy.names == whole.schema.names
        assert lazy.plain == plain_columns(whole)
        for name in reversed(lazy.names):
            assert lazy.column(name).equals(whole.column(name)), name
        mine, theirs = requests_of(lazy), requests_of(whole)
        for name in (*vars(theirs), "itl_max", "idle_min", "idle_max"):
            if name != "batch":
                assert np.array_equal(getattr(mine, name), getattr(theirs, name)), name
        assert span_of(lazy) == span_of(whole)
        for by in (("run",), ("system", "workload"), ("day", "hour"), ("status", "n_chunks")):
            keys, codes = group_rows(lazy, by)
            expected_keys, expected_codes = group_rows(whole, by)
            assert (keys, codes.tolist()) == (expected_keys, expected_codes.tolist())


def test_a_measured_batch_goes_when_it_is_let_go() -> None:
    """Without the garbage collector: of 10 M requests it came 300 MiB too late."""
    (batch,) = Workload(name="few", requests=50, tokens=5).table().to_batches()
    gc.disable()
    try:
        measured = compute(batch, MeasureSettings())
        assert measured.requests.num_rows
        columns = weakref.ref(measured.columns)
        del measured
        assert columns() is None
    finally:
        gc.enable()
