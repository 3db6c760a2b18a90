"""Random requests in Parquet files: every figure and every column equals a brute-force computation."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sgengine.analyze import Analysis, AnalyzeSettings, analyze
from sgengine.api import query
from sgengine.compute import MeasureSettings
from sgengine.executors import Executor, Serial, Threads
from sgengine.schema import GAPS, REJECTS, REQUESTS, RUNS
from tests.aggregate import twins
from tests.aggregate.twins import Question
from tests.bridge import reader_of, request_rows
from tests.compute.twins import assert_same_row, twin_of
from tests.effort import LONG
from tests.engine.make import Row, random_rows, write
from tests.reference_slo import Benefit, Clause
from tests.strategies import MS

N = 3000 if LONG > 1 else 1200
ROWS = random_rows(N, seed=20260701)
DIMENSIONS = ("tenant", "priority")
CUTS = (0, 700, 701, N - 300, N)

QUESTIONS = {
    "the defaults": Question(reader=(200 * MS, 200 * MS)),
    "joint SLO": Question(
        reader=(300 * MS, 50 * MS),
        clauses=(
            Clause(kind="ttft", limit_ns=500 * MS),
            Clause(kind="tpot", limit_ns=50 * MS),
            Clause(kind="tokens", limit_ns=50 * MS, first_ns=300 * MS, share=Fraction(9, 10)),
        ),
        itl_rule="spread",
        unfinished_ns=2000 * MS,
        denominator="determined",
        population="ok",
    ),
    "by tenant and priority, another reader's pace": Question(
        reader=(200 * MS, 20 * MS),
        by=("tenant", "priority"),
        clauses=(
            Clause(kind="pace", limit_ns=100 * MS, first_ns=800 * MS),
            Clause(kind="tbt", limit_ns=400 * MS),
            Clause(kind="e2e", limit_ns=3000 * MS),
        ),
        spec=Benefit(shape="exponential", alpha=Fraction(1), tau_s=Fraction(1)),
        itl_rule="token",
        denominator="completed",
    ),
    "by hour and system": Question(
        reader=(900 * MS, 250 * MS),
        by=("hour", "system"),
        clauses=(Clause(kind="pace", limit_ns=250 * MS, first_ns=900 * MS),),
        spec=Benefit(shape="fraction", alpha=Fraction(1, 2), tau_s=Fraction(1, 4)),
        itl_rule="divide",
    ),
}

every_question = pytest.mark.parametrize("name", list(QUESTIONS))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Four files of several row groups each, one of a single request."""
    folder = tmp_path_factory.mktemp("deliveries")
    parts = pairwise(CUTS)
    return [
        str(write(folder / f"{k}.parquet", ROWS[a:b], dimensions=DIMENSIONS, group=97))
        for k, (a, b) in enumerate(parts)
    ]


@pytest.fixture
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions of a few row groups, batches of a few rows."""
    monkeypatch.setattr("sgengine.analyze.settings._LARGEST_BATCH", 20_000)


def asked(question: Question, executor: Executor) -> AnalyzeSettings:
    reader = reader_of(question.reader)
    return AnalyzeSettings(
        measure=MeasureSettings(reader=reader, itl_rule=question.itl_rule),
        summary=question.settings(),
        executor=executor,
    )


def by_key(groups: list[dict[str, Any]], by: tuple[str, ...]) -> dict[tuple[Any, ...], Row]:
    named = [dict(group) for group in groups]
    found = {tuple(group.pop(column) for column in by): group for group in named}
    assert len(found) == len(groups)
    return found


@every_question
@pytest.mark.usefixtures("_small_batches")
def test_every_figure_of_every_group_is_that_of_a_brute_force_computation(
    inputs: list[str], name: str
) -> None:
    question = QUESTIONS[name]
    analysis = analyze(inputs, asked(question, Threads(workers=2)))
    found = by_key(analysis.groups, question.by)
    wanted = twins.expected(ROWS, question)
    assert set(found) == set(wanted)
    for key, group in found.items():
        twins.assert_same_figures(group, wanted[key])
    assert analysis.is_clean


@pytest.mark.usefixtures("_small_batches")
def test_every_column_of_the_requests_file_is_that_of_a_brute_force_computation(
    inputs: list[str], tmp_path: Path
) -> None:
    question = QUESTIONS["joint SLO"]
    out = tmp_path / "requests.parquet"
    settings = asked(question, Threads(workers=2))
    analysis = analyze(inputs, settings, requests_path=str(out), keep_requests=True)
    table = pq.read_table(out)
    assert table.column_names == [*REQUESTS.names, *DIMENSIONS]
    assert analysis.requests is not None
    found = request_rows(table)
    assert request_rows(analysis.requests) == found
    assert len(found) == len(ROWS)
    for got, row in zip(found, ROWS, strict=True):
        assert_same_row(got, twin_of(row, *question.reader))
        assert {name: got[name] for name in DIMENSIONS} == {name: row[name] for name in DIMENSIONS}


def without_memory(analysis: Analysis) -> tuple[Any, ...]:
    tables: list[pa.Table] = [analysis.gaps, analysis.runs, analysis.rejects, analysis.requests]
    return analysis.groups, [table.to_pylist() for table in tables]


def test_where_and_in_how_many_parts_it_is_worked_changes_no_bit(
    inputs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    question = QUESTIONS["joint SLO"]
    whole = analyze(inputs, asked(question, Serial()), keep_requests=True)
    monkeypatch.setattr("sgengine.analyze.settings._LARGEST_BATCH", 5_000)
    parts = analyze(inputs, asked(question, Threads(workers=3)), keep_requests=True)
    assert without_memory(parts) == without_memory(whole)


def test_samples_and_numbers_beyond_the_budget_change_no_bit(
    inputs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Further passes over the files, and numbers that wait on disk."""
    for name in ("joint SLO", "by tenant and priority, another reader's pace"):
        question = QUESTIONS[name]
        ample = analyze(inputs, asked(question, Serial()))
        with monkeypatch.context() as patched:
            patched.setattr(AnalyzeSettings, "share_bytes", 1000)
            scarce = analyze(inputs, asked(question, Threads(workers=2)))
        assert scarce.groups == ample.groups


def test_the_order_of_files_changes_no_figure(inputs: list[str]) -> None:
    settings = asked(QUESTIONS["by hour and system"], Serial())
    assert analyze(inputs[::-1], settings).groups == analyze(inputs, settings).groups


def test_the_tables_have_their_declared_schemas(inputs: list[str]) -> None:
    analysis = analyze(inputs, asked(QUESTIONS["the defaults"], Serial()), keep_requests=True)
    assert analysis.gaps is not None
    assert analysis.requests is not None
    assert analysis.gaps.schema.equals(GAPS.schema())
    assert analysis.runs.schema.equals(RUNS.schema())
    assert analysis.rejects.schema.equals(REJECTS.schema())
    assert analysis.requests.select(list(REQUESTS.names)).schema.equals(REQUESTS.schema())


def test_without_figures_the_tables_are_the_same(inputs: list[str]) -> None:
    """Figures of groups are not made, and nothing is pooled for them."""
    settings = AnalyzeSettings(measure=MeasureSettings(gaps=True))
    whole = analyze(inputs, settings, keep_requests=True)
    found = analyze(inputs, settings, keep_requests=True, figures=False)
    assert whole.groups
    assert found.groups == []
    for name in ("requests", "gaps", "rejects", "runs"):
        assert getattr(found, name).equals(getattr(whole, name)), name
    assert query("SELECT 1", inputs, settings).analysis.groups == []  # type: ignore[union-attr]


def test_progress_counts_partitions_up_to_all_of_them(inputs: list[str]) -> None:
    seen: list[tuple[int, int]] = []
    settings = asked(QUESTIONS["the defaults"], Serial())
    analyze(inputs, settings, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 4)
    assert seen[-1] == (4, 4)
    assert [done for done, _ in seen] == [0, 1, 2, 3, 4]
