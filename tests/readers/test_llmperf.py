from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import DataError, FormatError
from sgengine.readers.detect import detect
from tests.readers import client_damage as damage
from tests.readers import client_round_trip as round_trip
from tests.readers import make
from tests.readers.client_round_trip import seconds

row, failure = make.llmperf_row, make.llmperf_failure


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m_7_3_individual_responses.json"


def read(path, *rows, **options):
    return make.read_back(make.dumped(path, list(rows)), **options)


def summarized(path, **changes):
    summary = {
        "model": "m/7B",
        "num_concurrent_requests": 4,
        "results_ttft_s_mean": 0.05,
        "results_num_completed_requests": 2,
        "results_num_completed_requests_per_min": 48.0,
        "results_error_rate": float("nan"),
    } | changes
    make.dumped(path.with_name("m_7_3_summary.json"), summary, indent=4)


def test_only_the_first_and_the_last_time_are_known(path):
    (found,) = read(path, row()).rows
    assert (found["timing"], found["status"]) == ("mean", "ok")
    assert found["chunk_times_ns"] is None
    assert (found["ttft_ns"], found["last_ns"], found["end_ns"]) == (
        50_000_000,
        60_000_000,
        60_000_000,
    )
    assert (found["input_tokens"], found["output_tokens"]) == (7, 3)
    assert found["inter_token_latency_s"] == 0.02


def test_that_the_end_stands_for_the_last_token_is_noted(path):
    (fact,) = read(path, row()).facts
    assert any("stream closed stands for the last token's" in note for note in fact.notes)
    assert any("no start times" in note for note in fact.notes)


def test_one_token_came_when_the_first_came(path):
    (found,) = read(path, row(number_output_tokens=1)).rows
    assert (found["ttft_ns"], found["last_ns"], found["end_ns"]) == (50_000_000, None, 60_000_000)


def test_no_token_has_no_time(path):
    (found,) = read(path, row(number_output_tokens=0)).rows
    assert (found["timing"], found["ttft_ns"], found["last_ns"]) == ("none", None, None)
    assert found["end_ns"] == 60_000_000


def test_a_first_time_of_zero_is_none(path):
    (found,) = read(path, row(ttft_s=0)).rows
    assert (found["timing"], found["ttft_ns"], found["last_ns"]) == ("mean", None, 60_000_000)


def test_failed_requests_count_as_nothing_delivered(path):
    got = read(path, row(), failure(), failure(error_code=-1, error_msg=""))
    assert got.column("status") == ["ok", "failed", "failed"]
    assert got.column("error") == [None, "busy", "error code -1"]
    assert got.column("error_code") == [None, "503", "-1"]
    assert got.column("output_tokens") == [3, 0, 0]
    assert got.column("timing") == ["mean", "none", "none"]
    assert got.column("end_ns") == [60_000_000, None, None]
    assert "2 failed requests" in got.facts[0].notes[2]


def test_a_request_that_failed_midway_keeps_its_first_time(path):
    (found,) = read(path, failure(ttft_s=0.05, number_output_tokens=2)).rows
    assert (found["timing"], found["status"], found["output_tokens"]) == ("mean", "failed", 2)
    assert (found["ttft_ns"], found["last_ns"], found["end_ns"]) == (50_000_000, None, None)


def test_keys_left_of_unfinished_requests_are_no_requests(path):
    got = read(path, row(), "error_code", "ttft_s", row())
    assert got.places == [1, 4]
    assert [reject.place for reject in got.rejects] == ["request 2", "request 3"]
    assert got.rejects[0].detail == '"error_code" is no request'


def test_the_summary_beside_the_file_tells_model_load_and_duration(path):
    summarized(path)
    got = read(path, row())
    assert (got.rows[0]["model"], got.rows[0]["concurrency"]) == ("m/7B", 4)
    assert got.facts[0].stated_duration_ns == 2_500_000_000
    assert not any("beside the file" in note for note in got.facts[0].notes)


@pytest.mark.parametrize("text", [None, "", "[", '{"model": 7}'])
def test_without_a_readable_summary_they_are_unknown(path, text):
    if text is not None:
        path.with_name("m_7_3_summary.json").write_text(text)
    got = read(path, row())
    assert (got.rows[0]["model"], got.rows[0]["concurrency"]) == (None, None)
    assert got.facts[0].stated_duration_ns is None
    assert "m_7_3_summary.json" in got.facts[0].notes[-1]


def test_the_summary_itself_is_refused_with_what_to_give(path):
    summarized(path)
    with pytest.raises(FormatError, match=r"give the _individual_responses\.json"):
        detect(str(path.with_name("m_7_3_summary.json")))


@pytest.mark.parametrize("indent", [None, 0, 4])
def test_the_layout_does_not_matter(path, indent):
    got = make.read_back(make.dumped(path, [row(), row()], indent=indent))
    assert got.places == [1, 2]


def test_there_is_no_schedule(path):
    with pytest.raises(DataError, match="has no scheduled times"):
        read(path, row(), origin="scheduled")


def test_batches_are_bounded(path):
    assert len(read(path, row(), row(), batch_bytes=1).batches) == 2


@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        (row(ttft_s="x"), "ttft_s"),
        (row(end_to_end_latency_s=1e300), "beyond the range"),
        (row(number_output_tokens=2**31), "number_output_tokens"),
        (row(error_code=...), "error_code"),
        (7, "Expected `object`"),
    ],
)
def test_values_out_of_range_reject_their_row_and_no_other(path, bad, detail):
    got = read(path, row(), bad, row())
    assert got.places == [1, 3]
    (reject,) = got.rejects
    assert (reject.place, reject.reason) == ("request 2", "wrong_type")
    assert detail in reject.detail


def test_an_object_is_refused(path):
    make.dumped(path, row())
    with pytest.raises(FormatError, match="wrong types for LLMPerf's responses"):
        make.read_back(path)


def test_first_and_last_times_come_back_exactly(tmp_path):
    spans = st.tuples(round_trip.times_ns, round_trip.gaps_ns, st.integers(2, 999))

    @given(st.lists(spans, min_size=1, max_size=5))
    def holds(requests):
        written, rows = [], []
        for first, span, count in requests:
            last = first + span
            times = {"ttft_s": seconds(first), "end_to_end_latency_s": seconds(last)}
            written.append(row(**times, number_output_tokens=count))
            known = {"ttft_ns": first, "last_ns": last, "end_ns": last, "output_tokens": count}
            rows.append(round_trip.delivery(timing="mean", **known))
        round_trip.check(read(tmp_path / "x", *written), rows)

    holds()


def test_damaged_files_are_refused_or_every_row_is_counted(path):
    values = [[row(), failure(), row(number_output_tokens=1)]]
    damage.check_all(path, values, lambda found: len(found[0]), rounds=100)


def test_the_client_prints_what_its_file_holds(shared_dir):
    folder = shared_dir / "traces" / "llmperf"
    (beside,) = folder.glob("*/*_summary.json")
    printed = json.loads(beside.read_text())
    got = make.read_back(folder)
    assert (len(got.rows), got.rejects) == (printed["results_num_completed_requests"], [])
    check_printed(printed, "ttft_s", got.column("ttft_ns"))
    check_printed(printed, "end_to_end_latency_s", got.column("last_ns"))
    duration = got.facts[0].stated_duration_ns / 1e9
    throughput = sum(got.column("output_tokens")) / duration
    assert throughput == pytest.approx(
        printed["results_mean_output_throughput_token_per_s"], rel=1e-9
    )
    assert set(got.column("model")) == {printed["model"]}


def check_printed(printed, name, nanoseconds):
    found = np.array(nanoseconds) / 1e9
    assert found.mean() == pytest.approx(printed[f"results_{name}_mean"], abs=1e-9)
    assert found.std(ddof=1) == pytest.approx(printed[f"results_{name}_stddev"], abs=1e-9)
    for rank in (25, 50, 75, 90, 95, 99):
        key = f"results_{name}_quantiles_p{rank}"
        assert np.percentile(found, rank) == pytest.approx(printed[key], abs=1e-9)
