from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import FormatError
from sgengine.readers.detect import detect
from tests.readers import damage, make

START_NS = 1782194702200000000
PAYLOAD = {
    "request_id": ...,
    "id": "chatcmpl-1",
    "startTime": 1782194702.2,
    "completionStartTime": 1782194702.3,
    "endTime": 1782194703.1,
    "stream": True,
    "response_time": 0.1,
}


def rows_of(path, *rows, **options):
    return make.read_back(make.json_lines(path, *rows), **options)


def test_a_streamed_call_has_first_and_last_time(tmp_path):
    got = rows_of(tmp_path / "x", make.litellm_row())
    (row,) = got.rows
    assert row["timing"] == "first_last"
    assert (row["ttft_ns"], row["last_ns"], row["end_ns"]) == (10**8, 9 * 10**8, 9 * 10**8)
    assert (row["input_tokens"], row["output_tokens"]) == (17, 40)
    assert (row["arrival_ns"], row["status"], row["error"]) == (START_NS, "ok", None)
    assert row["chunk_times_ns"] is None
    assert (row["request_id"], row["tenant"], row["session_id"]) == ("a", "t1", "s1")
    (fact,) = got.facts
    assert (fact.format, fact.clock, fact.origin, fact.notes) == ("litellm", "unix", "sent", ())


def test_a_logging_payload_counts_in_epoch_seconds(tmp_path):
    (row,) = rows_of(tmp_path / "x", make.litellm_row(**PAYLOAD)).rows
    assert row["arrival_ns"] == START_NS
    assert (row["ttft_ns"], row["last_ns"]) == (10**8, 9 * 10**8)
    assert (row["request_id"], row["is_streaming"]) == ("chatcmpl-1", True)


@pytest.mark.parametrize(
    "changes",
    [
        {"completionStartTime": "2026-06-23T06:05:03.1Z"},
        {"completionStartTime": None},
        {"completionStartTime": ...},
        {"stream": False},
    ],
)
def test_without_streaming_the_first_token_is_unknown(tmp_path, changes):
    got = rows_of(tmp_path / "x", make.litellm_row(**changes))
    (row,) = got.rows
    assert (row["ttft_ns"], row["last_ns"]) == (None, 9 * 10**8)
    assert "1 of 1 requests were not streamed" in got.facts[0].notes[0]


@pytest.mark.parametrize(
    ("start", "notes"),
    [
        ("2026-06-23 06:05:02.2+00:00", 0),
        ("2026-06-23T08:05:02.200000+02:00", 0),
        ("2026-06-23 06:05:02.2", 1),
    ],
)
def test_times_name_their_zone_or_are_utc(tmp_path, start, notes):
    got = rows_of(tmp_path / "x", make.litellm_row(startTime=start))
    assert got.column("arrival_ns") == [START_NS]
    assert len(got.facts[0].notes) == notes


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "failed"),
        ({"error_information": {"error_class": "Timeout", "error_code": "408"}}, "timeout"),
        ({"error_information": {"error_class": "RateLimitError", "error_code": 429}}, "rejected"),
        ({"error_information": {"error_code": "499"}}, "cancelled"),
        ({"error_information": {"error_class": "BadRequestError"}}, "failed"),
    ],
)
def test_how_a_call_failed(tmp_path, changes, status):
    failed = {"status": "failure", "completion_tokens": 0, "error_str": "it\nbroke"}
    (row,) = rows_of(tmp_path / "x", make.litellm_row(**failed, **changes)).rows
    assert (row["status"], row["error"]) == (status, "it broke")
    assert (row["ttft_ns"], row["last_ns"], row["end_ns"]) == (None, None, 9 * 10**8)


def test_a_call_without_an_end_is_incomplete(tmp_path):
    assert rows_of(tmp_path / "x", make.litellm_row(endTime=None)).column("status") == [
        "incomplete"
    ]


def test_one_token_came_when_the_first_came(tmp_path):
    (row,) = rows_of(tmp_path / "x", make.litellm_row(completion_tokens=1)).rows
    assert (row["ttft_ns"], row["last_ns"]) == (10**8, None)


def test_calls_that_generate_no_text_are_left_out_and_counted(tmp_path):
    other = [make.litellm_row(call_type=kind) for kind in ("aembedding", "image_generation")]
    got = rows_of(tmp_path / "x", *other, make.litellm_row())
    assert got.places == [3]
    assert got.facts[0].notes == ("2 calls that generate no text were left out.",)


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("is_page", [False, True])
def test_an_array_is_read_like_lines(tmp_path, indent, is_page):
    rows = [make.litellm_row("a"), make.litellm_row("b", **PAYLOAD)]
    path = tmp_path / "x"
    path.write_text(json.dumps({"data": rows, "total": 2} if is_page else rows, indent=indent))
    assert detect(str(path)) == "litellm"
    got = make.read_back(path)
    assert got.column("request_id") == ["a", "chatcmpl-1"]
    assert got.batches[0].place_word == "row"


def test_damaged_rows_are_rejects(tmp_path):
    path = make.json_lines(
        tmp_path / "x",
        make.litellm_row(),
        '{"startTime": "2026',
        make.litellm_row(startTime="yesterday"),
        make.litellm_row(startTime=...),
        make.litellm_row(completion_tokens="many"),
        make.litellm_row(completion_tokens=2**40),
        make.litellm_row(startTime=1e300),
    )
    got = make.read_back(path)
    assert got.places == [1]
    assert [reject.place for reject in got.rejects] == [f"line {n}" for n in range(2, 8)]
    assert [reject.reason for reject in got.rejects] == ["unreadable_row", *["wrong_type"] * 5]


def test_a_file_without_calls_is_refused(tmp_path):
    with pytest.raises(FormatError, match="logged by LiteLLM"):
        rows_of(tmp_path / "x", make.aiperf_line(), format="litellm")
    path = tmp_path / "y"
    path.write_text(json.dumps([make.litellm_row()])[:-5])
    with pytest.raises(FormatError, match="cut off"):
        make.read_back(path)


@given(st.integers(0, 10**18), st.lists(st.tuples(st.integers(0, 10**10), st.integers(1, 10**10))))
def test_first_and_last_times_survive_to_the_nanosecond(tmp_path_factory, begin, times):
    def text(moment):
        seconds, rest = divmod(moment, 10**9)
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"

    begin //= 10 ** (9 - 9)
    rows = [
        make.litellm_row(
            startTime=text(begin),
            completionStartTime=text(begin + first),
            endTime=text(begin + first + rest),
        )
        for first, rest in times
    ]
    path = tmp_path_factory.mktemp("log") / "x"
    got = rows_of(path, make.litellm_row(), *rows)
    unit = 10 ** (9 - 9)
    assert got.column("arrival_ns")[1:] == [begin * unit for _ in times]
    assert got.column("ttft_ns")[1:] == [first * unit for first, _ in times]
    assert got.column("last_ns")[1:] == [(first + rest) * unit for first, rest in times]


def test_no_damage_loses_a_row(tmp_path):
    rows = [
        make.litellm_row("a"),
        make.litellm_row("b", **PAYLOAD),
        make.litellm_row("c", status="failure", error_information={"error_code": 429}),
    ]
    data = make.json_lines(tmp_path / "x", *rows).read_bytes()
    for damaged in [*damage.cuts(data), *damage.flips(data), *damage.swaps(rows)]:
        got = damage.survive(tmp_path / "x", damaged)
        if got:
            assert damage.counted(got) == damage.lines_in(damaged)
    array = json.dumps(rows).encode()
    for damaged in [*damage.cuts(array), *damage.flips(array)]:
        damage.survive(tmp_path / "x", damaged)
