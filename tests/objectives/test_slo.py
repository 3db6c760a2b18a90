"""SLO clauses as users spell them, and what is refused, with what to do."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import UsageError
from sgengine.objectives import Reader, Slo, parse_slo

MS = 10**6


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ttft:500", "tpot:50"], Slo(ttft_ns=500 * MS, tpot_ns=50 * MS)),
        (["ttft:500 tpot:50"], Slo(ttft_ns=500 * MS, tpot_ns=50 * MS)),
        (["ttft:500,tpot:50"], Slo(ttft_ns=500 * MS, tpot_ns=50 * MS)),
        (["ttft:500, tpot:50,"], Slo(ttft_ns=500 * MS, tpot_ns=50 * MS)),
        (["TTFT:0.5s"], Slo(ttft_ns=500 * MS)),
        (["e2el:10s"], Slo(e2e_ns=10_000 * MS)),
        (["e2e:10s"], Slo(e2e_ns=10_000 * MS)),
        (["request_latency:10s"], Slo(e2e_ns=10_000 * MS)),
        (["e2e_latency:10s"], Slo(e2e_ns=10_000 * MS)),
        (["time_to_first_token:370"], Slo(ttft_ns=370 * MS)),
        (["time_per_output_token:50"], Slo(tpot_ns=50 * MS)),
        (["inter_token_latency:50"], Slo(tpot_ns=50 * MS)),
        (["tbt:20us"], Slo(tbt_ns=20_000)),
        (["ttft:0"], Slo(ttft_ns=0)),
        (["pace:200"], Slo(pace=Reader(pace_ns=200 * MS, first_ns=200 * MS))),
        (["first:1s", "pace:200"], Slo(pace=Reader(pace_ns=200 * MS, first_ns=1000 * MS))),
        (["pace:0", "first:0"], Slo(pace=Reader(pace_ns=0, first_ns=0))),
        (
            ["tokens:0.9@100ms"],
            Slo(tokens_share=Decimal("0.9"), tokens_reader=Reader(pace_ns=100 * MS)),
        ),
        (
            ["tokens:0.9@100", "first:10s", "pace:1s"],
            Slo(
                tokens_share=Decimal("0.9"),
                tokens_reader=Reader(pace_ns=100 * MS, first_ns=10_000 * MS),
                pace=Reader(pace_ns=1000 * MS, first_ns=10_000 * MS),
            ),
        ),
    ],
    ids=range(19),
)
def test_clauses_are_read_in_every_usual_spelling(words: list[str], expected: Slo) -> None:
    assert parse_slo(words) == expected


def test_one_text_is_no_list_of_letters() -> None:
    assert parse_slo("ttft:500 tpot:50") == parse_slo(["ttft:500", "tpot:50"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the SLO has no clause"),
        ([" , "], "the SLO has no clause"),
        (["ttft"], "SLO clause 'ttft' is not known: give NAME:VALUE"),
        (["latency:5"], "SLO clause 'latency:5' is not known"),
        (["itl:50"], "can mean two things: give tbt for every gap, or tpot"),
        (["ttft:5", "ttft:6"], "names ttft twice"),
        (["tpot:5", "inter_token_latency:6"], "names tpot twice"),
        (["ttft:"], "SLO clause ttft is ''"),
        (["ttft:-5"], "SLO clause ttft is '-5'"),
        (["ttft:0.5ns"], "whole nanoseconds"),
        (["first:5"], "first:D belongs to a pace or tokens clause"),
        (["first:5", "ttft:5"], "first:D belongs to a pace or tokens clause"),
        (["tokens:0.9"], "give SHARE@PACE"),
        (["tokens:x@5"], "give SHARE@PACE"),
        (["tokens:1.1@5"], "give SHARE@PACE"),
        (["tokens:-0.1@5"], "give SHARE@PACE"),
        (["tokens:nan@5"], "give SHARE@PACE"),
        (["tokens:inf@5"], "give SHARE@PACE"),
        (["tokens:@5"], "give SHARE@PACE"),
        (["tokens:0.9@"], "SLO clause tokens is ''"),
        (["pace:9999999999s"], "146 years"),
    ],
    ids=range(21),
)
def test_clauses_that_mean_nothing_are_refused_in_one_line(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_slo(words)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [Decimal(-1), Decimal("1.5"), Decimal("NaN")])
def test_a_share_outside_0_to_1_is_refused(share: Decimal) -> None:
    with pytest.raises(UsageError, match="tokens share is"):
        Slo(tokens_share=share, tokens_reader=Reader(pace_ns=1))


def test_a_share_and_its_reader_belong_together() -> None:
    with pytest.raises(UsageError, match="needs both a share and a pace"):
        Slo(ttft_ns=1, tokens_share=Decimal(1))
    with pytest.raises(UsageError, match="needs both a share and a pace"):
        Slo(ttft_ns=1, tokens_reader=Reader(pace_ns=1))


def test_an_slo_lists_its_clauses_in_the_users_spelling() -> None:
    slo = parse_slo(["tokens:0.90@100", "pace:200", "first:1s", "e2e:3s", "tpot:50", "ttft:.5s"])
    assert slo.clauses() == (
        "ttft:500ms",
        "tpot:50ms",
        "e2e:3s",
        "pace:200ms first:1s",
        "tokens:0.90@100ms first:1s",
    )


BOUNDS = st.integers(0, 2**62)


@given(BOUNDS, BOUNDS, BOUNDS, BOUNDS, BOUNDS, st.decimals(0, 1, places=6))
def test_clauses_read_back_the_same(
    ttft: int, tbt: int, tpot: int, pace: int, first: int, share: Decimal
) -> None:
    slo = Slo(
        ttft_ns=ttft,
        tbt_ns=tbt,
        tpot_ns=tpot,
        pace=Reader(pace_ns=pace, first_ns=first),
        tokens_share=share,
        tokens_reader=Reader(pace_ns=pace, first_ns=first),
    )
    words: list[str] = []
    for clause in slo.clauses():
        words.extend(word for word in clause.split() if word not in words)
    assert parse_slo(words) == slo
