from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine import readers
from sgengine.errors import DataError, FormatError, UsageError
from sgengine.readers.detect import detect
from tests.readers import client_damage as damage
from tests.readers import client_round_trip as round_trip
from tests.readers import make

START = 1_800_000_000_000_001_001
MS = 10**6
event = make.sse_event
line = make.aiperf_raw_line


@pytest.fixture
def path(tmp_path):
    return tmp_path / "profile_export_raw.jsonl"


def read(path, *lines, **options):
    return make.read_back(make.json_lines(path, *lines), **options)


def test_it_is_told_by_its_content(path):
    assert detect(str(make.json_lines(path, line()))) == "aiperf-raw"


def test_only_messages_with_output_are_chunks(path):
    got = read(path, line("a", turn_index=3))
    (row,) = got.rows
    assert (row["request_id"], row["timing"], row["status"]) == ("a", "chunk", "ok")
    assert row["chunk_times_ns"] == [50 * MS, 55 * MS, 55 * MS]
    assert (row["chunk_tokens"], row["output_tokens"], row["input_tokens"]) == (None, 4, 7)
    assert (row["clock"], row["origin"], row["arrival_ns"]) == ("unix", "sent", START)
    assert row["end_ns"] == 70 * MS
    assert (row["session_id"], row["turn"], row["worker_id"]) == ("s-a", 3, "w")
    assert (row["model"], row["ttft_visible_ns"]) == ("m/7B", 50 * MS)
    assert (got.places, got.batches[0].place_word) == ([1], "line")


def test_usage_in_every_message_tells_the_sizes(path):
    events = (
        (50, event(role="assistant", content="", usage=0)),
        (51, event(content="a", usage=1)),
        (52, event(content="b", usage=4)),
        (53, event(content="", usage=5)),
        (54, event(content="c", usage=6)),
        (55, event(usage=7)),
    )
    (row,) = read(path, line("a", *events)).rows
    assert (row["chunk_tokens"], row["output_tokens"]) == ([1, 3, 2], 7)


@pytest.mark.parametrize("totals", [(1, None, 3), (0, 1, 5), (2, 1, 3), (1, 2**40, 5)])
def test_usage_that_makes_no_sense_tells_none(path, totals):
    events = [(50 + i, event(content="x", usage=total)) for i, total in enumerate(totals)]
    assert read(path, line("a", *events)).column("chunk_tokens") == [None]


def test_fewer_tokens_than_chunks_are_placed_as_in_the_other_export(path):
    events = [(50 + i, event(content="x")) for i in range(3)]
    (row,) = read(path, line("a", *events, (60, event(usage=2)))).rows
    assert row["chunk_tokens"] == [1, 0, 1]


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_reasoning_is_output_but_not_visible(path, key):
    usage = json.loads(event(usage=3))
    usage["usage"]["completion_tokens_details"] = {"reasoning_tokens": 2}
    events = ((50, event(**{key: "hm"})), (55, event(content="a")), (60, json.dumps(usage)))
    (row,) = read(path, line("a", *events)).rows
    assert row["chunk_times_ns"] == [50 * MS, 55 * MS]
    assert (row["ttft_visible_ns"], row["reasoning_tokens"]) == (55 * MS, 2)
    (silent,) = read(path, line("a", events[0])).rows
    assert silent["ttft_visible_ns"] is None


def test_replies_that_broke_off_keep_their_chunks(path):
    error = {"type": "ClientPayloadError", "message": "not\ncompleted"}
    (row,) = read(
        path, line("a", (50, event(content="a")), (55, event(content="b")), error=error)
    ).rows
    assert (row["status"], row["chunk_times_ns"]) == ("failed", [50 * MS, 55 * MS])
    assert (row["error"], row["output_tokens"]) == ("ClientPayloadError: not completed", None)


@pytest.mark.parametrize(
    ("error", "metadata", "status"),
    [
        ({"code": 500, "type": "Internal Server Error"}, {}, "failed"),
        ({"code": 499, "type": "RequestCancellationError"}, {}, "cancelled"),
        ({"type": "TimeoutError"}, {}, "timeout"),
        (None, {"was_cancelled": True}, "cancelled"),
    ],
)
def test_errors_tell_the_status(path, error, metadata, status):
    record = line("a", error=error, **metadata) | {"responses": []}
    (row,) = read(path, record).rows
    assert (row["status"], row["chunk_times_ns"], row["timing"]) == (status, [], "chunk")


def test_a_reply_of_another_kind_leaves_the_row_without_timing(path):
    (row,) = read(path, line("a", (50, '{"embedding": [1]}'), (60, ": ping"))).rows
    assert (row["status"], row["timing"], row["chunk_times_ns"]) == ("ok", "none", None)


def test_a_reply_that_was_not_streamed_is_one_chunk(path):
    body = {"choices": [{"message": {"content": "a b"}}], "usage": {"completion_tokens": 2}}
    record = line("a")
    perf = record["start_perf_ns"] + 80 * MS
    record["responses"] = [{"perf_ns": perf, "text": json.dumps(body), "content_type": "x"}]
    (row,) = read(path, record).rows
    assert (row["chunk_times_ns"], row["chunk_tokens"]) == ([80 * MS], [2])


def test_fields_of_an_event_other_than_data_are_passed_over(path):
    record = line("a", (50, event(content="a")))
    record["responses"][0]["packets"].insert(0, {"name": "event", "value": "message"})
    record["responses"][0]["packets"].append({"name": "comment", "value": None})
    assert read(path, record).column("chunk_times_ns") == [[50 * MS]]


def test_warmup_lines_are_counted_not_measured(path):
    got = read(path, line("w", benchmark_phase="warmup"), line("a"))
    assert got.places == [2]
    assert [(r.place, r.reason, r.count) for r in got.rejects] == [("line 1", "warmup", 1)]


def test_damaged_lines_are_rejected_one_by_one(path):
    apart = line("d")
    apart["responses"][1]["perf_ns"] = -(2**63)
    got = read(
        path,
        line("a"),
        '{"metadata": {',
        line("b") | {"start_perf_ns": None},
        line("c", request_start_ns=...),
        apart,
        line("e") | {"responses": [{"perf_ns": 2**63}]},
        line("f", request_end_ns=-(2**63)),
        line("z"),
        origin="scheduled",
    )
    assert got.column("request_id") == ["a", "z"]
    assert [(r.place, r.reason) for r in got.rejects] == [
        ("line 2", "unreadable_row"),
        *[(f"line {number}", "wrong_type") for number in range(3, 8)],
    ]


def test_the_summary_beside_the_other_export_completes_this_one(path):
    make.aiperf_summary(path.with_name("profile_export_aiperf.json"))
    got = read(path, line("a"))
    (fact,) = got.facts
    assert (fact.client_version, fact.request_rate) == ("aiperf 0.13.0", 6.0)
    assert fact.stated_duration_ns == 4_000_000_500
    (row,) = got.rows
    assert (row["origin"], row["arrival_ns"]) == ("scheduled", START - 1000)
    assert row["chunk_times_ns"][0] == 50 * MS + 1000
    assert row["ttft_visible_ns"] == 50 * MS + 1000


def test_origins_are_those_of_the_other_export(path):
    lines = line("a"), line("b", credit_issued_ns=...)
    with pytest.raises(DataError, match="1 of 2 lines without credit_issued_ns"):
        read(path, *lines, origin="scheduled")
    with pytest.raises(DataError, match="no accepted times"):
        read(path, *lines, origin="accepted")


def test_a_file_without_any_record_is_no_export(path):
    path.write_text(json.dumps(line("a"))[:-40])
    with pytest.raises(FormatError, match=r"complete profile_export_raw\.jsonl"):
        make.read_back(path)


class TestTwins:
    """Both exports of one run hold the same requests."""

    OPTIONS = readers.ReadOptions()

    @pytest.fixture
    def folder(self, tmp_path):
        make.json_lines(tmp_path / "profile_export.jsonl", make.aiperf_line("a"))
        make.json_lines(tmp_path / "profile_export_raw.jsonl", line("a"))
        return tmp_path

    def test_in_a_folder_the_raw_one_is_left_out_and_reported(self, folder):
        found = readers.find([str(folder)], self.OPTIONS)
        assert [source.format for source in found.sources] == ["aiperf"]
        (skipped,) = found.skipped
        assert skipped.path.endswith("profile_export_raw.jsonl")
        assert "same requests" in skipped.reason

    def test_names_do_not_matter(self, folder):
        (folder / "profile_export_raw.jsonl").rename(folder / "0.jsonl")
        assert len(readers.resolve([str(folder / "*.jsonl")], self.OPTIONS)) == 1

    def test_those_of_one_processor_are_one_folder_further_down(self, folder):
        (folder / "raw_records").mkdir()
        (folder / "profile_export_raw.jsonl").rename(folder / "raw_records" / "raw_p1.jsonl")
        assert len(readers.resolve([str(folder)], self.OPTIONS)) == 1

    def test_other_requests_are_another_run(self, folder):
        make.json_lines(folder / "profile_export_raw.jsonl", line("b"))
        assert len(readers.resolve([str(folder)], self.OPTIONS)) == 2

    def test_without_ids_the_names_count(self, folder):
        make.json_lines(folder / "profile_export_raw.jsonl", "{", line(x_request_id=...))
        assert len(readers.resolve([str(folder)], self.OPTIONS)) == 1

    def test_the_raw_one_alone_is_read(self, folder):
        (folder / "profile_export.jsonl").unlink()
        assert len(readers.resolve([str(folder)], self.OPTIONS)) == 1

    def test_what_is_asked_for_by_name_is_not_left_out(self, folder):
        raw = str(folder / "profile_export_raw.jsonl")
        assert len(readers.resolve([raw], self.OPTIONS)) == 1
        with pytest.raises(UsageError, match="same requests"):
            readers.resolve([str(folder / "profile_export.jsonl"), f"x={raw}"], self.OPTIONS)


@given(
    st.lists(
        st.tuples(round_trip.chunked(), st.booleans(), round_trip.statuses), min_size=1, max_size=8
    )
)
def test_what_the_format_can_hold_comes_back(tmp_path_factory, requests):
    path = tmp_path_factory.mktemp("x") / "r.jsonl"
    got = read(path, *[_written(*entry) for entry in requests])
    round_trip.check(got, [_delivery(*entry) for entry in requests])


def _written(chunks, is_counted, status):
    times, sizes = chunks
    totals = [sum(sizes[: place + 1]) for place in range(len(sizes))]
    events = [
        event(content="x", usage=total if is_counted or place == len(totals) - 1 else None)
        for place, total in enumerate(totals)
    ]
    error = None if status == "ok" else {"type": "ClientPayloadError"}
    record = line("a", error=error)
    record["responses"] = [
        {"perf_ns": record["start_perf_ns"] + at, "packets": [{"name": "data", "value": data}]}
        for at, data in zip(times, events, strict=True)
    ]
    return record


def _delivery(chunks, is_counted, status):
    times, sizes = chunks
    return round_trip.delivery(
        clock="unix",
        arrival_ns=START,
        end_ns=70 * MS,
        status=status,
        timing="chunk",
        chunk_times_ns=times,
        chunk_tokens=sizes if is_counted or len(times) == 1 else None,
        output_tokens=sum(sizes),
    )


def test_damaged_files_are_refused_or_every_row_is_counted(path):
    lines = [line("a"), line("b", error={"code": 500}), line("c", benchmark_phase="warmup")]
    damage.check_all(path, lines, len, rounds=75)


def test_chunks_equal_those_of_the_other_export(shared_dir):
    folder = shared_dir / "traces" / "_mock-server" / "aiperf-0.13.0"
    raw = make.read_back(folder / "profile_export_raw.jsonl")
    other = make.read_back(folder / "profile_export.jsonl")
    assert raw.rejects == []
    by_id = {row["request_id"]: row for row in raw.rows}
    assert sorted(by_id) == sorted(other.column("request_id"))
    for row in other.rows:
        same = by_id[row["request_id"]]
        if row["status"] == "ok":
            assert same["chunk_times_ns"] == row["chunk_times_ns"]
            for name in ("input_tokens", "output_tokens", "chunk_tokens", "ttft_visible_ns"):
                assert same[name] == row[name]
        for name in ("status", "arrival_ns", "end_ns", "origin"):
            assert same[name] == row[name]
    assert raw.facts[0].stated_duration_ns == other.facts[0].stated_duration_ns


def test_only_the_raw_export_has_the_chunks_of_broken_replies(shared_dir):
    folder = shared_dir / "traces" / "_mock-server" / "aiperf-0.13.0"
    raw = make.read_back(folder / "profile_export_raw.jsonl")
    failed = [row["chunk_times_ns"] for row in raw.rows if row["status"] == "failed"]
    assert sorted(map(len, failed)) == [0, 0, 8, 8]
    found = readers.find([str(folder)], readers.ReadOptions())
    assert [source.format for source in found.sources] == ["aiperf"]
    assert "profile_export_raw.jsonl" in {item.path.rpartition("/")[2] for item in found.skipped}
