from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.errors import DataError, FormatError
from tests.readers import client_damage as damage
from tests.readers import client_round_trip as round_trip
from tests.readers import make
from tests.readers.client_round_trip import gaps_of, seconds


@pytest.fixture
def path(tmp_path):
    return tmp_path / "request_level_metrics.json"


def read(path, result=None, **options):
    return make.read_back(make.dumped(path, result or make.etalon_result()), **options)


def test_zeros_are_tokens_inside_a_chunk(path):
    got = read(path)
    assert got.column("timing") == ["chunk"] * 3
    assert got.column("chunk_times_ns") == [[50_000_000, 60_000_000, 71_000_000], [60_000_000], []]
    assert got.column("chunk_tokens") == [[1, 2, 1], [2], None]
    assert got.column("output_tokens") == [4, 2, None]


def test_requests_without_tokens_failed_and_are_noted(path):
    got = read(path)
    assert got.column("status") == ["ok", "ok", "failed"]
    assert "1 requests have no output tokens and count as failed" in got.facts[0].notes[-1]


def test_there_is_no_arrival_no_duration_and_no_rate(path):
    got = read(path)
    assert got.column("arrival_ns") == [None] * 3
    assert got.column("input_tokens") == [7, 8, 9]
    assert got.column("request_id") == ["0", "1", "2"]
    (fact,) = got.facts
    assert (fact.clock, fact.stated_duration_ns, fact.request_rate) == ("none", None, None)
    with pytest.raises(DataError, match="has no scheduled times"):
        read(path, origin="scheduled")


def test_output_without_any_time_has_no_timing(path):
    result = make.etalon_result(ttft=[0.05, 0.0, 0.0], tbt=[[0.01, 0.0, 0.011], [], []])
    assert read(path, result).column("timing") == ["chunk", "none", "chunk"]


def test_a_count_that_the_gaps_belie_is_a_deficit(path):
    got = read(path, make.etalon_result(num_output_tokens=[6, 2, 0]))
    first = round_trip.requests(batch.deliveries for batch in got.batches)[0]
    assert (first["n_output_tokens"], first["token_deficit"]) == (4, 2)


def test_negative_gaps_go_through_for_the_rules_to_judge(path):
    result = make.etalon_result(tbt=[[-0.01], [0.0], []])
    assert read(path, result).column("chunk_times_ns")[0] == [50_000_000, 40_000_000]


def test_batches_are_bounded(path):
    assert [b.deliveries.num_rows for b in read(path, batch_bytes=1).batches] == [1, 1, 1]


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_the_layout_does_not_matter(path, indent):
    assert len(make.read_back(make.dumped(path, make.etalon_result(), indent=indent)).rows) == 3


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tbt": [[]]}, "3 ttft but 1 tbt"),
        ({"num_prompt_tokens": [1]}, "3 ttft but 1 num_prompt_tokens"),
        ({"ttft": 7}, "wrong types .*ttft"),
        ({"tbt": ...}, "missing required field `tbt`"),
    ],
)
def test_arrays_that_are_amiss_are_named(path, changes, says):
    make.dumped(path, make.etalon_result(**changes))
    with pytest.raises(FormatError, match=says):
        make.read_back(path, format="etalon")


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"tbt": [[], ["x"], []]}, 'tbt has ["x"]; allowed is a list of seconds'),
        ({"ttft": [0.1, float("inf"), 0]}, 'ttft has "inf"'),
        ({"ttft": [0.1, 1e300, 0]}, "beyond int64"),
        ({"num_output_tokens": [1, 1.5, 0]}, "num_output_tokens has 1.5"),
        ({"num_prompt_tokens": [1, None, 0]}, "num_prompt_tokens has null"),
    ],
)
def test_values_out_of_range_reject_their_row_and_no_other(path, changes, detail):
    got = read(path, make.etalon_result(**changes))
    assert got.places == [1, 3]
    (reject,) = got.rejects
    assert (reject.place, reject.reason) == ("request 2", "wrong_type")
    assert detail in reject.detail


def test_chunks_of_known_sizes_come_back_exactly(tmp_path):
    @given(st.lists(round_trip.chunked(), min_size=1, max_size=5))
    def holds(requests):
        rows = [
            round_trip.delivery(
                timing="chunk", chunk_times_ns=times, chunk_tokens=sizes, output_tokens=sum(sizes)
            )
            for times, sizes in requests
        ]
        round_trip.check(read(tmp_path / "x", etalon_of(requests)), rows)

    holds()


def etalon_of(requests):
    return make.etalon_result(
        num_prompt_tokens=[round_trip.INPUT_TOKENS] * len(requests),
        num_output_tokens=[sum(sizes) for _, sizes in requests],
        ttft=[seconds(times[0]) for times, _ in requests],
        tbt=[gaps_and_zeros(times, sizes) for times, sizes in requests],
    )


def gaps_and_zeros(times, sizes):
    found = [0.0] * (sizes[0] - 1)
    for gap, size in zip(gaps_of(times), sizes[1:], strict=True):
        found += [seconds(gap)] + [0.0] * (size - 1)
    return found


def test_damaged_files_are_refused_or_every_row_is_counted(path):
    damage.check_all(
        path, [make.etalon_result()], lambda values: len(values[0]["ttft"]), rounds=100
    )
