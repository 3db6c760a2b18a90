"""Windows end to end: figures are those of the members alone, over T, and no row is lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sgengine
from sgengine.aggregate import Selection, SummarySettings, choose
from sgengine.analyze import Analysis, AnalyzeSettings, analyze
from sgengine.api import query
from sgengine.errors import DataError, UsageError
from sgengine.executors import Serial
from tests.cli.support import document, good, lines, refused, run, same
from tests.engine.make import Row, plain_row, random_rows, table_of, write
from tests.strategies import HOUR

S = 10**9
RNG = Random(7)
ROWS = [row | {"end_ns": 10 * HOUR // 24 + RNG.randrange(HOUR)} for row in random_rows(600, seed=7)]
"""Requests over three hours that stay open for up to an hour and more, so that many are in flight."""

OPTIONS: dict[str, dict[str, Any]] = {
    "window": {"window": "900s,6000s"},
    "open window": {"window": "3000s,"},
    "trim": {"trim": "1000s,2000s"},
    "steady": {"steady": 0.5},
}


def end_of(row: Row) -> int:
    """arrival + max(last chunk, end)."""
    chunks = row["chunk_times_ns"] or [row["last_ns"] or row["ttft_ns"] or 0]
    return int(row["arrival_ns"]) + max(chunks[-1], row["end_ns"] or 0)


def settings_of(selection: Selection | None, **summary: Any) -> AnalyzeSettings:
    return AnalyzeSettings(
        summary=SummarySettings(selection=selection, **summary), executor=Serial()
    )


def analysis_of(path: Path, options: dict[str, Any], **summary: Any) -> Analysis:
    return analyze([str(path)], settings_of(choose(**options), **summary), keep_requests=True)


def spans() -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for row in ROWS:
        first, last = found.get(row["run"], (2**63, 0))
        found[row["run"]] = min(first, row["arrival_ns"]), max(last, end_of(row))
    return found


def bounds(name: str) -> dict[str, tuple[int, int]]:
    """The section of each run, by hand but for the steady one (tests/aggregate/test_activity)."""
    found = {}
    for key, (first, last) in spans().items():
        found[key] = {
            "window": (first + 900 * S, min(first + 6000 * S, last)),
            "open window": (first + 3000 * S, last),
            "trim": (first + 1000 * S, last - 2000 * S),
        }[name]
    return found


@pytest.fixture(scope="module")
def trace(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("windows")
    return write(folder / "trace.parquet", ROWS, dimensions=("tenant",), group=100)


@pytest.mark.parametrize("pool", ["held", "counted in buckets"])
@pytest.mark.parametrize("name", OPTIONS)
def test_every_figure_is_of_the_members_alone(name, pool, trace, tmp_path, monkeypatch):
    """A file of the members alone gives the same, with T stated; also where ITL takes more passes."""
    if pool != "held":
        monkeypatch.setattr(AnalyzeSettings, "share_bytes", property(lambda self: 0))
    found = analysis_of(trace, OPTIONS[name], by=("run", "tenant"))
    assert found.windows is not None
    if name != "steady":
        assert {
            run: (window.start_ns, window.end_ns) for run, window in found.windows.items()
        } == bounds(name)
    members = [
        row
        for row in ROWS
        if found.windows[row["run"]].start_ns
        <= row["arrival_ns"]
        < found.windows[row["run"]].end_ns
    ]
    assert 20 < len(members) < 600
    alone = write(tmp_path / "alone.parquet", members, dimensions=("tenant",))
    for name_of_run, window in found.windows.items():
        expected = {
            group["tenant"]: group
            for group in analysis_of(
                alone, {}, by=("run", "tenant"), duration_ns=window.duration_ns
            ).groups
            if group["run"] == name_of_run
        }
        mine = {
            group["tenant"]: dict(group) for group in found.groups if group["run"] == name_of_run
        }
        outside = Counter(row["tenant"] for row in ROWS if row["run"] == name_of_run)
        outside.subtract(row["tenant"] for row in members if row["run"] == name_of_run)
        assert mine.keys() == expected.keys()
        for tenant, group in mine.items():
            assert group.pop("requests_outside") == outside[tenant]
            assert group.pop("duration_source") != expected[tenant].pop("duration_source")
            assert group == expected[tenant]
    assert found.requests is not None
    assert found.requests["request_id"].to_pylist() == [row["request_id"] for row in members]


@pytest.mark.parametrize("name", OPTIONS)
def test_no_row_is_lost(name, trace):
    found = analysis_of(trace, OPTIONS[name])
    assert found.is_clean
    runs = found.runs.to_pylist()
    for row in runs:
        assert row["rows_in"] == row["rows_measured"] + row["rows_rejected"]
    assert sum(row["rows_in"] for row in runs) == len(ROWS)
    left = [(r.run, r.reason) for r in found.rejected]
    assert {reason for _, reason in left} == {"outside_window"}
    outside = sum(reject.count for reject in found.rejected)
    assert outside == sum(row["rows_rejected"] for row in runs)
    assert outside + sum(group["requests"] for group in found.groups) == len(ROWS)
    assert sum(group["requests_outside"] for group in found.groups) == outside
    assert len(left) <= 2 * len(runs)


@pytest.mark.parametrize("name", OPTIONS)
def test_batches_and_partitions_change_nothing(name, trace, tmp_path):
    one = analysis_of(write(tmp_path / "trace.parquet", ROWS), OPTIONS[name])
    many = analysis_of(trace, OPTIONS[name])
    assert (one.groups, one.windows) == (many.groups, many.windows)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_notebook_gets_the_same(name, trace):
    measured = sgengine.measure(sgengine.read(trace))
    found = sgengine.summarize(measured, **OPTIONS[name])
    whole = analysis_of(trace, OPTIONS[name])
    assert found.groups == whole.groups
    assert found.windows == whole.windows
    assert found.table.num_rows == len(found.groups)
    assert sgengine.summarize(measured).windows is None


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize(
    ("view", "by"), [("by_system_workload", ("system", "workload")), ("by_hour", ("hour",))]
)
def test_views_have_the_same_figures(name, view, by, trace):
    groups = analysis_of(trace, OPTIONS[name], by=by).groups
    settings = settings_of(choose(**OPTIONS[name]))
    rows = query(f"FROM {view}", [str(trace)], settings).table.to_pylist()
    assert len(rows) == len(groups)
    keyed = {tuple(_value(row[column]) for column in by): row for row in rows}
    for group in groups:
        row = keyed[tuple(group[column] for column in by)]
        for figure in ("requests", "duration_s", "output_throughput", "smooth_goodput_min"):
            assert same(row[figure], group[figure]), figure
        assert same(row["ttft_p99_ms"], group["ttft_ms"]["p99"])


def _value(value: Any) -> Any:
    return int(pl.Series([value]).dt.epoch("ns")[0]) if hasattr(value, "year") else value


def test_slices_divide_by_what_the_windows_cover_of_them(tmp_path):
    """Two runs side by side over three hours, each without its first and last 30 minutes."""
    minute = 60 * S
    start = 500_000 * HOUR
    rows = [
        plain_row(k, [S], arrival_ns=start + k * 10 * minute, run=run)
        for run in ("a", "b")
        for k in range(18)
    ]
    path = write(tmp_path / "x.parquet", rows)
    found = analysis_of(path, {"trim": "1800s,1800s"}, by=("hour",))
    last = 17 * 600 + 1  # the last arrival, and its second
    assert [group["duration_s"] for group in found.groups] == [1800, 3600, last - 1800 - 7200]
    assert [group["requests"] for group in found.groups] == [6, 12, 6 if last > 9600 else 4]
    assert {group["duration_source"] for group in found.groups} == {"slice of the trimmed run"}
    stated = analysis_of(path, {"trim": "1800s,1800s"}, by=("hour",), duration_ns=S)
    assert {group["duration_source"] for group in stated.groups} == {"given"}


def test_a_time_of_day_chooses_the_same_of_every_run(tmp_path):
    start = 500_000 * HOUR
    rows = [
        plain_row(k, [S], arrival_ns=start + k * S, run="ab"[k % 2], request_id=str(k))
        for k in range(100)
    ]
    path = write(tmp_path / "x.parquet", rows)
    found = analysis_of(path, {"window": f"{start // S + 10},{start // S + 20}"}, by=())
    (group,) = found.groups
    assert (group["requests"], group["duration_s"], group["requests_outside"]) == (10, 20.0, 90)


def test_rows_without_an_arrival_are_outside_and_counted(tmp_path):
    rows = [plain_row(k, [S], arrival_ns=None if k == 3 else k * S) for k in range(10)]
    path = write(tmp_path / "x.parquet", rows)
    found = analysis_of(path, {"window": "2s,"})
    assert [(r.place, r.count, r.detail) for r in found.rejected] == [
        ("row 1 and later", 2, "arrives before the window"),
        ("row 4", 1, "has no arrival time: it is in no window"),
    ]


def test_what_cannot_be_cut_is_refused_in_one_line(tmp_path):
    bare = write(tmp_path / "bare.parquet", [plain_row(0, [S])])
    with pytest.raises(DataError, match="run a has no arrival times"):
        analysis_of(bare, {"steady": True})
    measured = sgengine.measure(sgengine.read(bare))
    with pytest.raises(DataError, match="run a has no arrival times"):
        sgengine.summarize(measured, trim="1s,1s")
    short = write(tmp_path / "short.parquet", [plain_row(0, [S], arrival_ns=0)])
    with pytest.raises(UsageError, match="leaves nothing of run a, which lasts 1s"):
        analysis_of(short, {"trim": "1s,1s"})


def test_nothing_measured_has_no_windows(tmp_path):
    rows = [plain_row(0, [-5], arrival_ns=0)]
    found = analysis_of(write(tmp_path / "x.parquet", rows), {"steady": True})
    assert (found.groups, found.windows) == ([], {})


# --- Dimensions that some sources lack ------------------------------------------------------------


def two_sources(folder: Path, second: pa.Array | None) -> list[str]:
    rows = [plain_row(k, [S], arrival_ns=k * S, tenant="xy"[k % 2]) for k in range(4)]
    pq.write_table(table_of(rows, ("tenant",)), folder / "with.parquet")
    other = table_of([row | {"run": "b"} for row in rows])
    if second is not None:
        other = other.append_column("tenant", second)
    pq.write_table(other, folder / "without.parquet")
    return [str(folder / "with.parquet"), str(folder / "without.parquet")]


def test_a_column_that_one_source_lacks_is_null_there(tmp_path):
    inputs = two_sources(tmp_path, None)
    groups = analyze(inputs, settings_of(None, by=("tenant",))).groups
    assert [(group["tenant"], group["requests"]) for group in groups] == [
        ("x", 2),
        ("y", 2),
        (None, 4),
    ]
    found = query("SELECT tenant, count(*) AS n FROM requests GROUP BY 1 ORDER BY 1", inputs)
    assert found.rows() == [("x", 2), ("y", 2), (None, 4)]
    backwards = analyze(inputs[::-1], settings_of(None, by=("tenant",))).groups
    assert backwards == groups


def test_a_column_that_all_sources_lack_is_refused(tmp_path):
    inputs = two_sources(tmp_path, None)
    with pytest.raises(UsageError, match=r"by names tenent.*give one of.*tenant.*hour, day"):
        analyze(inputs, settings_of(None, by=("tenent",)))
    refused(run("analyze", *inputs, "--by", "tenent"), 2, "by names tenent")


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([1, 2, None, 1]), [1, 2]),
        (pa.array([1.5, float("nan"), None, 1.5]), [1.5]),
        (pa.array([True, False, None, True]), [False, True]),
        (pa.array([10**18] * 4, pa.timestamp("ns")), ["2001-09-09"]),
    ],
)
def test_a_column_of_several_types_groups_sorts_and_joins(tmp_path, values, texts):
    inputs = two_sources(tmp_path, values)
    out = tmp_path / "requests.parquet"
    found = analyze(inputs, settings_of(None, by=("tenant",)), requests_path=str(out))
    keys = [group["tenant"] for group in found.groups]
    assert {"x", "y"} <= {key for key in keys if isinstance(key, str)}
    assert len(keys) == len(set(keys)) == 2 + len(texts) + (values.null_count > 0)
    assert pq.read_table(out)["tenant"].type == pa.string()
    rows = query("SELECT DISTINCT tenant FROM requests", inputs).rows()
    assert len(rows) == len(keys) + (1 if "nan" in str(values) else 0)


# --- The command line ----------------------------------------------------------------------------


def test_the_document_says_what_was_chosen_and_what_came_of_it(trace):
    found = document("analyze", trace, "--steady", "0.5", "--by", "run")
    assert found["settings"]["window"] == {
        "kind": "steady",
        "value": "0.5",
        "means": "the longest time of each run with 50 % or more of its most requests in flight, "
        "by arrival",
    }
    for source in found["sources"]:
        (group,) = [group for group in found["groups"] if group["run"] == source["run"]]
        assert source["window_end_ns"] - source["window_start_ns"] == round(
            group["duration_s"] * 1e9
        )
        assert source["rows_measured"] == group["requests"]
        assert source["rows_rejected"] == group["requests_outside"]
        assert group["duration_source"] == "steady part of the run"
    assert document("analyze", trace)["settings"]["window"] is None


def test_the_table_always_says_the_window(trace):
    assert "window: all of each run\n" in good("analyze", trace)
    result = run("analyze", trace, "--window", "900s,6000s")
    assert result.exit_code == 0
    assert "window: from 900s to 6000s of each run, by arrival\n" in result.stdout
    assert "T: window of the run" in result.stdout
    assert "inside  outside" in result.stdout
    (line,) = lines(result.stderr)
    assert "outside window rows left out" in line


@pytest.mark.parametrize("words", [["--steady"], ["--steady", "0.8"], ["--steady=0.8"]])
def test_steady_takes_a_share_or_none_and_never_an_input(words, trace):
    found = document("analyze", *words, trace)
    assert found["settings"]["window"]["value"] == "0.8"
    assert document("analyze", trace, *words)["groups"] == found["groups"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--steady", "2"], "steady is 2"),
        (["--steady=x"], "steady is 'x'"),
        (["--window", "10s"], "give START,END"),
        (["--trim", "1s,1s", "--steady"], "trim and steady are given"),
    ],
)
def test_wrong_options_are_refused(words, said, trace):
    refused(run("analyze", trace, *words), 2, said)
