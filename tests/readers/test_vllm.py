from __future__ import annotations

import json

import pytest

from sgengine.errors import DataError, FormatError
from sgengine.readers import vllm
from tests.readers import make


@pytest.fixture
def path(tmp_path):
    return tmp_path / "r.json"


def read(path, result=None, **options):
    return make.read_back(make.vllm(path, result or make.vllm_result()), **options)


def test_chunk_times_are_the_ttft_and_the_running_sum_of_gaps(path):
    got = read(path)
    assert got.column("chunk_times_ns") == [
        [50_000_000, 50_004_000, 60_004_000, 71_004_000],
        [60_000_000, 60_005_000, 72_005_000],
    ]
    assert got.column("timing") == ["chunk"] * 2


def test_every_gap_is_rounded_before_it_is_added(path):
    result = make.vllm_result(ttfts=[1e-9, 0.06], itls=[[1.4e-9] * 3, [0.000005, 0.012]])
    assert read(path, result).column("chunk_times_ns")[0] == [1, 2, 3, 4]


def test_identity_counts_and_dimensions_come_from_the_object(path):
    got = read(path)
    assert got.column("request_id") == ["0", "1"]
    assert got.places == [1, 2]
    assert got.batches[0].place_word == "request"
    assert got.column("input_tokens") == [7, 8]
    assert got.column("output_tokens") == [3, 2]
    assert got.column("model") == ["m/7B"] * 2
    assert got.column("max_concurrency") == [2, 2]
    assert got.column("request_rate") == [None, None]


def test_the_role_chunk_of_chat_holds_token_one_and_the_next_chunk_none(path):
    got = read(path)
    assert got.column("chunk_tokens") == [[1, 0, 1, 1], [1, 0, 1]]
    assert "role chunk" in got.facts[0].notes[0]


def test_sizes_stay_unknown_without_a_role_chunk(path):
    assert read(path, make.vllm_result(backend="openai")).column("chunk_tokens") == [None, None]
    more = make.vllm_result(output_lens=[9, 9])
    assert read(path, more).column("chunk_tokens") == [None, None]
    fewer = make.vllm_result(output_lens=[1, 1])
    assert read(path, fewer).column("chunk_tokens") == [None, None]


def test_failed_chat_rows_have_the_role_chunk_that_ok_rows_show(path):
    result = make.vllm_result(
        input_lens=[7, 8, 9, 9],
        output_lens=[3, 2, 0, 0],
        ttfts=[0.05, 0.06, 0.07, 0.08],
        itls=[[0.000004, 0.01, 0.011], [0.000005, 0.012], [0.01, 0.01], []],
        start_times=[1.0, 2.0, 3.0, 4.0],
        errors=["", "", "Traceback\n  File\nValueError: boom\n", "x" * 999],
    )
    got = read(path, result)
    assert got.column("status") == ["ok", "ok", "failed", "failed"]
    assert got.column("chunk_tokens")[2:] == [[1, 0, 1], [1]]
    assert got.column("output_tokens")[2:] == [None, None]
    assert got.column("error")[:3] == [None, None, "ValueError: boom"]
    assert len(got.column("error")[3]) == 300


def test_rows_without_token_and_first_chunk_failed_even_without_an_error_text(path):
    result = make.vllm_result(output_lens=[3, 0], ttfts=[0.05, 0.0], itls=[[0.1, 0.1, 0.1], []])
    got = read(path, result)
    assert got.column("status") == ["ok", "failed"]
    assert got.column("chunk_times_ns")[1] == []
    assert got.column("output_tokens")[1] is None
    assert "states 2 completed requests, the rows show 1" in got.facts[0].notes[-1]


def test_output_without_any_time_has_no_timing(path):
    result = make.vllm_result(ttfts=[0.0, 0.0], itls=[[], []])
    got = read(path, result)
    assert got.column("timing") == ["none"] * 2
    assert got.column("chunk_times_ns") == [None, None]


def test_negative_gaps_go_through_for_the_rules_to_judge(path):
    result = make.vllm_result(itls=[[-0.01], [0.1]], ttfts=[0.05, -0.1])
    assert read(path, result).column("chunk_times_ns") == [
        [50_000_000, 40_000_000],
        [-100_000_000, 0],
    ]


def test_arrivals_are_monotonic_send_times(path):
    got = read(path)
    assert got.column("arrival_ns") == [100_000_000_000, 100_100_000_000]
    assert (got.column("clock"), got.column("origin")) == (["monotonic"] * 2, ["sent"] * 2)


def test_without_start_times_arrivals_are_unknown(path):
    got = read(path, make.vllm_result(start_times=...))
    assert got.column("arrival_ns") == [None, None]
    assert got.column("clock") == ["none"] * 2


OPEN_LOOP = {"request_rate": 4.0, "queue_times": [0.0, 0.5], "latencies": [0.071004, 0.072005]}


def test_an_open_loop_counts_from_the_schedule(path):
    got = read(path, make.vllm_result(**OPEN_LOOP))
    assert got.column("origin") == ["scheduled"] * 2
    assert got.column("arrival_ns") == [100_000_000_000, 99_600_000_000]
    assert got.column("chunk_times_ns")[1] == [560_000_000, 560_005_000, 572_005_000]
    assert got.column("end_ns") == [71_004_000, 572_005_000]
    assert got.facts[0].request_rate == 4.0
    assert any("schedule" in note for note in got.facts[0].notes)


def test_origin_sent_gives_the_clients_own_times(path):
    got = read(path, make.vllm_result(**OPEN_LOOP), origin="sent")
    assert got.column("chunk_times_ns")[1][0] == 60_000_000
    assert got.column("arrival_ns")[1] == 100_100_000_000


def test_a_closed_loop_counts_from_the_send_unless_told_otherwise(path):
    result = make.vllm_result(queue_times=[0.0, 0.5])
    assert read(path, result).column("origin") == ["sent"] * 2
    assert read(path, result, origin="scheduled").column("origin") == ["scheduled"] * 2


@pytest.mark.parametrize("origin", ["scheduled", "accepted"])
def test_an_origin_that_the_file_lacks_is_an_error(path, origin):
    with pytest.raises(DataError, match=f"has no {origin} times"):
        read(path, origin=origin)


def test_the_latency_of_a_failed_request_left_at_zero_is_no_end(path):
    result = make.vllm_result(latencies=[0.0, 0.1], errors=["boom", ""])
    assert read(path, result).column("end_ns") == [None, 100_000_000]


def test_facts_state_duration_rate_and_client(path):
    (fact,) = read(path, make.vllm_result(request_rate="4.5")).facts
    assert (fact.stated_duration_ns, fact.request_rate) == (250_000_000, 4.5)
    assert (fact.client_version, fact.format) == ("vllm bench serve", "vllm")


@pytest.mark.parametrize("rate", ["inf", None, 0, "auto"])
def test_no_finite_rate_is_no_rate(path, rate):
    assert read(path, make.vllm_result(request_rate=rate)).facts[0].request_rate is None


def test_the_label_of_the_object_is_the_system(path):
    make.vllm(path, make.vllm_result(label="B"))
    assert make.read_back(f"A={path}").column("system") == ["B"] * 2
    assert make.read_back(f"A={path}", system="C").column("system") == ["C"] * 2


@pytest.mark.parametrize("indent", [None, 2])
def test_appended_results_are_several_runs(path, indent):
    make.vllm(path, make.vllm_result(), make.vllm_result(label="B", duration=1.0), indent=indent)
    got = make.read_back(path)
    assert [fact.run for fact in got.facts] == ["r#1", "r#2"]
    assert [fact.system for fact in got.facts] == ["r", "B"]
    assert got.column("run") == ["r#1", "r#1", "r#2", "r#2"]
    assert got.column("request_id") == ["0", "1", "0", "1"]
    assert len(got.plans[0].partitions) == 2


def test_batches_are_bounded(path):
    got = read(path, batch_bytes=1)
    assert [batch.deliveries.num_rows for batch in got.batches] == [1, 1]
    assert got.places == [1, 2]


@pytest.mark.parametrize("size", [1, 20, 10**6])
def test_large_runs_are_read_in_two_parts(path, monkeypatch, size):
    runs = [make.vllm_result(output_lens=[3, count]) for count in (2, 2**31)]
    make.vllm(path, *runs)
    whole = make.read_back(path)
    monkeypatch.setattr(vllm, "RANGE_BYTES", size)
    parts = make.read_back(path)
    (plan,) = parts.plans
    assert [part.index for part in plan.partitions] == list(range(2 if size > 20 else 4))
    assert (parts.rows, parts.rejects) == (whole.rows, whole.rejects)
    assert (parts.places, parts.facts) == ([1, 2, 1], whole.facts)


def test_requests_that_need_a_decoder_are_among_those_that_do_not(path):
    gaps = [[0.01], [0.1234567890123456789, 1e-05], [], [0.02, 0.5e-9]]
    lengths = [len(row) + 1 for row in gaps]
    result = make.vllm_result(
        backend="vllm",
        input_lens=[1, 2, 3, 4],
        output_lens=lengths,
        ttfts=[0.5, 0.25, 0.0, 0.125],
        itls=gaps,
        errors=["", "", "a\nb", None],
        start_times=[0.0, 1.0, 2.0, 3.0],
    )
    got = read(path, result)
    assert got.column("chunk_times_ns") == [
        [500_000_000, 510_000_000],
        [250_000_000, 373_456_789, 373_466_789],
        None,
        [125_000_000, 145_000_000, 145_000_000],
    ]
    assert got.column("status") == ["ok", "ok", "failed", "ok"]
    assert got.column("error") == [None, None, "b", None]
    assert got.column("request_id") == ["0", "1", "2", "3"]


def test_texts_are_passed_over_whatever_they_hold(path):
    tricky = ['}\n{"itls": [[1]]}', '\\"ttfts\\": [']
    result = {"generated_texts": tricky} | make.vllm_result(generated_texts=...)
    assert len(read(path, result).rows) == 2


def test_a_byte_order_mark_is_passed_over(path):
    path.write_text("\ufeff" + json.dumps(make.vllm_result()))
    assert len(make.read_back(path).rows) == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"input_lens": [7]}, "2 ttfts but 1 input_lens"),
        ({"errors": ["", "", ""]}, "2 ttfts but 3 errors"),
        ({"start_times": [1.0]}, "2 ttfts but 1 start_times"),
        ({"errors": ...}, "has no errors; .* --save-detailed"),
        ({"input_lens": None}, "has no input_lens"),
        ({"ttfts": ["a", "b"]}, "wrong types .*ttfts"),
        ({"output_lens": [1.5, 2]}, "wrong types .*output_lens"),
    ],
)
def test_arrays_that_are_amiss_are_named(path, changes, says):
    with pytest.raises(FormatError, match=says):
        read(path, make.vllm_result(**changes))


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"itls": [[0.1], [None]]}, "float"),
        ({"itls": [[0.1], "no list"]}, "array"),
        ({"ttfts": [0.05, 1e300]}, "beyond int64"),
        ({"start_times": [1.0, 1e300]}, "beyond"),
        ({"output_lens": [3, 2**31]}, "below 2\\^31"),
        ({"output_lens": [3, -(2**63)]}, "below 2\\^31"),
        ({"input_lens": [3, 2**64]}, "below 2\\^31"),
    ],
)
def test_values_out_of_range_reject_their_row_and_no_other(path, changes, detail):
    got = read(path, make.vllm_result(**changes))
    assert got.places == [1]
    (reject,) = got.rejects
    assert (reject.run, reject.place, reject.reason) == ("r", "request 2", "wrong_type")
    assert detail.replace("\\", "") in reject.detail


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_lacks_are_named_with_their_byte(path, literal):
    text = json.dumps(make.vllm_result(mean_ttft_ms=...)).replace("0.25", literal)
    path.write_text(text)
    with pytest.raises(FormatError, match=f"has {literal} at byte {text.index(literal)}"):
        make.read_back(path)


def test_a_cut_file_is_said_to_end_too_early(path):
    text = json.dumps(make.vllm_result())
    path.write_text(text[:-10])
    with pytest.raises(FormatError, match=f"cut off: .* byte {len(text) - 10}"):
        make.read_back(path)


def test_damage_is_named_with_its_byte_in_the_file(path):
    make.vllm(path, make.vllm_result(), make.vllm_result())
    text = path.read_text()
    at = text.rindex('"errors": [') + len('"errors": [')
    path.write_text(f"{text[:at]}?{text[at + 1 :]}")
    with pytest.raises(FormatError, match=f"damaged at byte {at}"):
        make.read_back(path)
