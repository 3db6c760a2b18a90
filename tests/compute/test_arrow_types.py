"""Arrow columns as they may come: list types, slices, chunks, null lists, holes, other integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.compute import MeasureSettings, compute, itl_samples
from sgengine.compute.ragged import lists
from sgengine.errors import DataError
from sgengine.schema import DELIVERIES, REQUESTS
from tests import strategies as own
from tests.bridge import batch_of, reader_of, request_rows
from tests.compute.twins import assert_same_row, twin_of
from tests.effort import FEWER

READER = (200 * own.MS, 50 * own.MS)
SETTINGS = MeasureSettings(reader=reader_of(READER))
LISTS = ("chunk_times_ns", "chunk_tokens")


def replaced(batch: pa.RecordBatch, **columns: pa.Array) -> pa.RecordBatch:
    """The batch with other arrays in some columns, of any type."""
    arrays = [columns.get(name, batch.column(name)) for name in batch.schema.names]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def assert_measured(batch: pa.RecordBatch, rows: Sequence[dict[str, Any]]) -> None:
    measured = compute(batch, SETTINGS)
    assert not measured.breaches
    found = request_rows(measured.requests)
    assert len(found) == len(rows)
    for got, row in zip(found, rows, strict=True):
        assert_same_row(got, twin_of(row, *READER))


def near(rows: st.SearchStrategy[list[dict[str, Any]]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows whose times fit 32 bits."""
    return rows.map(lambda found: [_clipped(row) for row in found])


def _clipped(row: dict[str, Any]) -> dict[str, Any]:
    times = row["chunk_times_ns"]
    short = None if times is None else [min(time, 2**31 - 1) for time in times]
    return row | {"chunk_times_ns": short}


# --- Types ---------------------------------------------------------------------------------------


@FEWER
@given(
    near(own.deliveries()),
    st.sampled_from([pa.list_, pa.large_list]),
    st.sampled_from([pa.int64(), pa.int32(), pa.uint32()]),
    st.sampled_from([pa.int32(), pa.int64(), pa.uint8()]),
)
def test_any_list_of_any_integers_is_measured(
    rows: list[dict[str, Any]], of: Any, time_type: pa.DataType, size_type: pa.DataType
) -> None:
    columns = {
        "chunk_times_ns": pa.array([row["chunk_times_ns"] for row in rows], of(time_type)),
        "chunk_tokens": pa.array([row["chunk_tokens"] for row in rows], of(size_type)),
    }
    assert_measured(replaced(batch_of(rows), **columns), rows)


@given(own.deliveries())
def test_counts_of_another_integer_type_are_measured(rows: list[dict[str, Any]]) -> None:
    names = ("input_tokens", "output_tokens")
    columns = {name: pa.array([row[name] for row in rows], pa.int64()) for name in names}
    batch = replaced(batch_of(rows), **columns)
    found = request_rows(compute(batch, SETTINGS).requests.cast(REQUESTS.schema()))
    for got, row in zip(found, rows, strict=True):
        assert_same_row(got, twin_of(row, *READER))


@pytest.mark.parametrize("name", [*LISTS])
def test_a_list_value_outside_its_type_is_a_data_error(name: str) -> None:
    row = _row([5, 7], [1, 1])
    wrong = {
        "chunk_times_ns": pa.array([[5, 2**63]], pa.list_(pa.uint64())),
        "chunk_tokens": pa.array([[1, 2**31]], pa.list_(pa.int64())),
    }
    with pytest.raises(DataError, match="does not fit"):
        compute(replaced(batch_of([row]), **{name: wrong[name]}), SETTINGS)


def test_labels_may_be_plain_text() -> None:
    row = _row([5, 7], [1, 1])
    texts = ("run", "system", "workload", "clock", "origin", "timing", "status")
    plain = {name: pa.array([row[name]]) for name in texts}
    assert_measured(replaced(batch_of([row]), **plain), [row])


def _row(times: list[int] | None, sizes: list[int] | None, **more: Any) -> dict[str, Any]:
    labels = {"run": "a", "system": "s", "workload": "w", "clock": "unix", "origin": "sent"}
    listed = {"timing": "chunk", "chunk_times_ns": times, "chunk_tokens": sizes}
    common = {"request_id": "0", "status": "ok"}
    return dict.fromkeys(DELIVERIES.names) | labels | common | listed | more


# --- Slices and chunks ---------------------------------------------------------------------------


@FEWER
@given(own.deliveries(), st.data())
def test_a_slice_is_measured_as_its_rows(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(rows)))
    stop = data.draw(st.integers(start, len(rows)))
    assert_measured(batch_of(rows).slice(start, stop - start), rows[start:stop])


@FEWER
@given(own.deliveries(), st.data())
def test_chunks_of_a_table_are_measured_as_its_rows(
    rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    table = data.draw(own.chunked(own.deliveries_table(rows)))
    done = 0
    for batch in table.to_batches():
        assert_measured(batch, rows[done : done + batch.num_rows])
        done += batch.num_rows
    assert done == len(rows)


def test_an_empty_batch_gives_an_empty_requests_batch() -> None:
    for batch in (batch_of([]), batch_of([_row([1], [1])]).slice(1)):
        measured = compute(batch, SETTINGS)
        assert measured.requests.num_rows == 0
        assert measured.requests.schema.names == list(REQUESTS.names)
        assert measured.breaches == ()
        assert itl_samples(measured, "chunk").values.size == 0


def test_the_columns_are_those_of_requests_with_their_types() -> None:
    requests = compute(batch_of([_row([1, 5], [2, 1])]), SETTINGS).requests
    assert requests.schema.equals(REQUESTS.schema())
    requests.validate(full=True)


def test_dimensions_come_last_and_untouched() -> None:
    batch = batch_of([_row([1], [1]), _row([9, 5], None), _row([2], [1])])
    batch = batch.append_column("tenant", pa.array(["x", "y", "z"]))
    batch = batch.append_column("tags", pa.array([[1], [], None], pa.list_(pa.int8())))
    requests = compute(batch, SETTINGS).requests
    assert requests.schema.names[-2:] == ["tenant", "tags"]
    assert requests.column("tenant").to_pylist() == ["x", "z"]
    assert requests.column("tags").to_pylist() == [[1], None]


# --- Nulls ---------------------------------------------------------------------------------------


def spanning_nulls(
    values: list[int], offsets: list[int], nulls: list[bool], large: bool, item: pa.DataType
) -> pa.Array:
    """A list array whose null lists span values."""
    kind, width = (pa.LargeListArray, pa.int64()) if large else (pa.ListArray, pa.int32())
    return kind.from_arrays(
        pa.array(offsets, width), pa.array(values, item), mask=pa.array(nulls, pa.bool_())
    )


@pytest.mark.parametrize("large", [False, True], ids=["list", "large_list"])
def test_null_lists_may_span_garbage(large: bool) -> None:
    """Row 2 has no list, though its offsets span decreasing, negative times and sizes below 0."""
    rows = [
        _row([5, 7], [1, 2]),
        _row(None, None, timing="first_last", output_tokens=3, ttft_ns=10, last_ns=90),
        _row([4, 8], None),
    ]
    times = spanning_nulls(
        [5, 7, 9, -3, 2, 4, 8], [0, 2, 5, 7], [False, True, False], large, pa.int64()
    )
    sizes = spanning_nulls(
        [1, 2, 0, -1, -1, -7, 3], [0, 2, 5, 7], [False, True, True], large, pa.int32()
    )
    batch = replaced(batch_of(rows), chunk_times_ns=times, chunk_tokens=sizes)
    assert_measured(batch, rows)
    assert_measured(batch.slice(1), rows[1:])
    for rule in ("chunk", "token"):
        assert itl_samples(compute(batch, SETTINGS), rule).values.size > 0


def test_a_row_with_a_hole_is_rejected_and_its_neighbours_are_not() -> None:
    rows = [_row([5, 7], [1, 1]), _row([1, None, 3], [1, 1, 1]), _row([8], [4])]  # type: ignore[list-item]
    measured = compute(batch_of(rows), SETTINGS)
    assert [(breach.row, breach.rule) for breach in measured.breaches] == [(1, "null_chunk")]
    found = request_rows(measured.requests)
    for got, row in zip(found, (rows[0], rows[2]), strict=True):
        assert_same_row(got, twin_of(row, *READER))


# --- Memory --------------------------------------------------------------------------------------


def buffer_of(array: pa.Array) -> tuple[int, int]:
    """Address and end of the values of a list array."""
    values = array.values.buffers()[1]
    return values.address, values.address + values.size


def test_the_values_are_read_where_arrow_holds_them() -> None:
    batch = batch_of([_row([5, 7, 9], [1, 1, 3]), _row([1, 2], [1, 1]), _row([4], [1])])
    for part in (batch, batch.slice(1), batch.slice(1, 1)):
        ragged = compute(part, SETTINGS).ragged
        for values, name in ((ragged.times, "chunk_times_ns"), (ragged.sizes, "chunk_tokens")):
            start, end = buffer_of(batch.column(name))
            assert start <= values.ctypes.data < end
            assert not values.flags.owndata
            assert not values.flags.writeable


@pytest.mark.parametrize("of", [pa.list_, pa.large_list], ids=["list", "large_list"])
def test_offsets_are_64_bit_whatever_the_list_type(of: Any) -> None:
    array = pa.array([[5, 7], None, [9]], of(pa.int64()))
    for part in (array, array.slice(1)):
        found = lists(part, np.int64)
        assert found.offsets.dtype == np.int64
        assert found.offsets[-1] == 3


def test_64_bit_offsets_are_not_copied() -> None:
    array = pa.array([[5, 7], [9]], pa.large_list(pa.int64()))
    start = array.offsets.buffers()[1].address
    assert lists(array, np.int64).offsets.ctypes.data == start
    assert lists(array.slice(1), np.int64).offsets.ctypes.data == start + 8
