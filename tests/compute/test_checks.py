"""Rows that break a rule: exactly they are left out, each with the rule and what was found."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.compute import MeasureSettings, checks, compute
from sgengine.kernels import scan
from sgengine.schema import DELIVERIES, RULE_BY_NAME, RULES
from tests import strategies as own
from tests.bridge import batch_of, reader_of, request_rows
from tests.compute.twins import assert_same_row, twin_of

READER = (200 * own.MS, 50 * own.MS)
SETTINGS = MeasureSettings(reader=reader_of(READER))
Row = dict[str, Any]

GOOD: Row = dict.fromkeys(DELIVERIES.names) | {
    "run": "a",
    "request_id": "0",
    "system": "s",
    "workload": "w",
    "clock": "unix",
    "origin": "sent",
    "timing": "chunk",
    "status": "ok",
    "chunk_times_ns": [5, 7, 9],
    "chunk_tokens": [1, 2, 0],
}
BARE: Row = GOOD | {
    "timing": "first_last",
    "chunk_times_ns": None,
    "chunk_tokens": None,
    "output_tokens": 4,
    "ttft_ns": 10,
    "last_ns": 90,
}

BROKEN: list[tuple[str, Row, str]] = [
    ("missing_request_id", GOOD | {"request_id": None}, "request_id is null"),
    ("unknown_value", GOOD | {"status": "fine"}, "status is 'fine'"),
    ("unknown_value", GOOD | {"status": None}, "status is None"),
    ("unknown_value", GOOD | {"clock": "wall"}, "clock is 'wall'"),
    ("unknown_value", GOOD | {"origin": ""}, "origin is ''"),
    ("unknown_value", GOOD | {"timing": "words"}, "timing is 'words'"),
    ("null_chunk", GOOD | {"chunk_times_ns": [5, None, 9]}, "chunk_times_ns holds a null"),
    ("null_chunk", GOOD | {"chunk_tokens": [1, None, 0]}, "chunk_tokens holds a null"),
    ("counts_mismatch", GOOD | {"chunk_tokens": [1, 2]}, "3 chunk_times_ns, 2 chunk_tokens"),
    ("counts_mismatch", GOOD | {"chunk_times_ns": []}, "0 chunk_times_ns, 3 chunk_tokens"),
    ("counts_mismatch", BARE | {"chunk_tokens": [4]}, "0 chunk_times_ns, 1 chunk_tokens"),
    ("negative_time", GOOD | {"chunk_times_ns": [-1, 7, 9]}, "chunk_times_ns"),
    ("negative_time", GOOD | {"chunk_times_ns": [-9, -7, -5]}, "chunk_times_ns"),
    ("decreasing_times", GOOD | {"chunk_times_ns": [5, 4, 9]}, "chunk_times_ns decreases"),
    ("decreasing_times", GOOD | {"chunk_times_ns": [5, 2**63 - 1, 0]}, "decreases"),
    ("negative_time", GOOD | {"chunk_times_ns": [5, 7, -(2**63) + 6]}, "negative time"),
    ("negative_time", GOOD | {"end_ns": -5}, "end_ns is -5"),
    ("bad_chunk_tokens", GOOD | {"chunk_tokens": [0, 2, 1]}, "chunk_tokens begins with no token"),
    ("bad_chunk_tokens", GOOD | {"chunk_tokens": [1, -1, 1]}, "negative number"),
    ("bad_chunk_tokens", GOOD | {"chunk_tokens": [2**31 - 1, 1, 0]}, "2^31 or more"),
    ("negative_count", GOOD | {"input_tokens": -1}, "input_tokens is -1"),
    ("negative_count", GOOD | {"output_tokens": -3}, "output_tokens is -3"),
    ("timing_contradicts", GOOD | {"timing": "none"}, "beside a timing without them"),
    ("timing_contradicts", GOOD | {"timing": "first_last"}, "beside a timing without them"),
    ("timing_contradicts", BARE | {"timing": "token"}, "without chunk_times_ns"),
    ("timing_contradicts", BARE | {"timing": "none"}, "times beside timing none"),
    ("timing_contradicts", BARE | {"ttft_ns": 91}, "last_ns is before ttft_ns"),
    ("timing_contradicts", BARE | {"output_tokens": 1}, "one token with two times"),
    ("timing_contradicts", BARE | {"output_tokens": 0}, "times beside 0 output_tokens"),
    ("negative_time", BARE | {"ttft_ns": -1}, "ttft_ns is negative"),
    ("negative_time", BARE | {"ttft_ns": None, "last_ns": -1}, "last_ns is negative"),
]

AT_THE_EDGE: list[Row] = [
    GOOD | {"chunk_times_ns": [0, 0, 0]},
    GOOD | {"chunk_times_ns": [2**62] * 3},
    GOOD | {"chunk_tokens": [2**31 - 1, 0, 0], "chunk_times_ns": [0, 0, 0]},
    GOOD | {"input_tokens": 0, "output_tokens": 0, "end_ns": 0},
    GOOD | {"chunk_times_ns": [], "chunk_tokens": []},
    GOOD | {"chunk_times_ns": [], "chunk_tokens": None},
    BARE | {"ttft_ns": 90},
    BARE | {"output_tokens": 1, "ttft_ns": 90},
    BARE | {"output_tokens": 0, "ttft_ns": None, "last_ns": None},
    BARE | {"timing": "none", "ttft_ns": None, "last_ns": None},
    BARE | {"ttft_ns": None},
    BARE | {"last_ns": None},
]


def ids(cases: list[tuple[str, Row, str]]) -> list[str]:
    return [f"{k} {rule}" for k, (rule, _, _) in enumerate(cases)]


# Times so far apart that their gap overflows are found by their ends; plain Python warns of the gap.
@pytest.mark.filterwarnings("ignore:overflow encountered in scalar subtract")
@pytest.mark.parametrize(("rule", "row", "found"), BROKEN, ids=ids(BROKEN))
def test_a_broken_row_is_left_out_with_its_rule_and_its_neighbours_are_measured(
    rule: str, row: Row, found: str
) -> None:
    measured = compute(batch_of([GOOD, row, BARE]), SETTINGS)
    (breach,) = measured.breaches
    assert (breach.row, breach.rule) == (1, rule)
    assert found in breach.detail
    assert breach.detail.endswith(f"; allowed: {RULE_BY_NAME[rule].allowed}")
    assert "\n" not in breach.detail
    assert measured.kept.tolist() == [0, 2]
    for got, good in zip(request_rows(measured.requests), (GOOD, BARE), strict=True):
        assert_same_row(got, twin_of(good, *READER))


def test_every_rule_that_is_decided_here_is_tried_above() -> None:
    text = Path(checks.__file__).read_text() + repr(scan.BREACHES)
    decided = {rule.name for rule in RULES if re.search(rf"['\"]{rule.name}['\"]", text)}
    assert {rule for rule, _, _ in BROKEN} == decided
    assert len(decided) == 9


@pytest.mark.parametrize("row", AT_THE_EDGE, ids=range(len(AT_THE_EDGE)))
def test_rows_at_the_edge_of_a_rule_are_measured(row: Row) -> None:
    assert compute(batch_of([row]), SETTINGS).breaches == ()


def test_a_row_with_several_faults_is_one_breach() -> None:
    row = GOOD | {"status": "fine", "chunk_times_ns": [5, 4, None], "input_tokens": -1}
    assert len(compute(batch_of([row]), SETTINGS).breaches) == 1


def test_a_broken_row_after_one_whose_envelope_needs_more_room_is_left_out() -> None:
    """The kernel is called again from the row that did not fit, with the rows behind it."""
    bowed = GOOD | {"chunk_tokens": None, "chunk_times_ns": bowed_times(400)}
    rows = [bowed, GOOD | {"chunk_times_ns": [5, 4, 9]}, bowed, GOOD | {"chunk_tokens": [0, 1, 1]}]
    measured = compute(batch_of(rows), SETTINGS)
    assert [(breach.row, breach.rule) for breach in measured.breaches] == [
        (1, "decreasing_times"),
        (3, "bad_chunk_tokens"),
    ]
    for got in request_rows(measured.requests):
        assert len(got["envelope"]) == 400


def test_broken_rows_in_a_batch_of_many_blocks_are_left_out() -> None:
    """Kernels take a batch in blocks of about 65,000 chunks."""
    steady = GOOD | {"chunk_tokens": None, "chunk_times_ns": list(range(40_000))}
    rows = [steady | {"request_id": str(k)} for k in range(7)]
    rows[4] = GOOD | {"chunk_times_ns": [5, 4, 9]}
    measured = compute(batch_of(rows), SETTINGS)
    assert [breach.row for breach in measured.breaches] == [4]
    assert measured.requests["n_output_tokens"].to_pylist() == [40_000] * 6
    assert len(set(map(str, measured.requests["envelope"].to_pylist()))) == 1


def bowed_times(count: int) -> list[int]:
    """Times whose every point is a vertex of their envelope."""
    return list(accumulate(range(count, 0, -1)))


def _with_times(change: Callable[[list[int]], list[int | None]]) -> Callable[[Row], Row]:
    def apply(row: Row) -> Row:
        times = row["chunk_times_ns"]
        return row | {"chunk_times_ns": change(times)} if times else row | {"status": "?"}

    return apply


FAULTS: list[Callable[[Row], Row]] = [
    lambda row: row | {"request_id": None},
    lambda row: row | {"status": "?"},
    lambda row: row | {"timing": "none" if row["timing"] != "none" else "chunk", "ttft_ns": 1},
    lambda row: row | {"input_tokens": -4},
    lambda row: row | {"end_ns": -4},
    _with_times(lambda times: [None, *times[1:]]),
    _with_times(lambda times: [-1 - times[0], *times[1:]]),
    lambda row: row | {"chunk_times_ns": [9, 3], "chunk_tokens": None, "timing": "token"},
    lambda row: row | {"chunk_times_ns": [3], "chunk_tokens": [1, 1], "timing": "token"},
    lambda row: row | {"chunk_times_ns": [3], "chunk_tokens": [0], "timing": "token"},
]


@given(own.deliveries(), st.data())
def test_every_row_is_measured_or_a_breach_and_faults_touch_no_other_row(
    rows: list[Row], data: st.DataObject
) -> None:
    broken = data.draw(st.sets(st.integers(0, len(rows) - 1))) if rows else set()
    given_rows = [
        data.draw(st.sampled_from(FAULTS))(row) if k in broken else row
        for k, row in enumerate(rows)
    ]
    measured = compute(batch_of(given_rows), SETTINGS)
    assert [breach.row for breach in measured.breaches] == sorted(broken)
    assert measured.requests.num_rows + len(measured.breaches) == len(rows)
    good = [row for k, row in enumerate(rows) if k not in broken]
    for got, row in zip(request_rows(measured.requests), good, strict=True):
        assert_same_row(got, twin_of(row, *READER))
