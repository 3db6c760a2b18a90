from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import FormatError
from sgengine.readers.detect import detect
from tests.readers import damage, make

START_NS = 1782161075502000000


def rows_of(path, *rows, **options):
    return make.read_back(make.json_lines(path, *rows), **options)


def test_a_streamed_generation_has_first_and_last_time(tmp_path):
    got = rows_of(tmp_path / "x", make.langfuse_row())
    (row,) = got.rows
    assert row["timing"] == "first_last"
    assert (row["ttft_ns"], row["last_ns"], row["end_ns"]) == (10**8, 9 * 10**8, 9 * 10**8)
    assert (row["input_tokens"], row["output_tokens"]) == (17, 40)
    assert (row["arrival_ns"], row["status"], row["error"]) == (START_NS, "ok", None)
    assert (row["model"], row["trace_id"], row["level"]) == ("m/7B", "t-a", "DEFAULT")
    assert got.facts[0].format == "langfuse"


def test_the_smallest_row_is_told_and_read(tmp_path):
    path = tmp_path / "x"
    path.write_text(
        '{"type":"GENERATION","startTime":"2026-06-22T20:44:35.502Z","completionStartTime":null,'
        '"endTime":"2026-06-22T20:44:36.370Z","usageDetails":{"input":17,"output":40}}'
    )
    assert detect(str(path)) == "langfuse"
    (row,) = make.read_back(path).rows
    assert (row["request_id"], row["ttft_ns"], row["last_ns"]) == ("1", None, 868_000_000)


def test_the_time_to_first_token_stands_in_for_its_moment(tmp_path):
    given = {"completionStartTime": None, "timeToFirstToken": 0.123}
    (row,) = rows_of(tmp_path / "x", make.langfuse_row(**given)).rows
    assert row["ttft_ns"] == 123_000_000


def test_a_response_in_one_piece_has_no_time_of_the_first_token(tmp_path):
    got = rows_of(tmp_path / "x", make.langfuse_row(completionStartTime="2026-06-22T20:44:36.402Z"))
    assert got.column("ttft_ns") == [None]
    assert "1 of 1 generations were not streamed" in got.facts[0].notes[0]


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input": 17, "output": 40, "total": 57}, (17, 40, None)),
        ({"input": 17, "output": 10, "output_reasoning_tokens": 30, "total": 57}, (17, 40, 30)),
        ({"input": 17, "output": 40, "output_reasoning_tokens": 30, "total": 57}, (17, 40, 30)),
        ({"input": 10, "input_cached_tokens": 7, "output": 40, "total": 57}, (17, 40, None)),
        ({"output": 40}, (None, 40, None)),
        ({"input": 17, "output": 40, "unit": "TOKENS", "totalCost": 0.5}, (17, 40, None)),
        ({}, (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_usage_counts_reasoning_inside_of_the_output(tmp_path, usage, expected):
    (row,) = rows_of(tmp_path / "x", make.langfuse_row(usageDetails=usage)).rows
    assert (row["input_tokens"], row["output_tokens"], row["reasoning_tokens"]) == expected


def test_older_names_of_the_counts_are_read(tmp_path):
    older = {
        "usageDetails": ...,
        "promptTokens": 3,
        "completionTokens": 4,
        "parentObservationId": None,
    }
    (row,) = rows_of(tmp_path / "x", make.langfuse_row(**older)).rows
    assert (row["input_tokens"], row["output_tokens"]) == (3, 4)


def test_errors_and_open_ends_are_statuses(tmp_path):
    failed = make.langfuse_row(level="ERROR", statusMessage="it\nbroke")
    got = rows_of(tmp_path / "x", failed, make.langfuse_row(endTime=None))
    assert got.column("status") == ["failed", "incomplete"]
    assert got.column("error") == ["it broke", None]
    assert got.column("last_ns") == [None, None]


def test_spans_and_events_are_left_out_and_counted(tmp_path):
    got = rows_of(tmp_path / "x", make.langfuse_row(type="SPAN"), make.langfuse_row("b"))
    assert got.places == [2]
    assert got.facts[0].notes == ("1 observations that are no generations were left out.",)
    with pytest.raises(FormatError, match="spans and events"):
        rows_of(tmp_path / "x", make.langfuse_row(type="SPAN"))


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("is_page", [False, True])
def test_arrays_and_pages_are_read_like_lines(tmp_path, indent, is_page):
    path = tmp_path / "x"
    path.write_text(
        json.dumps(
            {"data": [make.langfuse_row("a"), make.langfuse_row("b")], "meta": {"page": 1}}
            if is_page
            else [make.langfuse_row("a"), make.langfuse_row("b")],
            indent=indent,
        )
    )
    assert detect(str(path)) == "langfuse"
    assert make.read_back(path).column("request_id") == ["a", "b"]


def test_damaged_rows_are_rejects(tmp_path):
    path = make.json_lines(
        tmp_path / "x",
        make.langfuse_row(),
        make.langfuse_row(type="GENERATIOM"),
        make.langfuse_row(startTime=None),
        make.langfuse_row(usageDetails={"output": "many"}),
        make.langfuse_row(usageDetails={"output": 2**40}),
    )
    got = make.read_back(path)
    assert got.places == [1]
    assert [reject.place for reject in got.rejects] == [f"line {n}" for n in range(2, 6)]


@given(st.integers(0, 10**18), st.lists(st.tuples(st.integers(0, 10**10), st.integers(1, 10**10))))
def test_first_and_last_times_survive_to_the_millisecond(tmp_path_factory, begin, times):
    def text(moment):
        seconds, rest = divmod(moment, 10**3)
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03}Z"

    begin //= 10 ** (9 - 3)
    rows = [
        make.langfuse_row(
            startTime=text(begin),
            completionStartTime=text(begin + first),
            endTime=text(begin + first + rest),
        )
        for first, rest in times
    ]
    path = tmp_path_factory.mktemp("log") / "x"
    got = rows_of(path, make.langfuse_row(), *rows)
    unit = 10 ** (9 - 3)
    assert got.column("arrival_ns")[1:] == [begin * unit for _ in times]
    assert got.column("ttft_ns")[1:] == [first * unit for first, _ in times]
    assert got.column("last_ns")[1:] == [(first + rest) * unit for first, rest in times]


def test_no_damage_loses_a_row(tmp_path):
    rows = [make.langfuse_row("a"), make.langfuse_row("b", completionStartTime=None)]
    data = make.json_lines(tmp_path / "x", *rows).read_bytes()
    for damaged in [*damage.cuts(data), *damage.flips(data), *damage.swaps(rows)]:
        got = damage.survive(tmp_path / "x", damaged)
        if got:
            assert damage.counted(got) == damage.lines_in(damaged)
    array = json.dumps({"data": rows}).encode()
    for damaged in [*damage.cuts(array), *damage.flips(array)]:
        damage.survive(tmp_path / "x", damaged)
