"""Every figure of every group equals the naive twin's, whatever is asked."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.aggregate import Aggregator, SummarySettings
from sgengine.compute import MeasureSettings, compute
from sgengine.errors import UsageError
from sgengine.objectives import Slo, parse_slo
from tests import strategies as own
from tests.aggregate import twins
from tests.aggregate.twins import Question, assert_same_figures
from tests.bridge import batch_of, reader_of
from tests.effort import FEWER
from tests.engine.make import plain_row
from tests.reference_slo import Clause

MS = own.MS


def figures_of(rows: list[dict[str, Any]], question: Question) -> dict[tuple[Any, ...], Any]:
    """The engine's groups by key, the ``by`` columns taken off."""
    settings = MeasureSettings(reader=reader_of(question.reader), itl_rule=question.itl_rule)
    aggregate = Aggregator(settings=question.settings())
    measured = compute(batch_of(rows), settings)
    aggregate.add(measured.requests, measured)
    found = {}
    for group in aggregate.finish(question.stated_ns):
        key = tuple(group.pop(name) for name in question.by)
        assert key not in found
        found[key] = group
    return found


def assert_same_groups(rows: list[dict[str, Any]], question: Question) -> None:
    found, wanted = figures_of(rows, question), twins.expected(rows, question)
    assert set(found) == set(wanted)
    for key, group in found.items():
        assert_same_figures(group, wanted[key])


@FEWER
@given(twins.rows(), twins.questions())
def test_every_figure_of_every_group_equals_its_twin(
    rows: list[dict[str, Any]], question: Question
) -> None:
    assert_same_groups(rows, question)


@FEWER
@given(st.lists(own.deliveries_rows(own.sized_rows()), max_size=6), twins.questions())
def test_figures_that_need_every_token_equal_their_twins(
    rows: list[dict[str, Any]], question: Question
) -> None:
    """Sizes known throughout: token attainment and smooth goodput are seldom NULL."""
    assert_same_groups(rows, question)


@pytest.mark.parametrize("denominator", ["all", "sent", "completed", "determined"])
@FEWER
@given(own.deliveries(min_size=1), st.data())
def test_every_denominator_equals_its_twin(
    denominator: str, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    reader = data.draw(own.readers(own.HOUR))
    clauses = data.draw(twins.slos(reader).filter(bool))
    assert_same_groups(rows, Question(reader=reader, clauses=clauses, denominator=denominator))


@pytest.mark.parametrize("kind", ["ttft", "tbt", "tpot", "e2e", "pace", "tokens"])
@FEWER
@given(own.deliveries(min_size=1), own.readers(own.HOUR), st.data())
def test_every_clause_equals_its_twin(
    kind: str, rows: list[dict[str, Any]], reader: tuple[int, int], data: st.DataObject
) -> None:
    """``pace`` at any reader, from the envelopes; ``tokens`` at the measured one."""
    first, limit = data.draw(own.readers(own.HOUR))
    share = data.draw(st.sampled_from([Fraction(q) for q in ("0", "1/2", "99/100", "1")]))
    clause = Clause(kind=kind, limit_ns=limit, first_ns=first if kind == "pace" else None)
    if kind == "tokens":
        clause = Clause(kind=kind, limit_ns=reader[1], first_ns=reader[0], share=share)
    assert_same_groups(rows, Question(reader=reader, clauses=(clause,)))


@pytest.mark.parametrize("share", ["0.123456789012345", "0.3333333333333333333333", "1e-30"])
def test_a_tokens_share_is_an_exact_decimal(share: str) -> None:
    """n - late >= Q n, in whole numbers, however many digits Q has."""
    times = [[0, 10, 10], [0, 0, 10], [10, 10, 10]]
    rows = [_row(k, times_of) for k, times_of in enumerate(times)]
    aggregate = Aggregator(
        settings=SummarySettings(
            by=("request_id",),
            reader=reader_of((0, 5)),
            slo=parse_slo([f"tokens:{share}@5ns", "first:0"]),
        )
    )
    aggregate.add(compute(batch_of(rows), MeasureSettings(reader=reader_of((0, 5)))).requests)
    on_time = [2, 3, 1]
    attained = [group["attained"] for group in aggregate.finish()]
    assert attained == [int(Fraction(found, 3) >= Fraction(share)) for found in on_time]


def _row(k: int, times: list[int]) -> dict[str, Any]:
    labels = {"run": "a", "system": "s", "workload": "w", "clock": "unix", "origin": "sent"}
    listed = {"timing": "token", "status": "ok", "chunk_times_ns": times}
    return dict.fromkeys(own.DELIVERIES.names) | labels | listed | {"request_id": f"r{k}"}


def test_a_tokens_clause_for_another_reader_is_refused() -> None:
    slo = parse_slo(["tokens:0.9@100ms"])
    with pytest.raises(UsageError, match="measured reader alone"):
        SummarySettings(slo=slo)
    assert SummarySettings(slo=slo, reader=reader_of((100 * MS, 100 * MS))).slo == slo


@pytest.mark.parametrize(
    ("given_settings", "message"),
    [
        ({"denominator": "some"}, "denominator is 'some'"),
        ({"population": "all"}, "population is 'all'"),
        ({"itl_rule": "word"}, "itl rule is 'word'"),
        ({"by": ("run", "run")}, "name each column once"),
        ({"duration_ns": 0}, "give more than 0"),
    ],
    ids=["denominator", "population", "itl_rule", "by", "duration"],
)
def test_settings_that_mean_nothing_are_refused(
    given_settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        SummarySettings(**given_settings)


@pytest.mark.parametrize(
    ("by", "message"),
    [("nothing", "no column of this trace"), ("envelope", "holds lists")],
)
def test_grouping_by_a_column_that_cannot_group_is_refused(by: str, message: str) -> None:
    def summarize() -> None:
        aggregate = Aggregator(settings=SummarySettings(by=(by,)))
        aggregate.add(compute(batch_of([_row(0, [5])]), MeasureSettings()).requests)
        aggregate.finish()

    with pytest.raises(UsageError, match=message):
        summarize()


def test_no_request_gives_no_group() -> None:
    aggregate = Aggregator(settings=SummarySettings())
    aggregate.add(compute(batch_of([]), MeasureSettings()).requests)
    assert aggregate.finish() == []


def test_alpha_0_is_output_throughput() -> None:
    """METRICS 5, a check of the benefit."""
    rows = [_row(k, [k * own.HOUR, (k + 1) * own.HOUR]) for k in range(3)]
    question = Question(
        reader=(MS, MS), spec=twins.Benefit(alpha=Fraction(0)), given_ns=7 * own.MS, by=()
    )
    (group,) = figures_of(rows, question).values()
    assert group["smooth_goodput"] == group["output_throughput"] == pytest.approx(6 / 0.007)


@FEWER
@given(own.deliveries(min_size=1, shape=own.sized_rows()), own.readers(own.HOUR))
def test_step_with_alpha_1_is_token_goodput_under_the_pace_deadlines(
    rows: list[dict[str, Any]], reader: tuple[int, int]
) -> None:
    """METRICS 5, a check of the benefit; over ok requests."""
    rows = [row | {"status": "ok"} for row in rows]
    question = Question(
        reader=reader,
        by=(),
        spec=twins.Benefit(shape="step", alpha=Fraction(1)),
        clauses=(Clause(kind="pace", limit_ns=reader[1], first_ns=reader[0]),),
        given_ns=10**9,
    )
    (group,) = figures_of(rows, question).values()
    assert group["smooth_goodput"] == group["token_goodput"]


def test_a_mean_gap_at_the_end_of_what_is_held_is_compared_exactly() -> None:
    """2^31 - 1 tokens over 2^63 - 1 ns: a mean of 2^32 + 4.0 ns and a little more."""
    row = plain_row(0, [0, 2**63 - 1], chunk_tokens=[2**31 - 2, 1])
    requests = compute(batch_of([row]), MeasureSettings()).requests
    for limit, attains in ((2**32 + 4, False), (2**32 + 5, True), (2**62, True)):
        aggregate = Aggregator(settings=SummarySettings(by=(), slo=Slo(tpot_ns=limit)))
        aggregate.add(requests)
        assert aggregate.finish()[0]["attained"] == attains
