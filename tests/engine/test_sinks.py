"""The REQUESTS file appears whole or not at all, whatever happens, with every source's dimensions."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sgengine.analyze import AnalyzeSettings, analyze, night
from sgengine.analyze.sinks import ParquetSink
from sgengine.compute import MeasureSettings, compute
from sgengine.errors import UsageError
from sgengine.executors import Serial
from sgengine.schema import REQUESTS
from tests.bridge import batch_of
from tests.engine.make import plain_row, random_rows, write

SERIAL = AnalyzeSettings(executor=Serial())


def requests_batch(count: int = 3, **dimensions: pa.Array) -> pa.RecordBatch:
    batch = batch_of([plain_row(k, [k, k + 1]) for k in range(count)])
    for name, values in dimensions.items():
        batch = batch.append_column(name, values)
    return compute(batch, MeasureSettings()).requests


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_holds_every_batch_in_order(tmp_path: Path) -> None:
    with ParquetSink(str(tmp_path / "out.parquet")) as sink:
        for _ in range(3):
            sink.write(requests_batch())
        assert not (tmp_path / "out.parquet").exists()
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["request_id"].to_pylist() == ["r0", "r1", "r2"] * 3
    assert table.schema.names == list(REQUESTS.names)
    assert names_in(tmp_path) == ["out.parquet"]


def test_no_batch_gives_an_empty_requests_file(tmp_path: Path) -> None:
    with ParquetSink(str(tmp_path / "out.parquet")):
        pass
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.num_rows == 0
    assert table.schema.names == list(REQUESTS.names)


def test_many_small_batches_become_few_row_groups(tmp_path: Path) -> None:
    with ParquetSink(str(tmp_path / "out.parquet")) as sink:
        for _ in range(100):
            sink.write(requests_batch(10))
    metadata = pq.read_metadata(tmp_path / "out.parquet")
    assert (metadata.num_rows, metadata.num_row_groups) == (1000, 1)


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()], ids=["error", "^C"])
def test_an_error_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: BaseException
) -> None:
    out = tmp_path / "out.parquet"
    out.write_text("old")
    with pytest.raises(type(error)), ParquetSink(str(out)) as sink:  # noqa: PT012
        sink.write(requests_batch())
        raise error
    assert out.read_text() == "old"
    assert names_in(tmp_path) == ["out.parquet"]


def test_a_finished_file_replaces_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    out.write_text("old")
    with ParquetSink(str(out)) as sink:
        sink.write(requests_batch())
    assert pq.read_table(out).num_rows == 3


def test_a_relative_path_is_taken_from_where_the_analysis_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with ParquetSink("out.parquet") as sink:
        sink.write(requests_batch())
    assert names_in(tmp_path) == ["out.parquet"]


def test_batches_with_different_dimensions_get_the_union_of_them(tmp_path: Path) -> None:
    tenants = pa.array(["x", "y"]).dictionary_encode()
    with ParquetSink(str(tmp_path / "out.parquet")) as sink:
        sink.write(requests_batch(2, tenant=tenants))
        sink.write(requests_batch(1, tenant=pa.array(["z"])))
        sink.write(requests_batch(1))
        sink.write(requests_batch(1, level=pa.array([7])))
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["tenant"] for row in rows] == ["x", "y", "z", None, None]
    assert [row["level"] for row in rows] == [None] * 4 + [7]


@pytest.mark.parametrize("place", ["missing/out.parquet", "."])
def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageError, match="--requests is"):
        ParquetSink(str(tmp_path / place))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_is_refused_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="pipe', neither a file nor a folder"):
        ParquetSink(str(pipe))
    assert pipe.is_fifo()


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    out, link = tmp_path / "out.parquet", tmp_path / "newest.parquet"
    link.symlink_to(out.name)
    for rows in (2, 3):
        with ParquetSink(str(link)) as sink:
            sink.write(requests_batch(rows))
        assert (link.is_symlink(), pq.read_table(out).num_rows) == (True, rows)
    assert names_in(tmp_path) == ["newest.parquet", "out.parquet"]


# --- Of an analysis ------------------------------------------------------------------------------


def test_sources_with_different_dimensions_are_unified(tmp_path: Path) -> None:
    rows = random_rows(60, seed=1)
    inputs = [
        write(tmp_path / "a.parquet", rows[:20], dimensions=("tenant",)),
        write(tmp_path / "b.parquet", rows[20:40], dimensions=("tenant", "priority")),
        write(tmp_path / "c.parquet", rows[40:]),
    ]
    out = tmp_path / "out.parquet"
    paths = [str(path) for path in inputs]
    analysis = analyze(paths, SERIAL, requests_path=str(out), keep_requests=True)
    written = pq.read_table(out).to_pylist()
    assert analysis.requests is not None
    for found in (written, analysis.requests.to_pylist()):
        assert [row["request_id"] for row in found] == [row["request_id"] for row in rows]
        assert [row["tenant"] for row in found] == [
            row["tenant"] if k < 40 else None for k, row in enumerate(rows)
        ]
        assert [row["priority"] for row in found] == [
            row["priority"] if 20 <= k < 40 else None for k, row in enumerate(rows)
        ]


@pytest.fixture
def two_partitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two files, of which the second cannot be measured."""
    folder = tmp_path / "in"
    folder.mkdir()
    paths = [str(write(folder / f"{k}.parquet", [plain_row(k, [1, 2])])) for k in range(2)]
    real = night.read

    def failing(part: Any) -> Any:
        if part.path == paths[1]:
            raise RuntimeError("the disk is gone")
        return real(part)

    monkeypatch.setattr(night, "read", failing)
    return paths


def test_a_failing_analysis_leaves_the_old_file_and_no_temporaries(
    two_partitions: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    out.write_text("old")
    with pytest.raises(RuntimeError, match="the disk is gone"):
        analyze(two_partitions, SERIAL, requests_path=str(out))
    assert out.read_text() == "old"
    assert names_in(tmp_path) == ["in", "out.parquet"]


def test_a_failing_summary_leaves_no_file(tmp_path: Path) -> None:
    """The file is there only if all of the analysis went well."""
    path = write(tmp_path / "a.parquet", [plain_row(0, [1, 2])])
    settings = replace(SERIAL, summary=replace(SERIAL.summary, by=("nothing",)))
    with pytest.raises(UsageError):
        analyze([str(path)], settings, requests_path=str(tmp_path / "out.parquet"))
    assert names_in(tmp_path) == ["a.parquet"]


def test_the_requests_file_may_not_be_an_input(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [plain_row(0, [1, 2])])
    before = path.read_bytes()
    with pytest.raises(UsageError, match="which is an input"):
        analyze([str(path)], SERIAL, requests_path=str(path))
    assert path.read_bytes() == before
