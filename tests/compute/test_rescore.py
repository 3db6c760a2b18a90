"""Stored rows answer for another reader exactly as if it had measured them."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.compute import compute
from sgengine.compute.rescore import FROM_ENVELOPE, MEASURED_ONLY, for_reader
from tests import strategies as ours
from tests.compute.twins import settings_of
from tests.effort import FEWER
from tests.engine.make import plain_row
from tests.strategies import MS


def requests_of(table: pa.Table, first: int, pace: int) -> pa.RecordBatch:
    (batch,) = table.combine_chunks().to_batches()
    return compute(batch, settings_of(first, pace)).requests


@given(rows=ours.deliveries(max_size=6).filter(bool), old=ours.readers(), new=ours.readers())
def test_idle_latencies_are_those_of_the_new_reader(rows, old, new):
    table = ours.deliveries_table(rows)
    reader = settings_of(*new).reader
    found = for_reader(requests_of(table, *old), reader)
    expected = requests_of(table, *new)
    for name in expected.schema.names:
        if name in MEASURED_ONLY and old != new:
            assert found.column(name).null_count == found.num_rows
        else:
            assert found.column(name).equals(expected.column(name)), name
    assert found.schema == expected.schema


@FEWER
@given(
    rows=st.tuples(*[ours.deliveries(max_size=4).filter(bool)] * 2),
    old=ours.readers(),
    new=ours.readers(),
)
def test_rows_of_the_same_reader_keep_all_they_have(rows, old, new):
    """Batches of two readers, as two nights of one partition: each row is treated by its own."""
    mine, theirs = (ours.deliveries_table(part) for part in rows)
    kept, changed = requests_of(mine, *new), requests_of(theirs, *old)
    both = pa.Table.from_batches([kept, changed]).combine_chunks().to_batches()[0]
    found = for_reader(both, settings_of(*new).reader)
    alone = for_reader(changed, settings_of(*new).reader)
    assert found.to_pylist() == [*kept.to_pylist(), *alone.to_pylist()]


def test_columns_that_were_not_read_are_not_needed():
    """Without envelopes the rows of the same reader pass; late tokens may be left out too."""
    table = ours.deliveries_table([plain_row(1, [MS, 300 * MS])])
    batch = requests_of(table, 200 * MS, 200 * MS)
    slim = batch.drop_columns([*FROM_ENVELOPE.values(), *MEASURED_ONLY])
    assert for_reader(slim, settings_of(200 * MS, 200 * MS).reader) is slim
    with pytest.raises(KeyError):
        for_reader(slim, settings_of(100 * MS, 100 * MS).reader)
