from __future__ import annotations

import json

import pytest

from sgengine.errors import DataError, FormatError
from sgengine.readers import json_lines
from tests.readers import make

START = 1_800_000_000_000_001_001
line = make.aiperf_line


@pytest.fixture
def path(tmp_path):
    return tmp_path / "profile_export.jsonl"


def read(path, *lines, **options):
    return make.read_back(make.json_lines(path, *lines), **options)


def summarized(path, **changes):
    return make.aiperf_summary(path.with_name("profile_export_aiperf.json"), **changes)


def test_a_line_is_a_request(path):
    got = read(path, line("a", turn_index=3))
    (row,) = got.rows
    assert row["request_id"] == "a"
    assert row["chunk_times_ns"] == [50_000_000, 55_000_000, 60_000_000]
    assert (row["timing"], row["status"], row["chunk_tokens"]) == ("chunk", "ok", None)
    assert (row["clock"], row["origin"]) == ("unix", "sent")
    assert (row["arrival_ns"], row["end_ns"]) == (START, 70_000_000)
    assert (row["input_tokens"], row["output_tokens"]) == (7, 3)
    assert (row["session_id"], row["turn"], row["worker_id"]) == ("s-a", 3, "w")
    assert "reasoning_tokens" not in row
    assert (got.places, got.batches[0].place_word) == ([1], "line")


def test_epochs_keep_every_nanosecond(path):
    odd = 2**60 + 1  # float64 cannot tell it from 2**60
    (row,) = read(path, line(request_start_ns=odd, request_end_ns=odd + 3)).rows
    assert (row["arrival_ns"], row["end_ns"]) == (odd, 3)


def test_one_chunk_has_no_gaps(path):
    assert read(path, line(gaps=(), output=1)).column("chunk_times_ns") == [[50_000_000]]


def test_milliseconds_are_recovered_to_the_nanosecond(path):
    got = read(path, line(ttft=29.725116, gaps=(20.206554999999998, 0.000001)))
    assert got.column("chunk_times_ns") == [[29_725_116, 49_931_671, 49_931_672]]


@pytest.mark.parametrize(("unit", "nanos"), [("ns", 1), ("us", 10**3), ("sec", 10**9)])
def test_times_are_read_in_their_unit(path, unit, nanos):
    record = line(ttft=2, gaps=(3,))
    for name in ("time_to_first_token", "inter_chunk_latency"):
        record["metrics"][name]["unit"] = unit
    assert read(path, record).column("chunk_times_ns") == [[2 * nanos, 5 * nanos]]


def test_the_names_of_2025_are_read(path):
    old = line(request_start_ns=..., credit_issued_ns=..., benchmark_phase=..., timestamp_ns=START)
    old["metadata"]["credit_phase"] = "profiling"
    old["metrics"]["ttft"] = old["metrics"].pop("time_to_first_token")
    (row,) = read(path, old).rows
    assert (row["arrival_ns"], row["chunk_times_ns"][0]) == (START, 50_000_000)


def test_usage_counts_are_trusted_over_the_clients(path):
    record = line(output=9)
    record["metrics"]["usage_completion_tokens"] = {"value": 4, "unit": "tokens"}
    record["metrics"]["usage_prompt_tokens"] = {"value": 11.0, "unit": "tokens"}
    (row,) = read(path, record).rows
    assert (row["input_tokens"], row["output_tokens"]) == (11, 4)


def test_surplus_chunks_follow_the_first_without_tokens_and_are_noted(path):
    got = read(path, line("a", output=2), line("b"), line("c", output=0), line("d", output=1))
    assert got.column("chunk_tokens") == [[1, 0, 1], None, None, [1, 0, 0]]
    assert any(note.startswith("2 requests have more chunks") for note in got.facts[0].notes)


def test_reasoning_tokens_are_a_dimension_where_any_line_has_them(path):
    record = line("a")
    record["metrics"]["reasoning_token_count"] = {"value": 2, "unit": "tokens"}
    assert read(path, line("b"), record).column("reasoning_tokens") == [None, 2]


@pytest.mark.parametrize(
    ("error", "metadata", "status"),
    [
        ({"code": 500, "type": "Internal Server Error", "message": "a\nb"}, {}, "failed"),
        ({"code": 499, "type": "RequestCancellationError"}, {}, "cancelled"),
        ({"type": "TimeoutError"}, {}, "timeout"),
        ({"type": "ReadTimeout", "message": "m"}, {}, "timeout"),
        (None, {"was_cancelled": True}, "cancelled"),
        ({}, {}, "failed"),
    ],
)
def test_errors_tell_the_status(path, error, metadata, status):
    record = line("a", error=error, **metadata)
    record["error"] = error
    record["metrics"] = {}
    (row,) = read(path, record).rows
    assert (row["status"], row["chunk_times_ns"], row["timing"]) == (status, [], "chunk")
    assert "\n" not in (row["error"] or "")


def test_error_texts_hold_type_and_message(path):
    record = line(error={"code": 500, "type": "T", "message": "a\nb"})
    assert read(path, record).column("error") == ["T: a b"]


def test_an_ok_line_that_was_not_streamed_has_no_timing(path):
    (row,) = read(path, line(ttft=None, gaps=())).rows
    assert (row["status"], row["timing"], row["chunk_times_ns"]) == ("ok", "none", None)
    assert row["output_tokens"] == 3


def test_warmup_lines_are_counted_not_measured(path):
    warm = line("w", benchmark_phase="warmup")
    old = line("v", benchmark_phase=..., credit_phase="warmup")
    got = read(path, warm, old, warm, line("a"), warm)
    assert got.places == [4]
    assert [(r.place, r.reason, r.count) for r in got.rejects] == [
        ("line 1-3", "warmup", 3),
        ("line 5", "warmup", 1),
    ]


def test_damaged_lines_are_rejected_one_by_one(path):
    wrong_unit = line("u")
    wrong_unit["metrics"]["time_to_first_token"]["unit"] = "weeks"
    half = line("h")
    half["metrics"]["output_sequence_length"]["value"] = 1.5
    got = read(
        path,
        line("a"),
        '{"metadata": {',
        {"metadata": {"x_request_id": 5}},
        {"metrics": {}},
        wrong_unit,
        half,
        line("g", gaps=(1.0, None)),
        line("l", gaps=(1e300,)),
        line("o", ttft=None),
        line("n", request_start_ns=2**63),
        line("b"),
    )
    assert got.column("request_id") == ["a", "b"]
    assert [(r.place, r.reason) for r in got.rejects] == [
        ("line 2", "unreadable_row"),
        *[(f"line {number}", "wrong_type") for number in range(3, 11)],
    ]


def test_lines_without_an_id_are_called_by_their_number(path):
    assert read(path, line("a"), line(x_request_id=...)).column("request_id") == ["a", "2"]


def test_the_summary_beside_the_file_tells_model_client_rate_and_duration(path):
    summarized(path)
    got = read(path, line("a"), line("b"))
    (fact,) = got.facts
    assert fact.client_version == "aiperf 0.13.0"
    assert fact.request_rate == 6.0
    assert got.column("model") == ["m/7B"] * 2
    # The window has microseconds only; the throughput was divided by the exact one.
    assert fact.stated_duration_ns == 4_000_000_500


def test_without_a_summary_that_is_noted(path):
    got = read(path, line("a"))
    (fact,) = got.facts
    assert (fact.client_version, fact.stated_duration_ns) == ("aiperf", None)
    assert "profile_export_aiperf.json" in fact.notes[0]
    assert got.column("model") == [None]


@pytest.mark.parametrize("content", ["{", "[]", "7", '"x"', "\udcff", '{"input_config": []}'])
def test_a_damaged_summary_is_no_error(path, content):
    beside = path.with_name("profile_export_aiperf.json")
    beside.write_bytes(content.encode(errors="surrogateescape"))
    (fact,) = read(path, line("a")).facts
    assert fact.stated_duration_ns is None


def test_the_window_counts_where_the_throughput_had_another_one(path):
    summarized(path, request_throughput={"avg": 2 / 3.5})
    assert read(path, line("a")).facts[0].stated_duration_ns == 4_000_000_000


def test_before_versions_were_written_the_duration_is_that_of_the_requests(path):
    summarized(path, aiperf_version=...)
    assert read(path, line("a")).facts[0].stated_duration_ns == 3_500_000_000


def test_the_oldest_summaries_have_their_metrics_under_records(path):
    summarized(
        path,
        aiperf_version=...,
        benchmark_duration=...,
        records={"benchmark_duration": {"avg": 2.5}},
        input_config={
            "endpoint": {"model_names": ["old"]},
            "loadgen": {"request_rate_mode": "concurrency_burst", "concurrency": 3},
        },
    )
    got = read(path, line("a"))
    assert got.facts[0].stated_duration_ns == 2_500_000_000
    assert (got.column("model"), got.column("origin")) == (["old"], ["sent"])


def test_an_open_loop_counts_from_the_credit(path):
    summarized(path)
    got = read(path, line("a"))
    (row,) = got.rows
    assert (row["origin"], row["arrival_ns"]) == ("scheduled", START - 1000)
    assert row["chunk_times_ns"] == [50_001_000, 55_001_000, 60_001_000]
    assert row["end_ns"] == 70_001_000
    assert any("schedule" in note for note in got.facts[0].notes)


def test_origin_sent_gives_the_clients_own_times(path):
    summarized(path)
    (row,) = read(path, line("a"), origin="sent").rows
    assert (row["origin"], row["chunk_times_ns"][0]) == ("sent", 50_000_000)


def test_origin_scheduled_is_possible_without_a_summary(path):
    assert read(path, line("a"), origin="scheduled").column("origin") == ["scheduled"]


@pytest.mark.parametrize(
    ("config", "is_open"),
    [
        ({"loadgen": {"request_rate": 5.0, "request_rate_mode": "poisson"}}, True),
        ({"loadgen": {"request_rate": 5.0}}, True),
        ({"loadgen": {"request_rate": 5.0, "request_rate_mode": "concurrency_burst"}}, False),
        ({"loadgen": {"concurrency": 5}}, False),
        ({"input": {"fixed_schedule": True}}, True),
        ({"phases": [{"type": "concurrency", "concurrency": 4}]}, False),
        ({"phases": [{"kind": "warmup", "type": "poisson", "rate": 1.0}]}, False),
        ({"phases": [{"kind": "profiling", "type": "gamma", "rate": 1.0}]}, True),
    ],
)
def test_the_load_decides_whether_the_schedule_counts(path, config, is_open):
    summarized(path, input_config=config)
    assert read(path, line("a")).column("origin") == ["scheduled" if is_open else "sent"]


def test_an_open_loop_with_unknown_schedules_counts_from_the_send(path):
    summarized(path)
    lines = [line("a"), line("b", credit_issued_ns=...)]
    got = read(path, *lines)
    assert got.column("origin") == ["sent"] * 2
    assert any("1 lines lack" in note for note in got.facts[0].notes)
    with pytest.raises(DataError, match="1 of 2 lines without credit_issued_ns"):
        read(path, *lines, origin="scheduled")
    with pytest.raises(DataError, match="no accepted times"):
        read(path, *lines, origin="accepted")


def test_batches_are_bounded_and_alike(path):
    got = read(path, line("a"), "{broken", line("b", benchmark_phase="warmup"), batch_bytes=1)
    assert [batch.deliveries.num_rows for batch in got.batches] == [1, 0, 0]
    assert len({str(batch.deliveries.schema) for batch in got.batches}) == 1
    assert len(got.rejects) == 2


def test_large_files_are_cut_into_ranges_of_whole_lines(path, monkeypatch):
    monkeypatch.setattr(json_lines, "RANGE_BYTES", 2000)
    names = [f"r{number}" for number in range(20)]
    got = read(path, *[line(name) for name in names])
    assert len(got.plans[0].partitions) > 3
    assert got.column("request_id") == names
    assert got.places == list(range(1, 21))


def test_a_file_without_any_record_is_no_export(path):
    path.write_text(json.dumps(line("a"))[:-40])
    with pytest.raises(FormatError, match="no line that is an AIPerf record"):
        make.read_back(path)


def test_lines_that_need_a_decoder_are_among_those_that_do_not(path):
    odd = line("é", gaps=(0.1234567890123456789, 1e-05), turn_index=None)
    old = line("s", output=3)
    old["metrics"]["usage_completion_tokens"] = {"value": 2.0, "unit": "tokens"}
    got = read(path, line("a"), odd, line("f", error={"type": "T"}), line(None), old, line("z"))
    assert got.column("request_id") == ["a", "é", "f", "4", "s", "z"]
    assert got.column("chunk_times_ns")[1] == [50_000_000, 50_123_457, 50_123_467]
    assert got.column("status") == ["ok", "ok", "failed", "ok", "ok", "ok"]
    assert got.column("chunk_tokens") == [None, None, None, None, [1, 0, 1], None]
    assert got.places == [1, 2, 3, 4, 5, 6]
    assert any(note.startswith("1 requests have more chunks") for note in got.facts[0].notes)


@pytest.mark.parametrize("phase", ["warmup", "profiling"])
def test_damage_among_the_gaps_rejects_the_line_whatever_its_phase(path, phase):
    damaged = json.dumps(line("b", benchmark_phase=phase)).replace("5.0, 5.0", "5.0, 5..0")
    got = read(path, line("a"), damaged, line("c"))
    assert got.places == [1, 3]
    assert [(reject.place, reject.reason) for reject in got.rejects] == [
        ("line 2", "unreadable_row")
    ]


def test_counts_of_a_plan_are_those_of_lines_that_can_be_read(path):
    lines = [line("a"), line("b", credit_issued_ns=...), line("c", output=1)]
    damaged = [json.dumps(some).replace("5.0]", "5.0.]") for some in lines]
    make.json_lines(path, *lines, *damaged)
    with pytest.raises(DataError, match="has 1 of 3 lines without credit_issued_ns"):
        make.read_back(path, origin="scheduled")
    got = make.read_back(path)
    assert any(note.startswith("1 requests have more chunks") for note in got.facts[0].notes)
