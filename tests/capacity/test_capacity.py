"""Capacity of traces: what each run was offered, what it reached, and what is left out by name."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from sgengine import measure
from sgengine.aggregate import SummarySettings, choose
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.capacity import (
    Capacities,
    Capacity,
    CapacitySettings,
    RatedRun,
    capacity,
    capacity_of,
)
from sgengine.errors import UsageError
from sgengine.executors import Serial
from sgengine.objectives import parse_slo
from tests.engine.make import Row, plain_row, table_of, write
from tests.readers.make import vllm, vllm_result
from tests.strategies import MS

S = 10**9
TTFT = parse_slo(["ttft:500"])


def settings_of(**more: Any) -> AnalyzeSettings:
    return AnalyzeSettings(summary=SummarySettings(slo=TTFT, **more), executor=Serial())


def poisson(name: str, rate: float, ttft_ms: int, *, count: int = 60, **more: Any) -> list[Row]:
    """A run of an open loop: every second request has its first token at ``ttft_ms``, others at 100."""
    rng = Random(name)
    arrivals = accumulate(int(rng.expovariate(rate) * S) for _ in range(count))
    return [
        plain_row(
            k,
            [t * MS for t in (ttft_ms if k % 2 else 100, ttft_ms + 200, ttft_ms + 400)],
            run=name,
            system="x",
            arrival_ns=at,
            **more,
        )
        for k, at in enumerate(arrivals)
    ]


def observed(rows: list[Row]) -> float:
    """(|R| - 1) / (last - first arrival), in requests/s."""
    arrivals = [row["arrival_ns"] for row in rows]
    return (len(rows) - 1) * S / (max(arrivals) - min(arrivals))


def runs_of(found: Capacities) -> dict[str, RatedRun]:
    return {run.run: run for group in found.groups for run in group.runs}


def closed_loop(name: str) -> list[Row]:
    """Four in flight: each request comes when another ends."""
    rng, free, rows = Random(3), [0] * 4, []
    for k in range(80):
        at = min(free)
        stay = rng.randrange(500, 1500) * MS
        free[free.index(at)] = at + stay
        rows.append(plain_row(k, [50 * MS, stay], run=name, system="x", arrival_ns=at))
    return rows


def test_runs_at_observed_rates(tmp_path: Path) -> None:
    """Two of three pass; each run's figures are those of analyze."""
    sweep = {"slow": (0.5, 300), "fast": (2.0, 400), "faster": (8.0, 900)}
    rows = {name: poisson(name, *how) for name, how in sweep.items()}
    paths = [str(write(tmp_path / f"{name}.parquet", rows[name])) for name in sweep]
    found = capacity(paths, settings_of())
    (group,) = found.groups
    assert group.key == {"system": "x", "workload": "w"}
    assert [run.run for run in group.runs] == ["slow", "fast", "faster"]
    assert [run.rate for run in group.runs] == [observed(rows[name]) for name in sweep]
    assert {run.rate_source for run in group.runs} == {"observed"}
    assert group.capacity == Capacity(verdict="found", rate=observed(rows["fast"]))
    assert group.capacity_per_gpu is None
    assert group.best_rate.rate == observed(rows["faster"])
    assert group.best_rate.edge == "highest"
    by_run = {g["run"]: g for g in analyze(paths, settings_of(by=("run",))).groups}
    for run in group.runs:
        for name in (
            "requests",
            "duration_s",
            "slo_attainment",
            "request_goodput",
            "token_goodput",
        ):
            assert getattr(run, name) == by_run[run.run][name]
        assert run.smooth_goodput == by_run[run.run]["smooth_goodput"]


def test_a_stated_rate_comes_first(tmp_path: Path) -> None:
    """Of the file (vLLM), or of a column request_rate, as the simulator writes it."""
    bench = vllm(tmp_path / "bench.json", vllm_result(request_rate=7.5))
    found = runs_of(capacity([str(bench)], settings_of()))
    assert [(run.rate, run.rate_source) for run in found.values()] == [(7.5, "stated")]
    rows = poisson("stated", 2.0, 300, request_rate=3.0)
    path = write(tmp_path / "rows.parquet", rows, dimensions=("request_rate",))
    assert runs_of(capacity([str(path)], settings_of()))["stated"].rate == 3.0


def test_several_seeds_at_one_stated_rate_all_must_pass(tmp_path: Path) -> None:
    seeds = [("a", 300), ("b", 300), ("c", 900)]
    paths = [
        str(
            write(
                tmp_path / f"{name}.parquet",
                poisson(name, 2.0, ttft, request_rate=2),
                dimensions=("request_rate",),
            )
        )
        for name, ttft in seeds
    ]
    assert capacity(paths[:2], settings_of()).groups[0].capacity.verdict == "open"
    (group,) = capacity(paths, settings_of()).groups
    assert group.capacity == Capacity(verdict="fails", below=2.0)
    assert group.best_rate.edge == "only"


@pytest.mark.parametrize(
    ("rows", "columns", "said"),
    [
        (closed_loop("r"), (), "looks like a closed loop of about 4 in flight"),
        (poisson("r", 2.0, 300, concurrency=8), ("concurrency",), "closed loop: it states 8"),
        (poisson("r", 2.0, 300, count=1), (), "no rate: all its requests arrive at one time"),
        ([*poisson("r", 2.0, 300), plain_row(99, [5], run="r", system="x")], (), "no rate: 1 of 61"),
        (
            [row | {"request_rate": 1 + k % 2} for k, row in enumerate(poisson("r", 2.0, 300))],
            ("request_rate",),
            "several rates (1, 2)",
        ),
    ],
    ids=["closed loop", "stated concurrency", "one request", "no arrival", "several rates"],
)  # fmt: skip
def test_a_run_without_an_offered_rate_is_left_out_by_name(
    tmp_path: Path, rows: list[Row], columns: tuple[str, ...], said: str
) -> None:
    good = write(tmp_path / "good.parquet", poisson("good", 1.0, 300))
    bad = write(tmp_path / "bad.parquet", rows, dimensions=columns)
    (group,) = capacity([str(good), str(bad)], settings_of()).groups
    run = group.runs[-1]
    assert (run.run, run.rate) == ("r", None)
    assert run.excluded is not None
    assert said in run.excluded
    assert group.capacity.verdict == "open"
    (alone,) = capacity([str(bad)], settings_of()).groups
    assert alone.capacity == Capacity(verdict="no run")


def test_a_stated_rate_makes_a_closed_loop_count(tmp_path: Path) -> None:
    rows = [row | {"request_rate": 4.0, "concurrency": 4} for row in closed_loop("r")]
    path = write(tmp_path / "r.parquet", rows, dimensions=("request_rate", "concurrency"))
    assert runs_of(capacity([str(path)], settings_of()))["r"].rate == 4.0


def test_groups_of_other_columns_keep_the_rate_of_the_whole_run(tmp_path: Path) -> None:
    rows = [row | {"tenant": "x" if k % 3 else "y"} for k, row in enumerate(poisson("r", 2.0, 300))]
    path = write(tmp_path / "r.parquet", rows, dimensions=("tenant",))
    found = capacity([str(path)], settings_of(by=("tenant",)))
    assert [group.key for group in found.groups] == [{"tenant": "x"}, {"tenant": "y"}]
    assert [group.runs[0].requests for group in found.groups] == [40, 20]
    assert {group.runs[0].rate for group in found.groups} == {observed(rows)}
    by_run = capacity([str(path)], settings_of(by=("run", "tenant")))
    assert [group.key for group in by_run.groups] == [
        {"run": "r", "tenant": "x"},
        {"run": "r", "tenant": "y"},
    ]


def test_a_window_leaves_out_requests_and_their_arrivals(tmp_path: Path) -> None:
    rows = poisson("r", 2.0, 300)
    path = write(tmp_path / "r.parquet", rows)
    first = rows[0]["arrival_ns"]
    inside = [row for row in rows if first + 5 * S <= row["arrival_ns"] < first + 15 * S]
    settings = settings_of(selection=choose(window="5s,15s"))
    run = runs_of(capacity([str(path)], settings))["r"]
    assert (run.requests, run.rate) == (len(inside), observed(inside))


def test_measured_requests_give_the_same(tmp_path: Path) -> None:
    """REQUESTS and RUNS suffice: no tokens, no files."""
    rows = [row | {"request_rate": None} for row in poisson("a", 0.5, 300)]
    rows += poisson("b", 2.0, 900, request_rate=2.0)
    table = table_of(rows, ("request_rate",))
    path = write(tmp_path / "ab.parquet", rows, dimensions=("request_rate",))
    measured = measure(table)
    asked = CapacitySettings(attainment=0.4, gpus=2)
    ours = capacity_of(measured.requests.to_batches(), measured.runs, settings_of(), asked=asked)
    theirs = capacity([str(path)], settings_of(), asked=asked)
    assert ours.groups == theirs.groups
    assert ours.groups[0].capacity_per_gpu == Capacity(verdict="open", at_least=1.0)
    stated = pa.table({"run": ["a"], "request_rate": [0.25], "stated_duration_ns": [100 * S]})
    run = runs_of(capacity_of(measured.requests.to_batches(), stated, settings_of()))["a"]
    assert (run.rate, run.duration_s) == (0.25, 100.0)


def test_without_an_slo_there_is_a_best_rate_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "r.parquet", poisson("r", 2.0, 300))
    (group,) = capacity([str(path)]).groups
    assert group.capacity == Capacity(verdict="no SLO")
    assert group.best_rate.edge == "only"


def test_wrong_settings_are_refused() -> None:
    for share in (0.0, -1.0, 1.1, float("nan")):
        with pytest.raises(UsageError, match="attainment"):
            CapacitySettings(attainment=share)
    with pytest.raises(UsageError, match="gpus"):
        CapacitySettings(gpus=0)
