"""Every REQUESTS column equals its naive twin, however the rows are sliced, chunked and partitioned."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tests import strategies as ours
from tests.compute.twins import assert_same_row, measured_rows, settings_of, twin_of


@given(st.data())
def test_every_column_equals_its_twin_in_any_partition(data: st.DataObject) -> None:
    """One row's values depend on nothing but the row: not its batch, its slice or its neighbours."""
    rows: list[dict[str, Any]] = data.draw(ours.deliveries())
    first, pace = data.draw(ours.readers())
    skip_first = data.draw(st.booleans())
    table: pa.Table = ours.deliveries_table(rows)
    batches = data.draw(ours.regrouped(table))
    found = measured_rows(batches, settings_of(first, pace, skip_first=skip_first))
    assert len(found) == len(rows)
    by_key = {(row["run"], row["request_id"]): row for row in rows}
    for got in found:
        row = by_key.pop((got["run"], got["request_id"]))
        assert_same_row(got, twin_of(row, first, pace, skip_first=skip_first))
