"""Audits: every figure before and after, the properties of METRICS 3 and 5, and the break-even points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sgengine.analyze import AnalyzeSettings
from sgengine.audit import (
    Abandon,
    Audited,
    AuditedGroup,
    Delay,
    Operation,
    audit_table,
    parse_abandon,
    parse_delay,
)
from sgengine.compute import MeasureSettings
from sgengine.errors import UsageError
from sgengine.executors import Serial
from sgengine.objectives import Slo
from tests import strategies as own
from tests.aggregate import twins
from tests.aggregate.twins import Question
from tests.audit.test_change import GAP, slos
from tests.audit.twins import abandoned, break_even_alpha, break_even_idle_ns, delayed
from tests.bridge import reader_of, slo_of
from tests.effort import FEWER
from tests.engine.make import plain_row
from tests.reference import measure_row
from tests.reference_groups import span_ns
from tests.reference_slo import Benefit, Clause, attains, row_benefit
from tests.strategies import MS, deliveries_table

Row = dict[str, Any]
S = 10**9


def settings_of(question: Question) -> AnalyzeSettings:
    measure = MeasureSettings(reader=reader_of(question.reader), itl_rule=question.itl_rule)
    return AnalyzeSettings(measure=measure, summary=question.settings(), executor=Serial())


def audited(rows: Sequence[Row], operations: Sequence[Operation], question: Question) -> Audited:
    return audit_table(deliveries_table(rows), operations, settings_of(question))


def one(rows: Sequence[Row], operation: Operation, question: Question) -> AuditedGroup:
    """The audit of one operation, all requests being one group."""
    (group,) = audited(rows, [operation], replace(question, by=())).groups
    return group


# --- By hand -------------------------------------------------------------------------------------

READER = (200 * MS, 200 * MS)
HAND = [
    plain_row(0, [t * MS for t in (200, 400, 600, 800)], arrival_ns=0),
    plain_row(1, [t * MS for t in (100, 200, 5600, 5700)], arrival_ns=0, end_ns=6000 * MS),
    plain_row(2, [100 * MS, 10_400 * MS], chunk_tokens=[1, 1], arrival_ns=0, status="failed"),
]
"""l = 0; 5 s (token 3 is due at 0.6 s, 2 tokens are lost then); 10 s (token 2, due at 0.4 s)."""


def test_what_abandoning_pays_by_hand() -> None:
    """L = 2 + 1 tokens, D = 5 + 10 s, C = 1 (one was ok). At alpha 2.5, U = 1 s the change is
    2.5 (15 - 1) - 3 = 32 tokens; it is 0 at alpha 3 / 14, and at U = 15 - 3 / 2.5 = 13.8 s.
    The ok request alone gains below U = 5 - 2 / 2.5 = 4.2 s."""
    group = one(HAND, parse_abandon("pace:200"), Question(reader=READER, unfinished_ns=S))
    effects, even = group.effects, group.break_even
    assert (effects.cut, effects.delayed, effects.undetermined, effects.unknown) == (2, 0, 0, 0)
    assert (effects.lost_tokens, effects.spared_ns, effects.unfinished) == (3, 15 * S, 1)
    assert (effects.gaining, effects.losing) == (2, 0)
    assert even.benefit_change == 32.0
    assert even.alpha == float(Fraction(3, 14))
    assert (even.unfinished_idle_s, even.closed_s) == (13.8, 4.2)
    assert even.words == (
        "pays at every alpha above 0.214286",
        "at alpha 2.5 pays while the unfinished idle is below 13.8 s",
    )


def test_the_figures_on_both_sides_by_hand() -> None:
    """T is 10.4 s on both sides: the request that failed at 10.4 s now ends at 0.4 s."""
    group = one(HAND, parse_abandon("pace:200"), Question(reader=READER))
    before: Any = group.before
    after: Any = group.after
    change: Any = group.change
    assert (before["duration_s"], after["duration_s"]) == (10.4, 10.4)
    assert (before["requests"], after["requests"]) == (3, 3)
    assert before["status"] | {"ok": 1, "failed": 0, "cancelled": 2} == after["status"]
    assert change["status"] == {
        name: {"ok": -1, "failed": -1, "cancelled": 2}.get(name, 0) for name in before["status"]
    }
    assert (before["slo_attainment"], after["slo_attainment"]) == (1 / 3, 1 / 3)
    assert (before["slo_attainment_completed"], after["slo_attainment_completed"]) == (0.5, 1.0)
    assert before["smooth_goodput"] == pytest.approx((10 - 2.5 * 15) / 10.4)
    assert after["smooth_goodput"] == pytest.approx(7 / 10.4)
    assert change["smooth_goodput"] == after["smooth_goodput"] - before["smooth_goodput"]
    assert change["ttft_ms"]["count"] == 0
    assert change["user_idle_latency_ms"]["max"] == -10_000.0
    assert (before["duration_source"], "duration_source" in change) == (
        "observed over the run",
        False,
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"unfinished_ns": 20 * S}, ("pays at no alpha: it spares no waiting beyond the unfinished idle", "at alpha 2.5 pays while the unfinished idle is below 13.8 s")),
        ({"spec": Benefit(alpha=Fraction(1, 10))}, ("pays at every alpha above 0.2", "at alpha 0.1 pays at no unfinished idle")),
        ({"spec": Benefit(alpha=Fraction(0))}, ("pays at every alpha above 0.2", "at alpha 0 does not pay, whatever the unfinished idle")),
        ({"spec": Benefit(shape="step", alpha=Fraction(1))}, ("pays at every alpha above 0.5",)),
        ({"spec": Benefit(shape="step", alpha=Fraction(0))}, ("unknown: alpha is 0",)),
    ],
)  # fmt: skip
def test_where_abandoning_does_not_pay(more: dict[str, Any], words: tuple[str, ...]) -> None:
    """step: f = n if l > 0: 4 + 2 tokens before, none after, 3 lost: even at 3 / 6."""
    group = one(HAND, parse_abandon("pace:200"), Question(reader=READER, **more))
    assert group.break_even.words == words


def test_nothing_to_abandon_and_what_only_failed_says_so() -> None:
    calm = one(HAND[:1], parse_abandon("pace:200"), Question(reader=READER))
    assert calm.break_even.words == ("nothing was abandoned",)
    assert calm.break_even.benefit_change == 0.0
    failed = one(HAND[2:], parse_abandon("pace:200"), Question(reader=READER, unfinished_ns=S))
    assert failed.break_even.words[1] == "at alpha 2.5 pays, whatever the unfinished idle"
    assert (failed.break_even.closed_s, failed.break_even.alpha) == (None, 0.1)


def test_an_unknown_idle_latency_leaves_the_break_even_unknown() -> None:
    """First and last token alone: cut before the first, whose waiting had bounds only."""
    row = plain_row(0, None, timing="first_last", ttft_ns=900, last_ns=5 * S, output_tokens=9)
    group = one([row, *HAND], parse_abandon("ttft:899ns"), Question(reader=(1, 1)))
    assert group.effects.unknown == 1
    assert group.effects.lost_tokens == 9 + 4 + 4 + 2
    assert group.break_even.benefit_change is None
    assert group.break_even.words == ("unknown: 1 changed requests have no idle latency",)


def test_without_an_slo_it_is_that_of_the_first_operation() -> None:
    operations = [parse_delay("tbt:100"), parse_abandon("pace:300 first:1s")]
    for some, clauses in (
        (operations, ("tbt:100ms",)),
        (operations[::-1], ("pace:300ms first:1s",)),
    ):
        slo = audited(HAND, some, Question(reader=READER)).analysis.settings.summary.slo
        assert slo is not None
        assert slo.clauses() == clauses
    given = Question(reader=READER, clauses=(Clause(kind="e2e", limit_ns=S),))
    assert audited(HAND, operations, given).analysis.settings.summary.slo == Slo(e2e_ns=S)


def test_a_column_that_an_audit_changes_is_no_group() -> None:
    for name in ("status", "end_ns", "ttft_ns", "n_output_tokens"):
        with pytest.raises(UsageError, match=name):
            audited(HAND, [parse_delay("tbt:1")], Question(reader=READER, by=("system", name)))
    with pytest.raises(UsageError, match="no operation"):
        audited(HAND, [], Question(reader=READER))


# --- Every figure, against the twin --------------------------------------------------------------


@st.composite
def operations_and_twin(draw: st.DrawFn) -> tuple[list[Operation], list[Any]]:
    """One or two operations, and the functions of a row that they are."""
    gap, clauses = draw(GAP), draw(slos())
    slo = slo_of(clauses)
    assert slo is not None
    both = [
        (Delay(threshold_ns=gap), lambda row: delayed(row, gap)),
        (Abandon(slo=slo), lambda row: abandoned(row, clauses)),
    ]
    chosen = draw(st.sampled_from([both[:1], both[1:], both, both[::-1]]))
    return [operation for operation, _ in chosen], [twin for _, twin in chosen]


def changed(rows: Sequence[Row], functions: Sequence[Any]) -> list[Row]:
    """The rows after all of them; undetermined ones stay as they were then."""
    out = []
    for row in rows:
        for function in functions:
            row, mark = function(row)
            if mark == "undetermined":
                break
        out.append(row)
    return out


@FEWER
@given(own.deliveries(min_size=1), twins.questions(), operations_and_twin())
def test_every_figure_on_both_sides_equals_the_twin(
    rows: list[Row], question: Question, both: tuple[list[Operation], list[Any]]
) -> None:
    """T of the trace as it is, on both sides: what runs state, else what was observed before."""
    assume(question.clauses)
    question = replace(question, stated_ns=None)  # a table in memory has no file to state it
    found = audited(rows, both[0], question)
    before = twins.expected(rows, question)
    fixed = replace(question, stated_ns=_spans(rows))
    after = twins.expected(changed(rows, both[1]), fixed)
    assert [tuple(group.key.values()) for group in found.groups] == [
        tuple(dict(list(each.items())[: len(question.by)]).values())
        for each in found.analysis.groups
    ]
    assert {tuple(group.key.values()) for group in found.groups} == set(before)
    for group in found.groups:
        key = tuple(group.key.values())
        after[key]["duration_source"] = before[key]["duration_source"]
        for side, wanted in ((group.before, before[key]), (group.after, after[key])):
            figures = dict(side)
            completed = figures.pop("slo_attainment_completed")
            ok = wanted["status"]["ok"]
            assert completed == (wanted["attained"] / ok if ok else None)
            twins.assert_same_figures(figures, wanted)


def _spans(rows: Sequence[Row]) -> dict[str, int]:
    """The length of each run, as it is; runs without arrivals have none."""
    measured = [measure_row(row, *READER) for row in rows]
    found = {
        run: span_ns([row for row in measured if row["run"] == run])
        for run in {row["run"] for row in rows}
    }
    return {run: length for run, length in found.items() if length is not None}


# --- Properties (METRICS 3 and 5) ----------------------------------------------------------------


@FEWER
@given(own.deliveries(min_size=1), twins.questions(), GAP)
def test_a_delay_cannot_lower_tbt_attainment_nor_raise_benefit(
    rows: list[Row], question: Question, gap: int
) -> None:
    question = replace(question, clauses=(Clause(kind="tbt", limit_ns=gap),), given_ns=S)
    group = one(rows, Delay(threshold_ns=gap), question)
    before: Any = group.before
    after: Any = group.after
    assert after["attained"] >= before["attained"]
    assert after["status"] == before["status"]
    for name in ("output_throughput", "request_throughput", "total_throughput"):
        assert after[name] == before[name]
    assert (group.effects.gaining, group.effects.lost_tokens, group.effects.unfinished) == (0, 0, 0)
    assert group.effects.spared_ns <= 0
    for name in ("smooth_goodput", "smooth_goodput_min", "smooth_goodput_max"):
        if before[name] is not None:
            slack = 1e-9 * abs(before[name]) if question.spec.shape == "exponential" else 0.0
            assert after[name] <= before[name] + slack
    if before["token_attainment"] is not None:
        assert after["token_attainment"] <= before["token_attainment"]


@FEWER
@given(own.deliveries(min_size=1), twins.questions(), slos())
def test_abandoning_moves_completed_attainment_alone(
    rows: list[Row], question: Question, clauses: list[Clause]
) -> None:
    """Up or not at all; attainment of all requests and both goodputs stay, and so do T and R."""
    question = replace(question, clauses=tuple(clauses), denominator="all")
    slo = slo_of(clauses)
    assert slo is not None
    for group in audited(rows, [Abandon(slo=slo)], question).groups:
        before: Any = group.before
        after: Any = group.after
        same = ("requests", "attained", "slo_attainment", "request_goodput", "token_goodput")
        for name in (*same, "duration_s", "duration_source"):
            assert after[name] == before[name], name
        cut = after["status"]["cancelled"] - before["status"]["cancelled"]
        assert sum(before["status"].values()) == sum(after["status"].values())
        assert 0 <= cut <= group.effects.cut
        if None not in (before["slo_attainment_completed"], after["slo_attainment_completed"]):
            assert after["slo_attainment_completed"] >= before["slo_attainment_completed"]


ALPHAS = st.sampled_from([Fraction(a) for a in ("0", "1/8", "1", "5/2", "10", "1000")])
IDLES = st.sampled_from([0, 1, MS, S, 60 * S, own.HOUR])


@FEWER
@given(own.deliveries(min_size=1, shape=own.sized_rows()), own.readers(), ALPHAS, IDLES)
def test_a_request_gains_exactly_if_what_is_spared_exceeds_its_tokens(
    rows: list[Row], reader: tuple[int, int], alpha: Fraction, idle_ns: int
) -> None:
    """alpha (l - U) > tokens lost, for ok requests abandoned at the pace of the measured reader."""
    spec = Benefit(alpha=alpha)
    rows = [row | {"status": "ok"} for row in rows]
    question = Question(reader=reader, spec=spec, unfinished_ns=idle_ns)
    clause = Clause(kind="pace", limit_ns=reader[1], first_ns=reader[0])
    slo = slo_of([clause])
    assert slo is not None
    effects = one(rows, Abandon(slo=slo), question).effects
    gaining = losing = 0
    for row in rows:
        left, mark = abandoned(row, [clause])
        before, after = (measure_row(each, *reader) for each in (row, left))
        assert (mark == "cut") == (attains(before, [clause]) is False and before["n_chunks"] > 0)
        if mark == "cut":
            assert after["user_idle_latency_ns"] in (0, None)
            lost = before["n_output_tokens"] - after["n_output_tokens"]
            spared = Fraction(before["user_idle_latency_ns"] - idle_ns, S)
            rises = _benefit(after, spec, idle_ns) - _benefit(before, spec, idle_ns)
            assert (rises > 0) == (alpha * spared > lost)
            gaining += alpha * spared > lost
            losing += alpha * spared < lost
    assert (effects.gaining, effects.losing) == (gaining, losing)


def _benefit(row: Row, spec: Benefit, idle_ns: int) -> Fraction:
    found = row_benefit(row, spec, idle_ns)
    assert found is not None
    return found


@FEWER
@given(
    own.deliveries(min_size=1, shape=own.sized_rows()),
    own.readers(),
    operations_and_twin(),
    ALPHAS,
    IDLES,
)
def test_break_even_points_are_where_the_change_is_nothing(
    rows: list[Row],
    reader: tuple[int, int],
    both: tuple[list[Operation], list[Any]],
    alpha: Fraction,
    idle_ns: int,
) -> None:
    """Equal to a line through two points of the benefit, for any operations and statuses."""
    spec = Benefit(alpha=alpha)
    question = Question(reader=reader, by=(), spec=spec, unfinished_ns=idle_ns)
    (group,) = audited(rows, both[0], question).groups
    even = group.break_even
    pairs = [
        (measure_row(old, *reader), measure_row(new, *reader))
        for old, new in zip(rows, changed(rows, both[1]), strict=True)
    ]
    rises = [_benefit(b, spec, idle_ns) - _benefit(a, spec, idle_ns) for a, b in pairs]
    assert even.benefit_change == float(sum(rises))
    assert group.effects.gaining == sum(rise > 0 for rise in rises)
    assert group.effects.losing == sum(rise < 0 for rise in rises)
    if not group.effects.cut:
        return
    wanted = break_even_alpha(pairs, spec, idle_ns)
    assert even.alpha == (None if wanted is None else float(wanted))
    idle = break_even_idle_ns(pairs, spec)
    assert even.unfinished_idle_s == (None if idle is None else float(idle / S))
    if alpha:
        assert even.closed_s == _closed(pairs, alpha)


def _closed(pairs: Sequence[tuple[Row, Row]], alpha: Fraction) -> float | None:
    """The least U, in s, from which on none of the requests that U is charged to gains."""
    free = Benefit(alpha=alpha)
    wide = [
        (_benefit(after, free, 0) - _benefit(before, free, 0)) / alpha
        for before, after in pairs
        if before["status"] == "ok" != after["status"]
    ]
    return float(max(0, *wide)) if wide else None


@FEWER
@given(
    own.deliveries(min_size=1, shape=own.sized_rows()),
    own.readers(own.HOUR),
    own.benefits(),
    slos(),
)
def test_a_penalty_that_is_not_linear_breaks_even_where_its_benefit_does(
    rows: list[Row], reader: tuple[int, int], spec: Benefit, clauses: list[Clause]
) -> None:
    assume(spec.shape != "linear" and spec.alpha)
    slo = slo_of(clauses)
    assert slo is not None
    question = Question(reader=reader, spec=spec, unfinished_ns=S)
    group = one(rows, Abandon(slo=slo), question)
    pairs = [
        (measure_row(row, *reader), measure_row(abandoned(row, clauses)[0], *reader))
        for row in rows
    ]
    wanted = break_even_alpha(pairs, spec, S)
    scale = sum(abs(_benefit(row, spec, S)) for pair in pairs for row in pair)
    change = sum(_benefit(b, spec, S) - _benefit(a, spec, S) for a, b in pairs)
    assert group.break_even.benefit_change == pytest.approx(float(change), abs=1e-9 * float(scale))
    if group.break_even.alpha is not None and wanted is not None:
        near = pytest.approx(float(wanted), rel=1e-6, abs=1e-6)
        assert group.break_even.alpha == near or scale > 10**6
