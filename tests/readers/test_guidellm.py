from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import DataError, FormatError
from sgengine.readers import json_lines
from sgengine.readers.detect import detect
from tests.readers import client_damage as damage
from tests.readers import client_round_trip as round_trip
from tests.readers import make

SYNC = {"type_": "synchronous", "max_concurrency": 1}
REAL = {
    "guidellm/v0.3-qwen2.5-7b-throughput/benchmarks.json": [(1000, 0)],
    "guidellm/v0.5.0.dev0-gptoss20b-sync/benchmarks.json": [(30, 0)],
    "guidellm/v0.6.0.dev2-codellama34b-sweep/guidellm-results.json": [
        (40, 0),
        (39, 1),
        (40, 0),
        (40, 0),
        (38, 2),
    ],
    "_mock-server/guidellm-0.8.1/benchmarks.json": [(20, 4)],
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "benchmarks.json"


def read(path, *rows, options=None, **changes):
    report = make.guidellm_report(make.guidellm_benchmark(*rows, **changes))
    return make.read_back(make.dumped(path, report), **(options or {}))


@pytest.mark.parametrize("indent", [None, 2])
def test_it_is_told_by_its_content_however_it_is_laid_out(path, indent):
    for report in (make.guidellm_report(), make.guidellm_old_report()):
        assert detect(str(make.dumped(path, report, indent=indent))) == "guidellm"


def test_a_row_has_its_first_and_last_time_from_when_it_was_due(path):
    got = read(path)
    (row,) = got.rows
    assert (row["timing"], row["status"], row["chunk_times_ns"]) == ("first_last", "ok", None)
    assert (row["clock"], row["origin"]) == ("unix", "scheduled")
    assert row["arrival_ns"] == 1_795_407_610_000_000_000
    assert (row["ttft_ns"], row["last_ns"], row["end_ns"]) == (
        100_000_000,
        300_000_000,
        310_000_000,
    )
    assert (row["input_tokens"], row["output_tokens"]) == (7, 5)
    assert (row["model"], row["session_id"], row["turn"]) == ("m/7B", "s-a", 1)
    assert (row["strategy"], row["request_rate"], row["concurrency"]) == ("poisson", 6.0, 512)
    assert (row["token_iterations"], row["ttft_visible_ns"]) == (4, 200_000_000)
    assert row["workload"] == "kind=synthetic_text prompt_tokens=7"
    assert any("schedule" in note for note in got.facts[0].notes)
    assert any(note.startswith("1 of 1 requests got several") for note in got.facts[0].notes)


def test_the_run_states_the_length_of_the_measure_window(path):
    (fact,) = read(path).facts
    assert fact.stated_duration_ns == 2_192_942_619
    assert (fact.client_version, fact.request_rate) == ("guidellm 0.8.1", 6.0)
    (without,) = read(path, duration=...).facts
    assert without.stated_duration_ns == 2_192_942_600


def test_a_closed_loop_counts_from_the_send(path):
    (row,) = read(path, strategy=SYNC).rows
    assert (row["origin"], row["arrival_ns"]) == ("sent", 1_795_407_610_010_000_000)
    assert (row["ttft_ns"], row["request_rate"], row["concurrency"]) == (90_000_000, None, 1)


@pytest.mark.parametrize("kind", ["constant", "poisson", "trace"])
def test_an_open_loop_counts_from_the_schedule_unless_told_otherwise(path, kind):
    strategy = {"type_": kind}
    assert read(path, strategy=strategy).column("origin") == ["scheduled"]
    sent = read(path, strategy=strategy, options={"origin": "sent"})
    assert sent.column("ttft_ns") == [90_000_000]


def test_a_schedule_that_is_not_known_of_every_row_does_not_count(path):
    rows = make.guidellm_row(), make.guidellm_row("b", timings={"targeted_start": None})
    got = read(path, *rows)
    assert got.column("origin") == ["sent"] * 2
    assert any("lack targeted_start" in note for note in got.facts[0].notes)
    for wanted in ("scheduled", "accepted"):
        with pytest.raises(DataError, match=f"no {wanted} times"):
            read(path, *rows, options={"origin": wanted})


def test_the_old_schema_has_its_times_beside_its_counts(path):
    got = make.read_back(make.dumped(path, make.guidellm_old_report()))
    (row,) = got.rows
    assert (row["origin"], row["arrival_ns"]) == ("sent", 1_779_715_892_600_000_000)
    assert (row["ttft_ns"], row["last_ns"], row["end_ns"]) == (250_000_000, 900_000_000, 10**9)
    assert (row["model"], row["strategy"]) == ("m/7B", "throughput")
    assert row["workload"] == "prompt_tokens=7,output_tokens=3"
    (fact,) = got.facts
    assert (fact.client_version, fact.stated_duration_ns) == ("guidellm", 1_100_000_000)


def test_several_benchmarks_are_several_runs(path):
    report = make.guidellm_report(
        make.guidellm_benchmark(strategy=SYNC), make.guidellm_benchmark(make.guidellm_row("b"))
    )
    got = make.read_back(make.dumped(path, report))
    assert got.column("run") == ["benchmarks#1", "benchmarks#2"]
    assert [fact.run for fact in got.facts] == ["benchmarks#1", "benchmarks#2"]
    assert [fact.origin for fact in got.facts] == ["sent", "scheduled"]
    assert got.column("system") == ["benchmarks"] * 2


def test_lists_tell_the_status(path):
    got = read(
        path,
        incomplete=[make.guidellm_row("i", output_tokens=None)],
        errored=[
            make.guidellm_error("e", error="first line\nsecond"),
            make.guidellm_error("t", error="ReadTimeout('')"),
            make.guidellm_error("g", error="504 Gateway Timeout for url"),
            make.guidellm_row("p", error="RemoteProtocolError()", output_tokens=None),
        ],
    )
    about = {row["request_id"]: row for row in got.rows}
    assert {name: row["status"] for name, row in about.items()} == {
        "a": "ok",
        "i": "incomplete",
        "e": "failed",
        "t": "timeout",
        "g": "failed",
        "p": "failed",
    }
    assert about["e"]["error"] == "first line"
    assert (about["e"]["chunk_times_ns"], about["e"]["end_ns"]) == ([], 320_000_000)
    assert (about["p"]["timing"], about["p"]["ttft_ns"]) == ("first_last", 100_000_000)
    assert (about["i"]["ttft_ns"], about["i"]["output_tokens"]) == (100_000_000, None)
    assert sorted(got.places) == [1, 2, 3, 4, 5, 6]


def test_a_request_given_up_before_it_was_due_has_no_end(path):
    never = make.guidellm_error(
        "n", error=None, request_start=None, resolve_end=1795407609.0, first_token_iteration=None
    )
    got = read(path, incomplete=[never])
    assert got.column("end_ns")[1] is None
    assert got.column("chunk_times_ns")[1] == []
    assert got.column("in_window")[1] is None


def test_tokens_whose_times_are_not_recorded_leave_the_row_without_timing(path):
    times = {"first_token_iteration": None, "last_token_iteration": None}
    (row,) = read(path, make.guidellm_row(timings=times)).rows
    assert (row["timing"], row["chunk_times_ns"], row["ttft_ns"]) == ("none", None, None)


@pytest.mark.parametrize(("output", "ttft", "last"), [(1, 100_000_000, None), (0, None, None)])
def test_one_token_has_one_time_and_none_has_none(path, output, ttft, last):
    (row,) = read(path, make.guidellm_row(output_tokens=output)).rows
    assert (row["ttft_ns"], row["last_ns"]) == (ttft, last)


def test_a_clock_that_was_set_back_costs_no_row(path):
    got = read(path, make.guidellm_row(timings={"last_token_iteration": 1795407610.05}))
    assert got.column("last_ns") == [100_000_000]
    assert any("clock was set back" in note for note in got.facts[0].notes)


def test_rows_outside_the_measure_window_are_kept_and_told(path):
    got = read(path, make.guidellm_row(), make.guidellm_row("b"), start_time=1795407610.4)
    assert got.column("in_window") == [False, False]
    assert any(note.startswith("2 of 2 requests lie outside") for note in got.facts[0].notes)


def test_a_sample_of_the_rows_is_noted(path):
    got = read(path, scheduler_metrics={"requests_made": {"total": 9}})
    assert any("lists 1 of 9 requests" in note for note in got.facts[0].notes)


def test_epochs_keep_every_digit(path):
    text = json.dumps(make.guidellm_report()).replace("1795407610.01,", "1795407610.123456789,")
    path.write_text(text)
    (row,) = make.read_back(path, origin="sent").rows
    assert row["arrival_ns"] == 1_795_407_610_123_456_789


def test_damaged_rows_are_rejected_one_by_one(path):
    got = read(
        path,
        make.guidellm_row(),
        make.guidellm_row(prompt_tokens="7"),
        make.guidellm_row(timings={"request_start": 1e300}),
        7,
        make.guidellm_row(timings={"first_token_iteration": "NaN"}),
        make.guidellm_row("z"),
    )
    assert got.column("request_id") == ["a", "z"]
    assert [(r.place, r.reason) for r in got.rejects] == [
        (f"request {number}", "wrong_type") for number in range(2, 6)
    ]


def test_nan_and_infinity_stand_for_null(path):
    row = make.guidellm_row(tokens_per_second=float("inf"), output="NaN, Infinity")
    got = read(path, row, metrics={"mean": float("nan")}, duration=float("inf"))
    assert got.column("output_tokens") == [5]
    assert got.facts[0].stated_duration_ns == 2_192_942_600


def test_a_benchmark_without_rows_still_has_its_facts(path):
    empty = {"successful": [], "errored": None, "incomplete": []}
    got = read(path, requests=empty)
    assert (got.rows, len(got.facts)) == ([], 1)


@pytest.mark.parametrize(
    ("report", "says"),
    [
        ({"benchmarks": []}, "no benchmarks"),
        ({"benchmarks": [{"config": {}}]}, "without requests"),
        ({"benchmarks": [{"requests": None}]}, "without requests"),
        ({"benchmarks": {}}, "an array is due"),
    ],
)
def test_other_shapes_are_refused(path, report, says):
    with pytest.raises(FormatError, match=says):
        make.read_back(make.dumped(path, report), format="guidellm")


def test_a_file_that_goes_on_after_its_end_is_refused(path):
    path.write_text(json.dumps(make.guidellm_report()) * 2)
    with pytest.raises(FormatError, match="the end of the file is due"):
        make.read_back(path, format="guidellm")


def test_long_lists_are_read_in_ranges_and_bounded_batches(path, monkeypatch):
    monkeypatch.setattr(json_lines, "PIECE_BYTES", 2000)
    rows = [make.guidellm_row(f"r{number}") for number in range(20)]
    got = read(path, *rows, errored=[make.guidellm_error()], options={"batch_bytes": 1})
    partitions = got.plans[0].partitions
    assert len(partitions) > 4
    assert [item.index for item in partitions] == list(range(len(partitions)))
    assert len(got.batches) == 21
    assert got.places == list(range(1, 22))
    assert len({str(batch.deliveries.schema) for batch in got.batches}) == 1


@given(
    st.lists(
        st.tuples(st.integers(1, 10**13), st.integers(0, 10**13), st.integers(0, 9), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_what_the_format_can_hold_comes_back(tmp_path_factory, requests):
    """Times of seven decimals, as the client writes them, are whole numbers of 100 ns."""
    path = tmp_path_factory.mktemp("x") / "b.json"
    start = 1_795_407_610 * 10**9
    rows = [_written(start, *request) for request in requests]
    report = make.guidellm_report(make.guidellm_benchmark(*rows, strategy=SYNC))
    path.write_text(json.dumps(report).replace('"@', "").replace('@"', ""))
    round_trip.check(make.read_back(path), [_delivery(start, *request) for request in requests])


def _written(start, ttft, rest, tokens, is_timed):
    times = {"request_start": start, "request_end": start + ttft + rest}
    if is_timed:
        times |= {
            "first_token_iteration": start + ttft,
            "last_token_iteration": start + ttft + rest,
        }
    never = dict.fromkeys(("first_token_iteration", "last_token_iteration"))
    # Marks keep the digits from becoming a float on their way.
    exact = {key: f"@{Decimal(value).scaleb(-9)}@" for key, value in times.items()}
    timings = never | exact | {"token_iterations": None, "first_output_token_iteration": None}
    return make.guidellm_row(timings=timings, output_tokens=tokens)


def _delivery(start, ttft, rest, tokens, is_timed):
    times = {}
    if is_timed and tokens:
        times = {"ttft_ns": ttft, "last_ns": ttft + rest if tokens > 1 else None}
    return round_trip.delivery(
        clock="unix",
        arrival_ns=start,
        end_ns=ttft + rest,
        output_tokens=tokens,
        timing="first_last" if is_timed else "none",
        **times,
    )


def rows_of(values):
    lists = (
        rows
        for report in values
        for benchmark in report["benchmarks"]
        for name, rows in benchmark["requests"].items()
        if name in ("successful", "incomplete", "errored")
    )
    return sum(len(rows or ()) for rows in lists)


def test_damaged_files_are_refused_or_every_row_is_counted(path):
    benchmark = make.guidellm_benchmark(
        make.guidellm_row(), make.guidellm_row("b"), errored=[make.guidellm_error()]
    )
    damage.check_all(path, [make.guidellm_report(benchmark)], rows_of, rounds=75)


@pytest.mark.parametrize("file", REAL)
def test_the_client_prints_what_its_file_holds(shared_dir, file):
    path = shared_dir / "traces" / file
    printed = json.loads(path.read_text())["benchmarks"]
    got = make.read_back(path, origin="sent")
    assert got.rejects == []
    for benchmark, fact, (ok, errored) in zip(printed, got.facts, REAL[file], strict=True):
        rows = [row for row in got.rows if row["run"] == fact.run]
        assert len(rows) == ok + errored
        assert [row["status"] for row in rows].count("ok") == ok
        assert fact.stated_duration_ns / 1e9 == pytest.approx(benchmark["duration"], rel=1e-9)
        _check_rows(benchmark["requests"]["successful"], rows)
        _check_summary(benchmark, [row for row in rows if row["status"] == "ok"], fact)


def _check_rows(listed, rows):
    """The client's own figures of each request; its times have a resolution of 0.2 us."""
    found = {row["request_id"]: row for row in rows}
    for row in listed:
        ours = found[row["request_id"]]
        if row["output_tokens"] == 1:
            assert ours["last_ns"] is None
            continue
        span = ours["last_ns"] - ours["ttft_ns"]
        assert ours["ttft_ns"] / 1e6 == pytest.approx(row["time_to_first_token_ms"], abs=1e-3)
        itl = span / 1e6 / (row["output_tokens"] - 1)
        assert itl == pytest.approx(row["inter_token_latency_ms"], abs=1e-3)
        assert ours["end_ns"] / 1e9 == pytest.approx(row["request_latency"], abs=1e-6)


def _check_summary(benchmark, ok, fact):
    inside = [row for row in ok if row["in_window"]]
    metrics = benchmark["metrics"]
    ttft = metrics["time_to_first_token_ms"]["successful"]
    assert len(inside) == ttft["count"]
    assert np.mean([row["ttft_ns"] for row in inside]) / 1e6 == pytest.approx(
        ttft["mean"], abs=1e-3
    )
    latency = metrics["request_latency"]["successful"]
    assert np.mean([row["end_ns"] for row in inside]) / 1e9 == pytest.approx(
        latency["mean"], abs=1e-6
    )
    several = [row for row in inside if row["output_tokens"] > 1]
    weights = [row["output_tokens"] - 1 for row in several]
    spans = [row["last_ns"] - row["ttft_ns"] for row in several]
    itl = metrics["inter_token_latency_ms"]["successful"]
    assert sum(spans) / sum(weights) / 1e6 == pytest.approx(itl["mean"], abs=1e-3)


def test_a_sweep_has_runs_of_its_own_with_rates_and_origins(shared_dir):
    path = shared_dir / "traces" / list(REAL)[2]
    got = make.read_back(path)
    assert [fact.origin for fact in got.facts] == ["sent"] * 2 + ["scheduled"] * 3
    rates = [fact.request_rate for fact in got.facts]
    assert rates[:2] == [None, None]
    assert rates[2:] == pytest.approx([1.952, 2.897, 3.842], abs=1e-3)


def test_partial_replies_of_the_mock_keep_their_times(shared_dir):
    got = make.read_back(shared_dir / "traces" / list(REAL)[3])
    failed = [row for row in got.rows if row["status"] == "failed"]
    assert sorted(row["output_tokens"] or 0 for row in failed) == [0, 0, 8, 11]
    assert [row["chunk_times_ns"] for row in failed].count([]) == 2
