"""Groups of rows and their figures by the reference, and comparing the engine's with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st

from sgengine.aggregate import DEFAULT_BY, HOUR_NS, QUANTILES, STATISTICS, SummarySettings
from tests import reference_groups as groups
from tests import strategies as own
from tests.bridge import benefit_of, itl_of, reader_of, slo_of
from tests.reference import measure_row
from tests.reference_slo import Benefit, Clause, Row, attains, row_benefit

LATENCIES = ("ttft_ms", "tpot_ms", "itl_ms", "e2e_latency_ms", "user_idle_latency_ms")
SOURCES = {
    "stated": "given",
    "slice": "slice",
    "run": "stated by the run",
    "span": "observed over the run",
    "run+span": "observed over the run and stated by the run",
}
CLOSE = 1e-12
"""Relative difference of figures that both sides round, in another order of operations."""

LINEAR = Benefit()

ITL_MS = 1e-12
"""Samples that are no whole ns are added up to the nearest 2^-20 ns (aggregate.moments)."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """How a summary is asked for: objectives and conventions, in the reference's terms."""

    reader: tuple[int, int]
    by: tuple[str, ...] = DEFAULT_BY
    clauses: tuple[Clause, ...] = ()
    spec: Benefit = LINEAR
    unfinished_ns: int = 0
    denominator: str = "all"
    population: str = "defined"
    itl_rule: str = "chunk"
    given_ns: int | None = None
    stated_ns: Mapping[str, int] | None = None

    def settings(self, **more: Any) -> SummarySettings:
        """The engine's settings."""
        return SummarySettings(
            by=self.by,
            reader=reader_of(self.reader),
            benefit=benefit_of(self.spec, self.unfinished_ns),
            slo=slo_of(self.clauses),
            denominator=self.denominator,
            population=self.population,
            itl_rule=self.itl_rule,
            duration_ns=self.given_ns,
            **more,
        )


@st.composite
def slos(draw: st.DrawFn, reader: tuple[int, int]) -> tuple[Clause, ...]:
    """Clauses of different kinds, none too."""
    return tuple(
        draw(st.lists(own.clauses(reader), max_size=4, unique_by=lambda clause: clause.kind))
    )


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Any reader, SLO, benefit, denominator, population, chunk rule, grouping and window."""
    reader = draw(own.readers(own.HOUR))
    durations = st.integers(1, 10 * own.HOUR)
    return Question(
        reader=reader,
        by=draw(
            st.sampled_from(
                [
                    DEFAULT_BY,
                    (),
                    ("run",),
                    ("hour",),
                    ("system", "hour"),
                    ("day", "run"),
                    ("clock",),
                ]
            )
        ),
        clauses=draw(slos(reader)),
        spec=draw(own.benefits()),
        unfinished_ns=draw(st.sampled_from([0, own.MS, own.HOUR])),
        denominator=draw(st.sampled_from(["all", "sent", "completed", "determined"])),
        population=draw(st.sampled_from(["defined", "ok"])),
        itl_rule=draw(st.sampled_from(["chunk", "spread", "token", "divide"])),
        given_ns=draw(st.one_of(st.none(), durations)),
        stated_ns=draw(st.dictionaries(st.sampled_from(["a", "b"]), durations)),
    )


@st.composite
def rows(draw: st.DrawFn, max_size: int = 8) -> list[dict[str, Any]]:
    """DELIVERIES rows on both clocks."""
    clocks = st.sampled_from(["unix", "monotonic"])
    return [row | {"clock": draw(clocks)} for row in draw(own.deliveries(max_size=max_size))]


def key_of(row: Row, by: tuple[str, ...]) -> tuple[Any, ...]:
    """The group that a row belongs to."""
    return tuple(_slice_of(row, name) if name in ("hour", "day") else row[name] for name in by)


def _slice_of(row: Row, name: str) -> int | None:
    length = HOUR_NS if name == "hour" else 24 * HOUR_NS
    known = row["clock"] == "unix" and row["arrival_ns"] is not None
    return row["arrival_ns"] // length * length if known else None


def expected(
    deliveries: Sequence[Row], question: Question
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Every group's figures by the reference, and what the engine adds to them."""
    measured = [(row, measure_row(row, *question.reader)) for row in deliveries]
    found = {}
    for key in {key_of(row, question.by) for row in deliveries}:
        mine = [(row, out) for row, out in measured if key_of(row, question.by) == key]
        found[key] = _figures(mine, measured, key, question)
    return found


def _figures(
    mine: Sequence[tuple[Row, Row]],
    everything: Sequence[tuple[Row, Row]],
    key: tuple[Any, ...],
    question: Question,
) -> dict[str, Any]:
    window, source = _window(mine, everything, key, question)
    requests = [out for _, out in mine]
    figures = groups.summarize(
        requests,
        window=window,
        clauses=question.clauses,
        spec=question.spec,
        unfinished_ns=question.unfinished_ns,
        denominator=question.denominator,
        population=question.population,
        itl=[itl_of(row, question.itl_rule) for row, _ in mine],
    )
    figures["duration_s"] = figures["duration_s"] or None
    figures["duration_source"] = SOURCES[source]
    good = [row for row in requests if attains(row, question.clauses) is True]
    kinds = {clause.kind for clause in question.clauses}
    if "tpot" in kinds:
        figures["single_token_passes"] = sum(row["n_output_tokens"] == 1 for row in good)
    if "tbt" in kinds:
        figures["single_chunk_passes"] = sum(map(_is_one_chunk, good))
    figures["scale"] = _scale(requests, question, window)
    return figures


def _is_one_chunk(row: Row) -> bool:
    return row["n_chunks"] == 1 or (row["n_chunks"] is None and row["n_output_tokens"] == 1)


def _window(
    mine: Sequence[tuple[Row, Row]],
    everything: Sequence[tuple[Row, Row]],
    key: tuple[Any, ...],
    question: Question,
) -> tuple[int | None, str]:
    runs = {row["run"] for row, _ in mine}
    spans = {run: [out for row, out in everything if row["run"] == run] for run in runs}
    lengths = [
        HOUR_NS if name == "hour" else 24 * HOUR_NS
        for name, value in zip(question.by, key, strict=True)
        if name in ("hour", "day") and value is not None
    ]
    part = (0, min(lengths)) if lengths else None
    return groups.window_ns(spans, question.stated_ns, question.given_ns, part)


def _scale(requests: Sequence[Row], question: Question, window: int | None) -> float:
    """The size of the terms of smooth goodput: what its rounding errors are relative to."""
    terms = 0.0
    for row in requests:
        for bound in ("", "min", "max"):
            value = row_benefit(row, question.spec, question.unfinished_ns, bound)
            terms += 0.0 if value is None else abs(float(value)) + 2 * row["n_output_tokens"]
    return terms * 1e9 / window if window else 0.0


def assert_same_figures(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Every figure: whole numbers and labels equal, rates and statistics but for rounding."""
    names = set(wanted) - {"scale"}
    assert set(found) - {"target_met"} == names
    for name in names:
        if name in LATENCIES:
            error = ITL_MS if name == "itl_ms" else 0.0
            assert_same_distribution(found[name], wanted[name], error)
        elif name.startswith("smooth_goodput") and wanted[name] is not None:
            near = pytest.approx(wanted[name], rel=CLOSE, abs=CLOSE * wanted["scale"])
            assert found[name] == near, name
        elif isinstance(wanted[name], float):
            assert found[name] == pytest.approx(wanted[name], rel=CLOSE), name
        else:
            assert found[name] == wanted[name], name


def assert_same_distribution(
    found: Mapping[str, Any], wanted: Mapping[str, Any], error: float = 0.0
) -> None:
    """Statistics within rounding of the largest value; percentiles beyond the count marked."""
    count = wanted["count"]
    assert found["count"] == count
    error = max(error, CLOSE * (wanted["max"] or 0.0))
    for name in STATISTICS:
        if wanted[name] is None:
            assert found[name] is None, name
        else:
            near = pytest.approx(wanted[name], rel=CLOSE, abs=error)
            assert found[name] == near, name
    needed = {"p50": 2, "p90": 10, "p95": 20, "p99": 100, "p99_9": 1000}
    marked = [name for name, _ in QUANTILES if 0 < count < needed[name]]
    assert found["unsupported"] == marked
