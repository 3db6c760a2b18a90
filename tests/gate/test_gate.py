"""Real nights in a real store: what the gate says of them, and the same worked out by the reference."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from sgengine.aggregate import SummarySettings, settings_row
from sgengine.errors import DataError
from sgengine.gate import Limits, chosen_metrics, gate
from sgengine.gate.nights import _PARTS, _UNIT
from sgengine.objectives import Reader, parse_slo
from sgengine.schema import CLASSES, SETTINGS
from sgengine.store import Store
from tests.aggregate.twins import Question, expected
from tests.cli.support import document, good, refused, run
from tests.engine.make import Row, random_rows
from tests.gate import nights
from tests.gate.nights import DAY_NS, FIRST, commit, requests
from tests.gate.test_baseline import is_breach, middle
from tests.reference_slo import Clause
from tests.strategies import MS

WEEK = 10
"""Nights of the ordinary store; the last but one is bad, and in the last a group is gone."""

SLO = SummarySettings(slo=parse_slo(["ttft:350", "tpot:50"]))


def day(i: int) -> date:
    return FIRST + timedelta(i)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    found = nights.empty_store(tmp_path_factory.mktemp("nights"))
    for i in range(WEEK):
        slow = 400 if i == WEEK - 2 else 300 + i % 3
        rows = requests(day(i), "fast", "chat", ttft_ms=slow)
        if i < WEEK - 1:
            rows += requests(day(i), "slow", "code", ttft_ms=500)
        if i == WEEK - 1:
            rows += requests(day(i), "new", "chat")
        commit(found, day(i), rows, settings=SLO)
    return found


def test_an_ordinary_night_passes(store: Store) -> None:
    result = gate(store.snapshot(), day(7))
    assert result.is_open
    assert {str(verdict.group) for verdict in result.verdicts} == {"fast/chat", "slow/code"}
    assert {verdict.judgement.verdict for verdict in result.verdicts} == {"ok"}
    assert list(result.lines()) == [f"gate: {day(7)}: 0 breaches, 18 figures of 2 groups judged"]


def test_a_bad_night_has_a_line_for_every_figure_that_is_worse(store: Store) -> None:
    bad = day(WEEK - 2)
    done = run("gate", store.root, "--day", bad)
    assert done.exit_code == 1
    *breaches, closing = done.stdout.splitlines()
    named = [
        line.removeprefix(f"breach: nightly {bad} fast/chat: ").split()[0] for line in breaches
    ]
    assert named == [
        "slo_attainment",
        "request_goodput",
        "ttft_p99_ms",
        "user_idle_latency_p99_ms",
    ]
    assert closing == f"gate: {bad}: 4 breaches, 18 figures of 2 groups judged"
    assert "slo_attainment is 0, worse by 1 (100.0 %) than 1, the median of 8 nights: MAD 0" in (
        done.stdout
    )
    found = document_of("gate", store.root, "--day", bad)
    assert found["breaches"] == 4
    assert found["jobs"][0]["baseline"] == [str(day(i)) for i in reversed(range(WEEK - 2))]


def document_of(*words: object) -> dict:
    """The JSON of a gate that may be closed."""
    return json.loads(run(*words, "--json").stdout)


def test_the_bad_night_does_not_spoil_the_next_one(store: Store) -> None:
    result = gate(store.snapshot(), day(WEEK - 1))
    assert all(verdict.judgement.verdict != "breach" for verdict in result.verdicts)


def test_a_group_that_vanished_is_a_breach_and_a_new_one_has_no_baseline(store: Store) -> None:
    last = day(WEEK - 1)
    done = run("gate", store.root, "--day", last)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        f"breach: nightly {last} slow/code: no requests; 9 of 9 nights of the baseline have some",
        f"no baseline: nightly {last} new/chat: 0 comparable nights, 7 needed",
        f"gate: {last}: 1 breach, 9 figures of 2 groups judged",
    ]


def test_too_few_nights_are_said_and_pass(store: Store) -> None:
    words = ("gate", store.root, "--day", day(3))
    assert "3 comparable nights, 7 needed" in good(*words)
    assert document(*words)["breaches"] == 0
    assert "18 figures" in good(*words, "--min-nights", 3)


def test_the_last_nights_alone_are_the_baseline(store: Store) -> None:
    result = gate(store.snapshot(), day(7), limits=Limits(nights=3, least_nights=3))
    assert [row["day"] for row in result.comparisons[0].baseline] == [day(6), day(5), day(4)]


def test_a_night_that_is_not_there_closes_the_gate(store: Store) -> None:
    refused(run("gate", store.root, "--day", "2026-03-01"), 1, "2026-01-01 to 2026-01-10")
    refused(run("gate", store.root, "--day", day(1), "--job", "other"), 1, "job other", "has none")
    with pytest.raises(DataError):
        gate(store.snapshot(), date(2026, 3, 1))


def test_wrong_calls_are_refused_in_one_line(store: Store, tmp_path: Path) -> None:
    refused(run("gate", store.root, "--day", "yesterday"), 2, "2026-01-31")
    refused(run("gate", store.root, "--day", day(1), "--nights", 0), 2, "--nights")
    refused(run("gate", store.root, "--day", day(1), "--metric", "speed"), 2, "smooth_goodput")
    refused(run("gate", tmp_path, "--day", day(1)), 2, "no store")


def test_every_setting_has_a_word_for_what_differs() -> None:
    assert sorted(name for names in _PARTS.values() for name in names) == sorted(SETTINGS.names)


def test_nights_scored_otherwise_are_passed_over_and_said(tmp_path: Path) -> None:
    store = nights.empty_store(tmp_path)
    other = SummarySettings(reader=Reader(pace_ns=50 * MS), slo=SLO.slo)
    for i in range(5):
        settings = other if i in (1, 2) else SLO
        commit(store, day(i), requests(day(i), "fast", "chat"), settings=settings)
    commit(store, day(4), requests(day(4), "fast", "chat"), settings=SLO, job="weekly")
    limits = Limits(nights=3, least_nights=3)
    result = gate(store.snapshot(), day(4), limits=limits)
    nightly, weekly = result.comparisons
    assert [row["day"] for row in nightly.baseline] == [day(3), day(0)]
    assert [(night.day, night.differs) for night in nightly.unlike] == [
        (day(2), ("reader",)),
        (day(1), ("reader",)),
    ]
    assert (weekly.job, weekly.baseline) == ("weekly", ())
    assert list(result.lines()) == [
        (
            f"no baseline: nightly {day(4)} fast/chat: 2 comparable nights, 3 needed (2 nights "
            "scored otherwise: reader)"
        ),
        f"no baseline: weekly {day(4)} fast/chat: 0 comparable nights, 3 needed",
        f"gate: {day(4)}: 0 breaches, 0 figures of 2 groups judged",
    ]


def test_a_figure_that_is_gone_is_a_breach(tmp_path: Path) -> None:
    """Without a token in the whole night there is no TTFT: nothing can be said for such a night."""
    store = nights.empty_store(tmp_path)
    for i in range(4):
        gone = {"chunk_times_ns": [], "status": "failed"} if i == 3 else {}
        commit(store, day(i), requests(day(i), "fast", "chat", count=20, **gone))
    result = gate(
        store.snapshot(),
        day(3),
        limits=Limits(nights=3, least_nights=3),
        metrics=chosen_metrics(["ttft_p99_ms", "ok_share", "smooth_goodput"]),
    )
    found = {verdict.metric.name: verdict.judgement.verdict for verdict in result.verdicts}
    assert found == {"ttft_p99_ms": "undefined", "ok_share": "breach", "smooth_goodput": "breach"}
    assert "ttft_p99_ms is undefined; 305." in next(result.lines())


def test_slo_classes_are_judged_each_by_its_own_settings(tmp_path: Path) -> None:
    """Tenant x has an SLO that the last night misses and tenant y one that it keeps; z has none."""
    store = nights.empty_store(tmp_path)
    classes = [
        settings_row(SummarySettings(slo=parse_slo([clause])))
        | {"name": name, "position": i, "workload": None, "tenant": tenant}
        for i, (name, tenant, clause) in enumerate(
            [("gold", "x", "ttft:350"), ("silver", "y", "ttft:1000")]
        )
    ]
    columns = [CLASSES.column(name) for name in CLASSES.names if name not in _UNIT]
    table = pa.Table.from_pylist(classes, schema=pa.schema([c.field() for c in columns]))
    for i in range(5):
        rows = requests(day(i), "fast", "chat", ttft_ms=400 if i == 4 else 300)
        for k, row in enumerate(rows):
            row["tenant"] = "xyz"[k % 3]
        given = table if i else table.slice(0, 1)
        commit(store, day(i), rows, dimensions=("tenant",), classes=given)
    result = gate(
        store.snapshot(),
        day(4),
        limits=Limits(nights=4, least_nights=3),
        metrics=chosen_metrics(["slo_attainment", "requests"]),
    )
    found = {
        (str(v.group), v.metric.name): (v.judgement.verdict, v.judgement.value)
        for v in result.verdicts
    }
    assert found == {
        ("fast/chat", "requests"): ("ok", 40),
        ("fast/class gold", "slo_attainment"): ("breach", 0),
        ("fast/class gold", "requests"): ("ok", 14),
        ("fast/class silver", "slo_attainment"): ("ok", 1),
        ("fast/class silver", "requests"): ("ok", 13),
    }
    (comparison,) = result.comparisons
    assert [(night.day, night.differs) for night in comparison.unlike] == [(day(0), ("classes",))]


# --- Random nights against the reference ----------------------------------------------------------

NIGHTS = 8
LIMITS = Limits(nights=6, least_nights=3, mads=1)
CLAUSES = (
    Clause(kind="ttft", limit_ns=500 * MS),
    Clause(kind="pace", limit_ns=100 * MS, first_ns=800 * MS),
)
QUESTION = Question(reader=(200 * MS, 100 * MS), clauses=CLAUSES, given_ns=DAY_NS)


def random_night(i: int) -> list[Row]:
    """Requests of every shape and outcome, all in the night; now and then a workload is missing."""
    rng = Random(i)
    left_out = ("slow", "code") if i in (3, NIGHTS - 1) else None
    rows = random_rows(60, seed=i)
    for row in rows:
        arrival = nights.start_ns(day(i)) + rng.randrange(DAY_NS)
        row |= {"clock": "unix", "arrival_ns": arrival}
    return [
        row
        for row in rows
        if (row["system"], row["workload"]) != left_out
        and (row["workload"] == "code" or is_exact(row))
    ]


def is_exact(row: Row) -> bool:
    """Whether the idle latency is known: with bounds alone, smooth goodput would be undefined."""
    times, declared = row["chunk_times_ns"], row["output_tokens"] or 0
    return times is not None and (row["chunk_tokens"] is not None or declared <= len(times))


@pytest.fixture(scope="module")
def random_nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, list]]:
    store = nights.empty_store(tmp_path_factory.mktemp("random"))
    every = [random_night(i) for i in range(NIGHTS)]
    for i, rows in enumerate(every):
        commit(store, day(i), rows, settings=QUESTION.settings(), dimensions=("tenant",))
    return store, every


def figure(group: dict, name: str):
    """A figure of the reference by the metric's name."""
    if name.endswith("_share"):
        return group["status"][name.removesuffix("_share")] / group["requests"]
    if name.endswith("_p99_ms"):
        return group[f"{name.removesuffix('_p99_ms')}_ms"]["p99"]
    return group[name]


def test_verdicts_on_random_nights_equal_the_reference(random_nights) -> None:
    store, every = random_nights
    metrics = chosen_metrics(min_percent=["1"], min_absolute=["ttft_p99_ms=1"])
    result = gate(store.snapshot(), day(NIGHTS - 1), limits=LIMITS, metrics=metrics)
    figures = [expected(rows, QUESTION) for rows in every[-LIMITS.nights - 1 :]]
    *past, tonight = figures
    found = {(v.group.system, v.group.workload, v.metric.name): v for v in result.verdicts}
    seen = set()
    for (system, workload), group in tonight.items():
        for metric in metrics:
            values = [
                figure(night[system, workload], metric.name)
                if (system, workload) in night
                else (0 if metric.name == "requests" else None)
                for night in past
            ]
            known = [value for value in values if value is not None]
            value = figure(group, metric.name)
            if value is None and not known:
                continue
            verdict = found.pop((system, workload, metric.name)).judgement
            assert verdict.nights == len(known)
            if value is None or len(known) < LIMITS.least_nights:
                continue
            assert verdict.value == pytest.approx(float(value), rel=1e-9)
            assert verdict.median == pytest.approx(float(middle(map(Fraction, known))), rel=1e-9)
            limits = (metric.worse, Fraction(metric.min_percent), Fraction(metric.min_absolute))
            assert verdict.is_breach == is_breach(value, known, *limits, LIMITS.mads)
            seen.add(verdict.verdict)
    assert not found
    assert seen == {"ok", "breach"}
    assert [str(vanished.group) for vanished in result.vanished] == ["slow/code"]
