from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import DataError, FormatError
from sgengine.readers.detect import detect
from sgengine.readers.nanovllm import STATUSES
from tests.readers import client_damage as damage
from tests.readers import client_round_trip as round_trip
from tests.readers import make
from tests.readers.client_round_trip import seconds

row, result = make.nanovllm_row, make.nanovllm_result

FILES = (
    "load0.5_seed3_round_robin",
    "load0.5_seed3_resource_aware",
    "load1_seed3_round_robin",
    "load1_seed3_resource_aware",
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "r.json"


def read(path, *rows, changes=None, **options):
    return make.read_back(make.dumped(path, result(*rows, **(changes or {}))), **options)


def test_times_count_from_the_arrival_one_a_token(path):
    (found,) = read(path).rows
    assert (found["timing"], found["chunk_tokens"]) == ("token", None)
    assert found["chunk_times_ns"] == [50_000_000, 60_000_000, 71_000_000]
    assert (found["arrival_ns"], found["end_ns"]) == (10**9, 71_500_000)
    assert (found["clock"], found["origin"]) == ("monotonic", "scheduled")
    assert (found["input_tokens"], found["output_tokens"]) == (None, 3)
    assert (found["admitted_ns"], found["first_scheduled_ns"]) == (1000, 20_000_000)


def test_router_and_class_are_system_and_workload(path):
    got = read(path, row(), row(request_class="long"))
    assert got.column("system") == ["round_robin"] * 2
    assert got.column("workload") == got.column("request_class") == ["interactive", "long"]
    assert got.column("router") == ["round_robin"] * 2
    (fact,) = got.facts
    assert (fact.system, fact.workload) == ("round_robin", "interactive")


def test_options_replace_what_the_file_says(path):
    got = read(path, system="A", workload="B")
    assert (got.column("system"), got.column("workload")) == (["A"], ["B"])
    assert got.column("request_class") == ["interactive"]
    assert got.facts[0].workload == "B"


def test_a_request_without_a_class_is_of_the_default_workload(path):
    got = read(path, row(request_class=None))
    assert (got.column("workload"), got.facts[0].workload) == (["default"], "default")


@pytest.mark.parametrize(("state", "status"), STATUSES.items())
def test_terminal_states_have_our_names(path, state, status):
    assert read(path, row(terminal_state=state)).column("status") == [status]


def test_unknown_states_go_through_for_the_rules_to_judge(path):
    assert read(path, row(terminal_state="Lost")).column("status") == ["Lost"]


@pytest.mark.parametrize("times", [[], None])
def test_a_rejected_request_was_delivered_nothing(path, times):
    rejected = row(
        token_timestamps=times,
        terminal_state="Rejected",
        terminal_reason="queue\nfull",
        terminal_at=1.0,
        admitted_at=None,
        first_scheduled_at=None,
    )
    (found,) = read(path, rejected).rows
    assert (found["chunk_times_ns"], found["output_tokens"]) == ([], 0)
    assert (found["error"], found["end_ns"]) == ("queue full", 0)
    assert (found["admitted_ns"], found["first_scheduled_ns"]) == (None, None)


def test_an_unfinished_request_has_no_end(path):
    (found,) = read(path, row(terminal_state="Unfinished", terminal_at=None)).rows
    assert (found["status"], found["end_ns"]) == ("incomplete", None)


def test_the_offered_window_is_the_stated_duration_and_noted(path):
    (fact,) = read(path).facts
    assert (fact.stated_duration_ns, fact.request_rate) == (20 * 10**9, 2.4)
    assert any("offered" in note for note in fact.notes)


def test_files_that_state_nothing_of_the_run_are_read(path):
    bare = dict.fromkeys(("router", "summary", "characterization"), ...)
    got = read(path, changes=bare)
    (fact,) = got.facts
    assert (fact.stated_duration_ns, fact.request_rate, fact.system) == (None, None, "r")


def test_only_the_schedule_is_known(path):
    assert read(path, origin="scheduled").column("origin") == ["scheduled"]
    with pytest.raises(DataError, match="has no sent times"):
        read(path, origin="sent")


def test_tokens_before_their_arrival_go_through_for_the_rules_to_judge(path):
    assert read(path, row(token_timestamps=[0.5])).column("chunk_times_ns") == [[-500_000_000]]


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_the_layout_does_not_matter(path, indent):
    assert len(make.read_back(make.dumped(path, result(), indent=indent)).rows) == 1


def test_other_files_with_requests_are_no_traces_of_it(path):
    make.dumped(path, {"requests": [{"id": 1}]})
    with pytest.raises(FormatError, match="not a trace"):
        detect(str(path))


def test_batches_are_bounded(path):
    assert len(read(path, row(), row(), batch_bytes=1).batches) == 2


@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        (row(token_timestamps=[1.0, float("nan")]), "token_timestamps"),
        (row(token_timestamps=[1e300]), "beyond"),
        (row(token_timestamps=...), "token_timestamps"),
        (row(arrival_at=None), "arrival_at"),
        (row(arrival_at=1e300), "beyond"),
        (row(terminal_state=...), "terminal_state"),
        (row(request_id=[]), "request_id"),
        ("x", "Expected `object`"),
    ],
)
def test_values_out_of_range_reject_their_row_and_no_other(path, bad, detail):
    got = read(path, row(), bad, row())
    assert got.places == [1, 3]
    (reject,) = got.rejects
    assert (reject.place, reject.reason) == ("request 2", "wrong_type")
    assert detail in reject.detail


@st.composite
def requests(draw):
    """Arrival, and times of tokens and the end since then, in ns; state."""
    gaps = draw(st.lists(st.integers(0, 10**10), max_size=12))
    times = np.cumsum(gaps, dtype=np.int64).tolist()
    end = draw(st.none() | st.integers(0, 10**12))
    return draw(round_trip.times_ns), times, end, draw(st.sampled_from(list(STATUSES)))


def test_a_time_a_token_comes_back_exactly(tmp_path):
    @given(st.lists(requests(), min_size=1, max_size=5))
    def holds(found):
        written, rows = [], []
        for arrival, times, end, state in found:
            written.append(
                row(
                    arrival_at=seconds(arrival),
                    token_timestamps=[seconds(arrival + time) for time in times],
                    terminal_at=None if end is None else seconds(arrival + end),
                    terminal_state=state,
                )
            )
            known = {"arrival_ns": arrival, "end_ns": end, "status": STATUSES[state]}
            known |= {"input_tokens": None}
            rows.append(
                round_trip.delivery(
                    timing="token", chunk_times_ns=times, output_tokens=len(times), **known
                )
            )
        round_trip.check(read(tmp_path / "x", *written), rows)

    holds()


def test_damaged_files_are_refused_or_every_row_is_counted(path):
    values = [result(row(), row(terminal_state="Rejected", token_timestamps=[]))]
    damage.check_all(path, values, lambda found: len(found[0]["requests"]), rounds=100)


@pytest.mark.parametrize("name", FILES)
def test_the_harness_prints_what_its_file_holds(shared_dir, name):
    file = shared_dir / "traces" / "nanovllm-custom" / name / f"{name}.json"
    printed = json.loads(file.read_text())["summary"]
    got = make.read_back(file)
    assert got.rejects == []
    assert got.column("status") == ["ok"] * printed["terminal_counts"]["Finished"]
    chosen = [r["chunk_times_ns"] for r in got.rows if r["workload"] == "interactive"]
    check_printed(printed["interactive"]["ttft_ms"], np.array([times[0] for times in chosen]))
    gaps = [np.diff(times) for times in chosen]
    check_printed(printed["interactive"]["itl_ms"], np.concatenate(gaps))
    successes = sum(
        times[0] <= 5 * 10**9 and np.percentile(gap, 99) <= 10**9
        for times, gap in zip(chosen, gaps, strict=True)
    )
    assert successes == printed["interactive"]["slo_successes"]
    duration = got.facts[0].stated_duration_ns / 1e9
    assert successes / duration == printed["interactive"]["slo_goodput_rps"]
    tokens = sum(got.column("output_tokens"))
    assert tokens / duration == pytest.approx(printed["output_throughput_tps"], rel=1e-12)


def check_printed(printed, nanoseconds):
    assert len(nanoseconds) == printed["count"]
    assert nanoseconds.max() / 1e6 == pytest.approx(printed["max"], abs=1.01e-6)
    for rank in (50, 95, 99):
        found = np.percentile(nanoseconds, rank) / 1e6
        assert found == pytest.approx(printed[f"p{rank}"], abs=1.01e-6)
