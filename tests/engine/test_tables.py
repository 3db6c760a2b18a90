"""Deliveries in memory are analysed as the same in a file are, by a share of the rows for each worker."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sgengine
from benchmarks.workloads import Workload
from sgengine.analyze import AnalyzeSettings, analyze, analyze_table
from sgengine.errors import FormatError, UsageError
from sgengine.executors import Serial, Threads
from sgengine.readers import ReadOptions, batches_of, plan_table, slices_of


def table_of(requests: int) -> pa.Table:
    """With a row that breaks a rule, far behind."""
    table = Workload(name="tables", requests=requests, tokens=40).table()
    place = table.schema.get_field_index("input_tokens")
    counts = table["input_tokens"].to_numpy().copy()
    counts[requests - 7] = -1
    return table.set_column(place, table.schema.field(place), pa.array(counts))


def test_where_more_samples_are_than_are_held_threads_change_no_figure() -> None:
    """Their percentiles are looked for beside those of latencies, of which there are many too."""
    table = table_of(70_000)
    alone = analyze_table(table, AnalyzeSettings(executor=Serial()))
    for workers in (2, 3):
        assert analyze_table(table, AnalyzeSettings(executor=Threads(workers=workers))).groups == (
            alone.groups
        )


@pytest.mark.parametrize("executor", [Serial(), Threads(workers=2), Threads(workers=3)], ids=str)
def test_a_table_has_the_figures_and_rejects_of_its_file(
    tmp_path: Path, executor: Serial | Threads
) -> None:
    table = table_of(30_000)
    path = tmp_path / "table"
    pq.write_table(table, path)
    settings = AnalyzeSettings(executor=executor)
    found = analyze_table(table, settings, keep_requests=True)
    expected = analyze([str(path)], settings, keep_requests=True)
    assert found.groups == expected.groups
    assert found.requests is not None
    assert found.requests.equals(expected.requests)
    assert [replace(line, source="") for line in found.rejected] == [
        replace(line, source="") for line in expected.rejected
    ]
    assert found.rejected[0].place == "row 29994"


@dataclass(frozen=True, kw_only=True)
class Watched(Threads):
    """Threads that say what they were given."""

    given: list[str] = field(default_factory=list)

    def run(self, function, tasks):
        tasks = list(tasks)
        self.given.extend(type(task).__name__ for task in tasks)
        return super().run(function, tasks)


def test_a_lone_part_of_a_file_has_workers_and_a_small_table_needs_none(tmp_path: Path) -> None:
    table = table_of(1000)
    path = tmp_path / "table"
    pq.write_table(table, path)
    watched = Watched(workers=2)
    assert analyze([str(path)], AnalyzeSettings(executor=watched)).groups
    assert watched.given.count("Partition") == 1
    assert analyze_table(table, AnalyzeSettings(executor=watched)).groups
    assert "Slice" not in watched.given


def test_a_measured_table_is_the_same_by_one_worker_and_by_two() -> None:
    table = table_of(30_000)
    one, two = (sgengine.measure(table, on=on) for on in ("serial", "threads:2"))
    assert one.requests.equals(two.requests)
    assert one.gaps.equals(two.gaps)
    assert one.rejects.equals(two.rejects)
    assert len(one.parts) == 1
    assert len(two.parts) == 2
    assert sgengine.summarize(one).groups == sgengine.summarize(two).groups


def test_a_table_is_cut_only_where_shares_are_worth_it() -> None:
    table = pa.table({"a": list(range(100))})
    cut = [(first, rows.num_rows) for first, rows in slices_of(table, 3, 8)]
    assert cut == [(1, 34), (35, 34), (69, 32)]
    assert [rows.num_rows for _, rows in slices_of(table, 4, 300)] == [50, 50]
    assert [rows.num_rows for _, rows in slices_of(table, 4, 10_000)] == [100]
    assert list(slices_of(table.slice(0, 0), 4, 8)) == []


def test_batches_of_a_table_are_alike_and_leave_no_small_rest() -> None:
    # 400 bytes of times a row; three chunks of them, which are not joined.
    part = pa.table({"chunk_times_ns": pa.array([list(range(50))] * 260, pa.list_(pa.int64()))})
    table = pa.concat_tables([part, part, part.slice(0, 20)])
    (partition,) = plan_table(table, ReadOptions(batch_bytes=25_000)).partitions
    found = list(batches_of(table, partition, 7))
    assert [batch.deliveries.num_rows for batch in found] == [130, 130, 130, 130, 20]
    places = [place for batch in found for place in batch.places.tolist()]
    assert places == list(range(7, 547))


def test_what_is_no_table_of_deliveries_is_refused() -> None:
    with pytest.raises(UsageError, match="the deliveries are a int"):
        analyze_table(7)
    with pytest.raises(FormatError, match="neither column chunk_times_ns nor ttft_ns"):
        analyze_table(pa.table({"a": [1]}))
