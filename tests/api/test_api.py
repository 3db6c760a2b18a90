"""The library in a notebook: read, measure, summarize, connect, and the values they give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sgengine
from sgengine.aggregate import SummarySettings
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.compute import MeasureSettings
from sgengine.objectives import Benefit, Reader, parse_slo
from sgengine.schema import DELIVERIES, GAPS, REJECTS, REQUESTS, RUNS
from tests.bridge import request_rows
from tests.engine.make import plain_row, random_rows, table_of, write
from tests.readers.make import vllm, vllm_result

ROWS = random_rows(150, seed=9)
DIMENSIONS = ("tenant",)
MS = 10**6


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three row groups, the last row broken."""
    broken = plain_row(999, [5, 3], tenant="x", system="fast", run="fast-a")
    folder = tmp_path_factory.mktemp("trace")
    return write(folder / "trace.parquet", [*ROWS, broken], dimensions=DIMENSIONS, group=60)


@pytest.fixture(scope="module")
def measured(path: Path) -> sgengine.Measured:
    return sgengine.measure(sgengine.read(path), speed=10, first_token="300ms", itl_rule="spread")


def settings(reader: Reader, **more: Any) -> AnalyzeSettings:
    return AnalyzeSettings(
        measure=MeasureSettings(reader=reader, itl_rule="spread"),
        summary=SummarySettings(reader=reader, itl_rule="spread", **more),
    )


# --- read ----------------------------------------------------------------------------------------


def test_read_gives_the_deliveries_with_dimensions_last(path: Path) -> None:
    trace = sgengine.read(path)
    assert trace.deliveries.column_names == [*DELIVERIES.names, *DIMENSIONS]
    assert trace.deliveries.num_rows == len(ROWS) + 1
    assert trace.deliveries["request_id"].to_pylist()[:3] == ["r0", "r1", "r2"]


def test_read_takes_texts_paths_labels_and_several_of_them(path: Path, tmp_path: Path) -> None:
    other = vllm(tmp_path / "bench.json", vllm_result())
    count = len(ROWS) + 1
    assert sgengine.read(str(path)).deliveries.num_rows == count
    assert sgengine.read([path, other]).deliveries.num_rows == count + 2
    named = sgengine.read(f"mine={other}", workload="chat").deliveries
    assert set(named["system"].to_pylist()) == {"mine"}
    assert set(named["workload"].to_pylist()) == {"chat"}


def test_read_of_a_path_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(sgengine.UsageError, match="does not exist"):
        sgengine.read(tmp_path / "nothing.parquet")


def test_read_of_a_file_that_is_no_trace_is_a_format_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(sgengine.FormatError, match="is not a trace"):
        sgengine.read(tmp_path / "a.txt")


# --- measure and summarize: the same as analyze --------------------------------------------------


def test_measured_tables_are_those_of_an_analysis(path: Path, measured: sgengine.Measured) -> None:
    reader = Reader(first_ns=300 * MS, pace_ns=100 * MS)
    analysis = analyze([str(path)], settings(reader), keep_requests=True)
    assert analysis.requests is not None
    assert request_rows(measured.requests) == request_rows(analysis.requests)
    assert measured.gaps.equals(analysis.gaps)
    assert measured.runs.equals(analysis.runs)
    assert measured.rejects.equals(analysis.rejects)
    assert measured.rejects.num_rows == 1


def test_measured_tables_have_their_declared_schemas(measured: sgengine.Measured) -> None:
    assert measured.requests.column_names == [*REQUESTS.names, *DIMENSIONS]
    assert measured.requests.select(list(REQUESTS.names)).schema.equals(REQUESTS.schema())
    assert measured.gaps.schema.equals(GAPS.schema())
    assert measured.rejects.schema.equals(REJECTS.schema())
    assert measured.runs.schema.equals(RUNS.schema())


def test_a_summary_is_that_of_an_analysis(path: Path, measured: sgengine.Measured) -> None:
    reader = Reader(first_ns=300 * MS, pace_ns=100 * MS)
    summary = sgengine.summarize(
        measured,
        by="tenant,system",
        goodput=["ttft:500", "tpot:50"],
        alpha=1,
        penalty="fraction:2s",
        unfinished_idle="1s",
        denominator="completed",
        population="ok",
        duration="60s",
    )
    asked = settings(
        reader,
        by=("tenant", "system"),
        slo=parse_slo(["ttft:500", "tpot:50"]),
        benefit=Benefit(penalty="fraction", alpha=1.0, tau_ns=2 * 10**9, unfinished_idle_ns=10**9),
        denominator="completed",
        population="ok",
        duration_ns=60 * 10**9,
    )
    assert summary.groups == analyze([str(path)], asked).groups


def test_the_client_s_own_duration_reaches_the_summary(tmp_path: Path) -> None:
    trace = sgengine.read(vllm(tmp_path / "bench.json", vllm_result(duration=0.25)))
    (group,) = sgengine.summarize(sgengine.measure(trace)).groups
    assert (group["duration_s"], group["duration_source"]) == (0.25, "stated by the run")


def test_a_preset_gives_reader_slo_and_target(path: Path) -> None:
    measured = sgengine.measure(sgengine.read(path), preset="aegaeon")
    assert measured.settings.reader == sgengine.preset("aegaeon").reader
    groups = sgengine.summarize(measured, preset="aegaeon").groups
    assert all("target_met" in group for group in groups)
    joint = sgengine.summarize(measured, preset="distserve-code-66b").groups
    assert all(group["slo_attainment"] is not None for group in joint)


def test_an_executor_can_be_named(path: Path, measured: sgengine.Measured) -> None:
    for on in ("serial", "threads:3"):
        again = sgengine.measure(
            sgengine.read(path), speed=10, first_token=300, itl_rule="spread", on=on
        )
        assert request_rows(again.requests) == request_rows(measured.requests)


# --- Other tables in -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pyarrow", "batch", "polars", "categories", "duckdb", "stream"])
def test_deliveries_may_be_any_table_that_speaks_arrow(kind: str) -> None:
    table = table_of(ROWS, DIMENSIONS)
    expected = request_rows(sgengine.measure(table).requests)
    given: dict[str, Any] = {
        "pyarrow": lambda: table,
        "batch": lambda: table.combine_chunks().to_batches()[0],
        "polars": lambda: pl.from_arrow(table),
        "categories": lambda: pl.from_arrow(table).with_columns(
            pl.col("tenant").cast(pl.Categorical)
        ),  # type: ignore[union-attr]
        "duckdb": lambda: duckdb.from_arrow(table),
        "stream": lambda: table.to_reader(),
    }
    measured = sgengine.measure(given[kind]())
    assert request_rows(measured.requests) == expected
    counts = [group["requests"] for group in sgengine.summarize(measured, by="tenant").groups]
    assert counts == [sum(row["tenant"] == name for row in ROWS) for name in ("x", "y", None)]


def test_a_table_needs_little_more_than_times() -> None:
    table = pa.table({"chunk_times_ns": [[5 * MS, 300 * MS], [], [7 * MS]]})
    measured = sgengine.measure(table)
    assert measured.requests["user_idle_latency_ns"].to_pylist() == [0, None, 0]
    assert measured.requests["request_id"].to_pylist() == ["1", "2", "3"]
    (group,) = sgengine.summarize(measured).groups
    assert group["requests"] == 3


@pytest.mark.parametrize("wrong", [None, 5, {"chunk_times_ns": [[1]]}, [1, 2]], ids=range(4))
def test_what_is_no_table_is_a_usage_error(wrong: Any) -> None:
    with pytest.raises(sgengine.UsageError, match=r"give paths to sgengine\.read, or a table"):
        sgengine.measure(wrong)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"x": [1]}), "neither column chunk_times_ns nor ttft_ns"),
        (pa.table({"chunk_times_ns": [[0.5]]}), "chunk_times_ns is list"),
        (pa.table({"chunk_times_ns": [[5]], "status": [0.5]}), "status is double"),
    ],
    ids=["columns", "times", "text"],
)
def test_a_table_with_wrong_columns_is_a_format_error(table: pa.Table, message: str) -> None:
    with pytest.raises(sgengine.FormatError, match=message):
        sgengine.measure(table)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: sgengine.summarize(m, goodput="itl:5"), "can mean two things"),
        (lambda m: sgengine.summarize(m, alpha=-1), "alpha is -1"),
        (lambda m: sgengine.summarize(m, penalty="step"), "no default alpha"),
        (lambda m: sgengine.summarize(m, by="nothing"), "no column of this trace"),
        (lambda m: sgengine.summarize(m, denominator="some"), "denominator is 'some'"),
        (lambda m: sgengine.summarize(m, preset="best"), "preset is 'best'"),
        (lambda m: sgengine.summarize(m, duration="0"), "give more than 0"),
        (lambda m: sgengine.measure(m.requests, speed=0), "reading speed is 0"),
        (lambda m: sgengine.measure(m.requests, itl_rule="word"), "itl rule is 'word'"),
        (lambda m: sgengine.measure(m.requests, on="gpu"), "on is 'gpu'"),
        (lambda m: sgengine.summarize(m.requests), "give what sgengine.measure returns"),
        (lambda m: sgengine.connect(m.requests), "give what sgengine.measure returns"),
    ],
    ids=range(12),
)
def test_a_wrong_value_is_a_usage_error_in_one_line(
    measured: sgengine.Measured, call: Any, message: str
) -> None:
    with pytest.raises(sgengine.UsageError, match=message) as caught:
        call(measured)
    assert "\n" not in str(caught.value)


# --- Tables out ----------------------------------------------------------------------------------


def values(path: Path, measured: sgengine.Measured) -> list[tuple[Any, pa.Table]]:
    trace, summary = sgengine.read(path), sgengine.summarize(measured)
    return [
        (trace, trace.deliveries),
        (measured, measured.requests),
        (summary, summary.table),
    ]


def test_a_value_shows_as_a_table(path: Path, measured: sgengine.Measured) -> None:
    for value, table in values(path, measured):
        assert f"shape: ({table.num_rows:_}, {table.num_columns})".replace("_", "") in repr(value)
        assert "┌" in repr(value)
        assert "object at 0x" not in repr(value)
        assert "<table" in value._repr_html_()
        assert f"<td>{table.column(0)[0].as_py()}</td>" in value._repr_html_().replace("&quot;", "")


def test_polars_takes_a_value_as_a_table(path: Path, measured: sgengine.Measured) -> None:
    for value, table in values(path, measured):
        frame = pl.DataFrame(value)
        assert frame.columns == table.column_names
        assert frame.height == table.num_rows
    frame = pl.DataFrame(measured)
    assert frame["ttft_ns"].to_list() == measured.requests["ttft_ns"].to_pylist()


def test_duckdb_and_pyarrow_take_a_value_as_an_arrow_stream(measured: sgengine.Measured) -> None:
    found = duckdb.sql("SELECT count(*), sum(late_tokens) FROM measured").fetchall()
    late = measured.requests["late_tokens"].drop_null().to_pylist()
    assert found == [(measured.requests.num_rows, sum(late))]
    table = pa.table(measured)
    assert table.num_rows == measured.requests.num_rows


def test_a_summary_is_a_table_of_one_row_a_group(measured: sgengine.Measured) -> None:
    summary = sgengine.summarize(measured, goodput="ttft:500")
    table = summary.table
    assert table.num_rows == len(summary.groups)
    for row, group in zip(table.to_pylist(), summary.groups, strict=True):
        assert row["system"] == group["system"]
        assert row["ttft_p99_ms"] == group["ttft_ms"]["p99"]
        assert row["n_ttft"] == group["ttft_ms"]["count"]
        assert row["n_failed"] == group["status"]["failed"]
        assert row["smooth_goodput"] == group["smooth_goodput"]


def test_requests_can_be_written_and_read_back(measured: sgengine.Measured, tmp_path: Path) -> None:
    pq.write_table(measured.requests, tmp_path / "requests.parquet")
    again = pq.read_table(tmp_path / "requests.parquet")
    assert request_rows(again) == request_rows(measured.requests)


# --- connect and curve ---------------------------------------------------------------------------


def test_connect_answers_sql_over_the_measured_tables(measured: sgengine.Measured) -> None:
    summary = sgengine.summarize(measured, goodput="ttft:500")
    with sgengine.connect(measured, goodput="ttft:500") as connection:
        found = connection.sql(
            "SELECT system, workload, requests, slo_attainment FROM by_system_workload ORDER BY ALL"
        ).fetchall()
    assert found == [
        (group["system"], group["workload"], group["requests"], group["slo_attainment"])
        for group in summary.groups
    ]


def test_connect_reads_no_files(measured: sgengine.Measured, path: Path) -> None:
    with sgengine.connect(measured) as connection, pytest.raises(duckdb.Error):
        connection.sql(f"FROM '{path}'").fetchall()


def trace_of(folder: Path, **columns: Any) -> sgengine.Trace:
    """A trace of one request."""
    pq.write_table(pa.table({"request_id": ["x"]} | columns), folder / "one.parquet")
    return sgengine.read(folder / "one.parquet")


def test_a_curve_shows_when_each_token_came_was_due_and_is_read(tmp_path: Path) -> None:
    trace = trace_of(tmp_path, chunk_times_ns=[[100, 700]], chunk_tokens=[[2, 1]])
    found = sgengine.curve(trace, "x", speed=1e9 / 200, first_token="150ns")
    assert found.to_pydict() == {
        "token": [1, 2, 3],
        "delivered_ns": [100, 100, 700],
        "due_ns": [150, 350, 550],
        "read_ns": [150, 350, 700],
    }
    with pytest.raises(sgengine.UsageError, match="no request is called 'y'"):
        sgengine.curve(trace, "y")


@pytest.mark.parametrize(
    "columns",
    [
        {"ttft_ns": [5], "last_ns": [9], "output_tokens": [3]},
        {"chunk_times_ns": [[5]], "output_tokens": [3]},
    ],
    ids=["no times", "no sizes"],
)
def test_a_curve_that_is_not_known_is_a_data_error(tmp_path: Path, columns: dict[str, Any]) -> None:
    with pytest.raises(sgengine.DataError, match="its curve is not known"):
        sgengine.curve(trace_of(tmp_path, **columns), "x")
