from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import DataError, FormatError
from tests.readers import client_damage as damage
from tests.readers import client_round_trip as round_trip
from tests.readers import make

row, result = make.genai_bench_row, make.genai_bench_result


@pytest.fixture
def path(tmp_path):
    return tmp_path / "r.json"


def failure(**changes):
    nothing = dict.fromkeys(
        ("ttft", "tpot", "e2e_latency", "output_latency", "num_input_tokens", "num_output_tokens")
    )
    return row(**(nothing | {"error_code": 503, "error_message": "busy"} | changes))


def read(path, *rows, changes=None, **options):
    return make.read_back(make.dumped(path, result(*rows, **(changes or {}))), **options)


def test_only_the_first_and_the_last_time_are_known(path):
    (found,) = read(path).rows
    assert (found["timing"], found["status"]) == ("mean", "ok")
    assert found["chunk_times_ns"] is None
    assert (found["ttft_ns"], found["last_ns"], found["end_ns"]) == (
        50_000_000,
        60_000_000,
        60_000_000,
    )
    assert (found["input_tokens"], found["output_tokens"]) == (7, 3)
    assert (found["reasoning_tokens"], found["scenario"], found["concurrency"]) == (1, "D(7,3)", 4)


@pytest.mark.parametrize(("unit", "nanos"), [("s", 10**9), ("ms", 10**6)])
def test_times_are_read_in_their_unit_and_the_duration_in_seconds(path, unit, nanos):
    got = read(path, row(ttft=2, e2e_latency=3.5), changes={"_time_unit": unit})
    assert (got.rows[0]["ttft_ns"], got.rows[0]["last_ns"]) == (2 * nanos, 7 * nanos // 2)
    assert got.facts[0].stated_duration_ns == 1_500_000_000


def test_without_a_unit_seconds_are_assumed_and_noted(path):
    got = read(path, changes={"_time_unit": ...})
    assert got.rows[0]["ttft_ns"] == 50_000_000
    assert any("seconds are assumed" in note for note in got.facts[0].notes)


def test_an_unknown_unit_is_an_error(path):
    with pytest.raises(FormatError, match="_time_unit 'min'; allowed are s, ms"):
        read(path, changes={"_time_unit": "min"})


def test_failed_requests_count_as_nothing_delivered(path):
    got = read(path, row(), failure(), failure(error_message=None))
    assert got.column("status") == ["ok", "failed", "failed"]
    assert got.column("error") == [None, "busy", "error code 503"]
    assert got.column("error_code") == [None, "503", "503"]
    assert got.column("output_tokens") == [3, 0, 0]
    assert got.column("timing") == ["mean", "none", "none"]
    assert "2 failed requests" in got.facts[0].notes[-1]


def test_an_error_code_of_zero_is_no_error(path):
    assert read(path, row(error_code=0)).column("status") == ["ok"]


def test_one_token_came_when_the_first_came_and_none_has_no_time(path):
    got = read(path, row(num_output_tokens=1), row(num_output_tokens=0))
    assert got.column("ttft_ns") == [50_000_000, None]
    assert got.column("last_ns") == [None, None]
    assert got.column("timing") == ["mean", "none"]


def test_a_count_of_completed_requests_that_the_rows_belie_is_noted(path):
    got = read(path, row(), row())
    assert "states 1 completed requests, the rows show 2" in got.facts[0].notes[-1]


@pytest.mark.parametrize("load", [None, float("inf"), 2.5, "many"])
def test_a_load_that_is_no_whole_number_is_no_concurrency(path, load):
    got = read(path, changes={"aggregated_metrics": {"num_concurrency": load}})
    assert got.column("concurrency") == [None]
    assert got.facts[0].stated_duration_ns is None


@pytest.mark.parametrize("indent", [None, 0, 4])
def test_the_layout_does_not_matter(path, indent):
    assert len(make.read_back(make.dumped(path, result(), indent=indent)).rows) == 1


def test_there_is_no_schedule(path):
    with pytest.raises(DataError, match="has no scheduled times"):
        read(path, origin="scheduled")


def test_batches_are_bounded(path):
    assert len(read(path, row(), row(), batch_bytes=1).batches) == 2


@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        (row(ttft=float("nan")), "ttft"),
        (row(e2e_latency=1e300), "beyond the range"),
        (row(num_output_tokens=2**31), "num_output_tokens"),
        (row(error_code=...), "error_code"),
        ("x", "Expected `object`"),
    ],
)
def test_values_out_of_range_reject_their_row_and_no_other(path, bad, detail):
    got = read(path, row(), bad, row())
    assert got.places == [1, 3]
    (reject,) = got.rejects
    assert (reject.place, reject.reason) == ("request 2", "wrong_type")
    assert detail in reject.detail


@pytest.mark.parametrize(("unit", "nanos"), [("s", 1e9), ("ms", 1e6)])
def test_first_and_last_times_come_back_exactly(tmp_path, unit, nanos):
    spans = st.tuples(round_trip.times_ns, round_trip.gaps_ns, st.integers(2, 999))

    @given(st.lists(spans, min_size=1, max_size=5))
    def holds(requests):
        written, rows = [], []
        for first, span, count in requests:
            last = first + span
            times = {"ttft": first / nanos, "e2e_latency": last / nanos}
            written.append(row(**times, num_output_tokens=count))
            known = {"ttft_ns": first, "last_ns": last, "end_ns": last, "output_tokens": count}
            rows.append(round_trip.delivery(timing="mean", **known))
        round_trip.check(read(tmp_path / "x", *written, changes={"_time_unit": unit}), rows)

    holds()


def test_damaged_files_are_refused_or_every_row_is_counted(path):
    values = [result(row(), failure(), row(num_output_tokens=1))]

    def rows_of(found):
        return len(found[0]["individual_request_metrics"])

    damage.check_all(path, values, rows_of, rounds=100)


def test_the_client_prints_what_its_file_holds(shared_dir):
    (file,) = (shared_dir / "traces" / "genai-bench").glob("*/*.json")
    printed = json.loads(file.read_text())["aggregated_metrics"]
    got = make.read_back(file)
    assert (len(got.rows), got.rejects) == (printed["num_completed_requests"], [])
    first, last, output = (np.array(got.column(n)) for n in ("ttft_ns", "last_ns", "output_tokens"))
    check_printed(printed["stats"]["ttft"], first)
    check_printed(printed["stats"]["e2e_latency"], last)
    check_printed(printed["stats"]["tpot"], (last - first) / (output - 1))
    duration = got.facts[0].stated_duration_ns / 1e9
    assert output.sum() / duration == pytest.approx(
        printed["mean_output_throughput_tokens_per_s"], rel=1e-9
    )


def check_printed(printed, nanoseconds):
    found = nanoseconds / 1e9
    assert found.mean() == pytest.approx(printed["mean"], abs=1e-9)
    assert found.std() == pytest.approx(printed["stddev"], abs=1e-9)
    for rank in (25, 50, 75, 90, 95, 99):
        assert np.percentile(found, rank) == pytest.approx(printed[f"p{rank}"], abs=1e-9)
