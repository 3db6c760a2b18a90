from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import DataError, FormatError
from sgengine.readers import json_lines
from sgengine.readers.detect import detect
from tests.readers import client_damage as damage
from tests.readers import client_round_trip as round_trip
from tests.readers import make

SENT = 1_800_000_000_000_000_001
event = make.sse_event
request = make.genai_perf_request


@pytest.fixture
def path(tmp_path):
    return tmp_path / "profile_export.json"


def read(path, *requests, options=None, **about):
    profile = make.genai_perf_profile(*requests, **about)
    return make.read_back(make.dumped(path, profile), **(options or {}))


def data(*events):
    return "".join(f"data: {item}\n\n" for item in events)


@pytest.mark.parametrize("indent", [None, 2])
def test_it_is_told_by_its_content_however_it_is_laid_out(path, indent):
    profile = make.genai_perf_profile()
    assert detect(str(make.dumped(path, profile, indent=indent))) == "genai-perf"


def test_its_summary_is_refused_with_what_to_give(path):
    summary = {"request_throughput": {"avg": 1.0}, "input_config": {}}
    with pytest.raises(FormatError, match="profile_export"):
        detect(str(make.dumped(path, summary)))


def test_only_responses_with_output_are_chunks(path):
    got = read(path)
    (row,) = got.rows
    assert (row["timing"], row["status"], row["origin"]) == ("chunk", "ok", "sent")
    assert (row["clock"], row["arrival_ns"]) == ("unix", SENT)
    assert (row["chunk_times_ns"], row["chunk_tokens"]) == ([60, 70], None)
    assert (row["end_ns"], row["ttft_visible_ns"]) == (90, 60)
    assert (row["input_tokens"], row["output_tokens"]) == (7, 2)
    assert (row["request_id"], row["model"]) == ("0", "m/7B")
    (fact,) = got.facts
    assert (fact.client_version, fact.request_rate) == ("perf_analyzer 2.60", 2.0)
    assert fact.stated_duration_ns is None


def test_a_splinter_belongs_to_the_response_before_it(path):
    whole = data(event(content="ab"))
    splinters = ((50, whole[:20]), (55, whole[20:]), (60, data(event(content="c"))), (70, "\n"))
    assert read(path, request(*splinters)).column("chunk_times_ns") == [[50, 60]]


def test_splinters_break_anywhere_even_in_the_prefix(path):
    whole = data(event(content="a"), event(content="b"))
    for cut in range(6, len(whole)):
        got = read(path, request((50, whole[:cut]), (60, whole[cut:])))
        times = got.column("chunk_times_ns")[0]
        assert times == ([50, 60] if whole[cut:].startswith("data:") else [50])


def test_several_messages_of_one_response_are_one_chunk(path):
    first = data(event(role="assistant", content=""), event(content="a"), event(content="b"))
    (row,) = read(path, request((50, first), (60, data(event(content="c"), "[DONE]")))).rows
    assert row["chunk_times_ns"] == [50, 60]


def test_usage_in_every_chunk_tells_its_size(path):
    replies = (
        (50, data(event(content="", usage=0))),
        (60, data(event(content="a", usage=1), event(content="b", usage=3))),
        (70, data(event(content="c", usage=4))),
    )
    (row,) = read(path, request(*replies)).rows
    assert (row["chunk_tokens"], row["output_tokens"]) == ([3, 1], 4)


def test_reasoning_comes_before_what_is_visible(path):
    replies = (
        (50, data(event(reasoning_content="hm"))),
        (60, data(event(tool_calls=[{"function": {"name": "f"}}]))),
    )
    (row,) = read(path, request(*replies)).rows
    assert (row["chunk_times_ns"], row["ttft_visible_ns"]) == ([50, 60], 60)


def test_a_reply_without_output_has_failed_and_says_why(path):
    replies = ((50, '{"error": {"message": "no\\nway"}}'),)
    rows = read(path, request(*replies), request(response_timestamps=[], response_outputs=[])).rows
    assert [row["status"] for row in rows] == ["failed"] * 2
    assert [row["chunk_times_ns"] for row in rows] == [[], []]
    assert [row["end_ns"] for row in rows] == [50, None]
    assert rows[0]["error"].startswith('{"error"')


def test_a_reply_that_was_not_streamed_is_one_chunk(path):
    body = {"choices": [{"message": {"role": "assistant", "content": "a b"}}]}
    usage = {"prompt_tokens": 7, "completion_tokens": 2}
    (row,) = read(path, request((80, json.dumps(body | {"usage": usage})))).rows
    assert (row["chunk_times_ns"], row["chunk_tokens"]) == ([80], [2])


@pytest.mark.parametrize("output", [{"text_output": "a"}, {"output_ids": [5]}])
def test_outputs_of_triton_are_chunks(path, output):
    outputs = [output, {key: value[:0] for key, value in output.items()}, output]
    found = request(response_timestamps=[SENT + 5, SENT + 6, SENT + 7], response_outputs=outputs)
    assert read(path, found).column("chunk_times_ns") == [[5, 7]]


def test_loads_are_dimensions(path):
    closed = read(path, mode="concurrency", value=4)
    assert (closed.column("concurrency"), closed.column("request_rate")) == ([4], [None])
    assert closed.facts[0].request_rate is None
    assert read(path, mode="request_rate", value=0.0).facts[0].request_rate is None
    session = request(sequence_id=3, request_inputs={"session_id": "s", "payload": "x"})
    (row,) = read(path, session).rows
    assert (row["session_id"], row["sequence_id"]) == ("s", 3)


def test_requests_outside_the_windows_are_kept_and_told(path):
    got = read(path, request(), request(sent=SENT + 100), windows=(SENT + 200, SENT + 50))
    assert got.column("in_window") == [False, True]
    assert any(note.startswith("1 of 2 requests were sent outside") for note in got.facts[0].notes)


def test_a_clock_that_was_set_back_gives_gaps_of_zero(path):
    replies = [(at, data(event(content="a"))) for at in (50, 40, 45, 60)]
    got = read(path, request(*replies))
    assert got.column("chunk_times_ns") == [[50, 50, 50, 60]]
    assert any("clock was set back" in note for note in got.facts[0].notes)


def test_several_experiments_are_several_runs(path):
    profile = make.genai_perf_profile()
    other = make.genai_perf_profile(mode="concurrency", value=2)
    profile["experiments"] += other["experiments"]
    got = make.read_back(make.dumped(path, profile))
    assert got.column("run") == ["profile_export#1", "profile_export#2"]
    assert [fact.request_rate for fact in got.facts] == [2.0, None]


def test_only_sent_times_are_offered(path):
    with pytest.raises(DataError, match="no scheduled times"):
        read(path, options={"origin": "scheduled"})


def test_damaged_rows_are_rejected_one_by_one(path):
    got = read(
        path,
        request(),
        request(sent=2**63),
        request(response_outputs=[]),
        request(response_timestamps=...),
        7,
        request(response_timestamps=[-(2**62)] * 5),
        request(),
    )
    assert got.column("request_id") == ["0", "6"]
    assert [(r.place, r.reason) for r in got.rejects] == [
        (f"request {number}", "wrong_type") for number in range(2, 7)
    ]


@pytest.mark.parametrize(
    ("profile", "says"),
    [({"experiments": []}, "no experiments"), ({"experiments": [{}]}, "without requests")],
)
def test_other_shapes_are_refused(path, profile, says):
    with pytest.raises(FormatError, match=says):
        make.read_back(make.dumped(path, profile), format="genai-perf")


def test_large_files_are_read_in_ranges(path, monkeypatch):
    monkeypatch.setattr(json_lines, "PIECE_BYTES", 3000)
    got = read(path, *[request(sent=SENT + number) for number in range(20)])
    assert len(got.plans[0].partitions) > 3
    assert got.places == list(range(1, 21))
    assert got.column("arrival_ns") == list(range(SENT, SENT + 20))


@given(
    st.lists(
        st.tuples(round_trip.chunked(), st.booleans(), round_trip.statuses, st.integers(0, 2**62)),
        min_size=1,
        max_size=8,
    )
)
def test_what_the_format_can_hold_comes_back(tmp_path_factory, requests):
    path = tmp_path_factory.mktemp("x") / "p.json"
    got = read(path, *[_written(*entry) for entry in requests])
    round_trip.check(got, [_delivery(*entry) for entry in requests])


def _written(chunks, is_counted, status, sent):
    times, sizes = chunks
    if status != "ok":
        return request((times[0], "boom"), sent=sent)
    totals = [sum(sizes[: place + 1]) for place in range(len(sizes))]
    replies = [
        (at, data(event(content="x", usage=total if is_counted else None)))
        for at, total in zip(times, totals, strict=True)
    ]
    last = (times[-1] + 5, data(event(usage=totals[-1]), "[DONE]"))
    return request(*replies, last, sent=sent)


def _delivery(chunks, is_counted, status, sent):
    times, sizes = chunks
    common = {"clock": "unix", "arrival_ns": sent, "status": status, "timing": "chunk"}
    if status != "ok":
        nothing = {"chunk_times_ns": [], "end_ns": times[0], "input_tokens": None}
        return round_trip.delivery(**common, **nothing)
    return round_trip.delivery(
        chunk_times_ns=times,
        chunk_tokens=sizes if is_counted else None,
        output_tokens=sum(sizes),
        end_ns=times[-1] + 5,
        **common,
    )


def rows_of(values):
    experiments = (item for profile in values for item in profile["experiments"])
    return sum(len(item["requests"] or ()) for item in experiments)


def test_damaged_files_are_refused_or_every_row_is_counted(path):
    profile = make.genai_perf_profile(request(), request((50, "no")), windows=(SENT, SENT + 9))
    damage.check_all(path, [profile], rows_of, rounds=75)
