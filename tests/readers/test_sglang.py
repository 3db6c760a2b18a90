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
from tests.readers.client_round_trip import gaps_of, seconds

OAI = {"backend": "sglang-oai-chat", "output_lens": [5, 2]}
MOCK = ("generate", "oai-completions", "oai-chat")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "r.jsonl"


def read(path, *results, **options):
    return make.read_back(make.dumped(path, *(results or (make.sglang_result(),))), **options)


def test_the_native_backend_gives_a_time_a_token_by_splitting_gaps(path):
    got = read(path)
    assert got.column("timing") == ["split"] * 2
    assert got.column("chunk_times_ns") == [
        [50_000_000, 60_000_000, 65_000_000, 70_000_000],
        [60_000_000, 72_000_000],
    ]
    assert any("lower bounds" in note for note in got.facts[0].notes)


def test_tokens_that_no_gap_accounts_for_came_with_the_first_chunk(path):
    assert read(path).column("chunk_tokens") == [None, [2, 1]]
    fewer = read(path, make.sglang_result(output_lens=[2, 2]))
    assert fewer.column("chunk_tokens") == [None, None]


def test_thirds_of_a_gap_add_up_to_the_gap(path):
    third = 0.010000001 / 3
    result = make.sglang_result(itls=[[third] * 3, [0.012]])
    assert read(path, result).column("chunk_times_ns")[0] == [
        50_000_000,
        53_333_334,
        56_666_667,
        60_000_001,
    ]


@pytest.mark.parametrize("backend", ["sglang-oai", "sglang-oai-chat", "vllm-chat", "lmdeploy"])
def test_other_backends_give_chunks_of_unknown_sizes(path, backend):
    got = read(path, make.sglang_result(**OAI | {"backend": backend}))
    assert got.column("timing") == ["chunk"] * 2
    assert got.column("chunk_tokens") == [None, None]
    assert got.column("output_tokens") == [5, 2]
    assert any("asked for" in note for note in got.facts[0].notes)


def test_there_are_no_arrivals_and_no_ends(path):
    got = read(path)
    assert got.column("arrival_ns") == got.column("end_ns") == [None, None]
    assert (got.column("clock"), got.column("origin")) == (["none"] * 2, ["sent"] * 2)
    assert any("no start times" in note for note in got.facts[0].notes)
    with pytest.raises(DataError, match="has no scheduled times"):
        read(path, origin="scheduled")


def test_identity_counts_and_dimensions_come_from_the_line(path):
    got = read(path, make.sglang_result(request_rate=4.5, cached_tokens=[1, 0]))
    assert got.column("request_id") == ["0", "1"]
    assert (got.places, got.batches[0].place_word) == ([1, 2], "request")
    assert got.column("input_tokens") == [7, 8]
    assert got.column("model") == ["m/7B"] * 2
    assert got.column("backend") == ["sglang"] * 2
    assert got.column("dataset_name") == ["random"] * 2
    assert got.column("max_concurrency") == [2, 2]
    assert got.column("request_rate") == [4.5, 4.5]
    assert got.column("cached_tokens") == [1, 0]
    (fact,) = got.facts
    assert (fact.stated_duration_ns, fact.request_rate) == (250_000_000, 4.5)
    assert (fact.client_version, fact.format) == ("sglang bench_serving", "sglang")


@pytest.mark.parametrize("rate", [float("inf"), float("nan"), "trace", None, 0])
def test_no_finite_rate_is_no_rate(path, rate):
    assert read(path, make.sglang_result(request_rate=rate)).facts[0].request_rate is None


@pytest.mark.parametrize("duration", [float("inf"), float("nan"), None, -1.0, ...])
def test_no_finite_duration_is_no_duration(path, duration):
    got = read(path, make.sglang_result(duration=duration))
    assert got.facts[0].stated_duration_ns is None


def test_failed_requests_keep_what_they_were_delivered(path):
    trace = "Traceback\n  File\naiohttp.ClientPayloadError: cut\n"
    result = make.sglang_result(
        input_lens=[7, 8, 9, 9],
        output_lens=[4, 0, 0, 0],
        ttfts=[0.05, 0.06, 0.0, 0.0],
        itls=[[0.01, 0.005, 0.005], [0.01], [], []],
        errors=["", trace, "Internal Server Error: {}", ""],
        completed=1,
    )
    got = read(path, result)
    assert got.column("status") == ["ok", "failed", "failed", "failed"]
    assert got.column("chunk_times_ns")[1:] == [[60_000_000, 70_000_000], [], []]
    assert got.column("chunk_tokens")[1:] == [None] * 3
    assert got.column("output_tokens")[1:] == [None] * 3
    errors = ["aiohttp.ClientPayloadError: cut", "Internal Server Error: {}", None]
    assert got.column("error")[1:] == errors
    assert not any("states" in note for note in got.facts[0].notes)


def test_a_count_of_completed_requests_that_the_rows_belie_is_noted(path):
    got = read(path, make.sglang_result(errors=["", "boom"]))
    assert "states 2 completed requests, the rows show 1" in got.facts[0].notes[-1]


def test_output_without_any_time_has_no_timing(path):
    got = read(path, make.sglang_result(ttfts=[0.0, 0.0], itls=[[], []]))
    assert got.column("timing") == ["none"] * 2
    assert got.column("chunk_times_ns") == [None, None]


def test_every_line_is_a_run(path):
    got = read(path, make.sglang_result(), make.sglang_result(tag="B", duration=1.0))
    assert [fact.run for fact in got.facts] == ["r#1", "r#2"]
    assert [fact.system for fact in got.facts] == ["r", "B"]
    assert [fact.stated_duration_ns for fact in got.facts] == [250_000_000, 10**9]
    assert got.column("run") == ["r#1", "r#1", "r#2", "r#2"]
    assert got.column("request_id") == ["0", "1", "0", "1"]


def test_blank_lines_and_a_byte_order_mark_are_passed_over(path):
    path.write_text("\ufeff" + "\n\n \r\n".join([json.dumps(make.sglang_result())] * 2))
    assert len(make.read_back(path).rows) == 4


def test_batches_are_bounded(path):
    got = read(path, batch_bytes=1)
    assert [batch.deliveries.num_rows for batch in got.batches] == [1, 1]
    assert got.places == [1, 2]


def test_literals_inside_texts_are_left_alone(path):
    tag = 'a \\" Infinity, NaN'
    got = read(path, make.sglang_result(tag=tag))
    assert got.facts[0].system == tag


BARE = dict.fromkeys(("input_lens", "output_lens", "ttfts", "itls", "errors"), ...)


@pytest.mark.parametrize("rate", [float("inf"), 4.5])
def test_a_summary_is_refused_with_the_option_that_saves_the_details(path, rate):
    make.dumped(path, make.sglang_result(**BARE, request_rate=rate))
    with pytest.raises(FormatError, match="--output-details"):
        detect(str(path))
    with pytest.raises(FormatError, match="--output-details"):
        make.read_back(path, format="sglang")


def test_a_summary_among_detailed_runs_is_left_out_and_noted(path):
    got = read(path, make.sglang_result(), make.sglang_result(**BARE))
    assert len(got.rows) == 2
    assert got.facts[0].run == "r"
    assert "times: 2." in got.facts[0].notes[-1]


@pytest.mark.parametrize("rate", [float("inf"), 4.5])
@pytest.mark.parametrize("absent", [(), ("server_info",), ("server_info", "sharegpt_output_len")])
def test_it_is_told_by_whichever_of_its_keys_the_version_has(path, rate, absent):
    left_out = dict.fromkeys(absent, ...)
    make.dumped(path, make.sglang_result(request_rate=rate, **left_out))
    assert detect(str(path)) == "sglang"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"input_lens": [7]}, "2 ttfts but 1 input_lens"),
        ({"cached_tokens": [7]}, "2 ttfts but 1 cached_tokens"),
        ({"errors": ...}, "has no errors .* --output-details"),
        ({"ttfts": "a"}, "wrong types .*ttfts"),
        ({"num_prompts": 2}, "vLLM's client"),
    ],
)
def test_arrays_that_are_amiss_are_named(path, changes, says):
    make.dumped(path, make.sglang_result(**changes))
    with pytest.raises(FormatError, match=says):
        make.read_back(path, format="sglang")


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"itls": [[0.1], [None]]}, "itls has [null]; allowed is a list of seconds"),
        ({"ttfts": [0.05, float("nan")]}, 'ttfts has "?"; allowed is a number of seconds'),
        ({"ttfts": [0.05, 1e300]}, "beyond int64"),
        ({"output_lens": [3, 2**31]}, "output_lens has 2147483648; allowed is a whole number"),
        ({"errors": ["", 7]}, "errors has 7; allowed is a text"),
    ],
)
def test_values_out_of_range_reject_their_row_and_no_other(path, changes, detail):
    got = read(path, make.sglang_result(**changes))
    assert got.places == [1]
    (reject,) = got.rejects
    assert (reject.run, reject.place, reject.reason) == ("r", "request 2", "wrong_type")
    assert detail in reject.detail


def test_damage_is_named_with_its_byte_in_the_file(path):
    make.dumped(path, make.sglang_result(), make.sglang_result())
    text = path.read_text()
    at = text.rindex('"errors": [') + len('"errors": [')
    path.write_text(f"{text[:at]}?{text[at + 1 :]}")
    with pytest.raises(FormatError, match=f"damaged at byte {at}"):
        make.read_back(path)
    path.write_text(text[:-10])
    with pytest.raises(FormatError, match=f"cut off: .* byte {len(text) - 10}"):
        make.read_back(path)


def test_reading_leaves_the_file_as_it_was(path):
    before = make.dumped(path, make.sglang_result()).read_bytes()
    make.read_back(path)
    assert path.read_bytes() == before


@st.composite
def native(draw):
    """A request of the native backend, chunks of up to 5 tokens."""
    times, sizes = draw(round_trip.chunked())
    return times, sizes, draw(round_trip.statuses)


def test_one_token_a_chunk_comes_back_exactly(tmp_path):
    @given(st.lists(round_trip.chunked(sizes=st.just(1)), min_size=1, max_size=5))
    def holds(requests):
        entries = [(times, len(times), "") for times, _ in requests]
        got = read(tmp_path / "x", sglang_of("sglang", entries))
        rows = [
            round_trip.delivery(timing="split", chunk_times_ns=times, output_tokens=len(times))
            for times, _ in requests
        ]
        round_trip.check(got, rows)

    holds()


def test_chunks_of_unknown_sizes_come_back_exactly(tmp_path):
    extra = st.integers(0, 9)

    @given(st.lists(st.tuples(round_trip.chunked(), extra, round_trip.statuses), min_size=1))
    def holds(requests):
        entries, rows = [], []
        for (times, _), more, status in requests:
            output = len(times) + more if status == "ok" else None
            entries.append((times, output or 0, "" if status == "ok" else "boom"))
            rows.append(
                round_trip.delivery(
                    timing="chunk", chunk_times_ns=times, output_tokens=output, status=status
                )
            )
        round_trip.check(read(tmp_path / "x", sglang_of("sglang-oai", entries)), rows)

    holds()


def test_split_chunks_come_back_as_their_ends_and_counts(tmp_path):
    @given(round_trip.chunked())
    def holds(request):
        times, sizes = request
        parts = zip(gaps_of(times), sizes[1:], strict=True)
        itl = [seconds(gap) / size for gap, size in parts for _ in range(size)]
        result = sglang_of("sglang", [([times[0]], sum(sizes), "")]) | {"itls": [itl]}
        (row,) = round_trip.requests(b.deliveries for b in read(tmp_path / "x", result).batches)
        assert (row["ttft_ns"], row["e2e_latency_ns"]) == (times[0], times[-1])
        assert row["n_output_tokens"] == sum(sizes)
        assert row["token_deficit"] == 0
        exact = round_trip.delivery(
            timing="chunk", chunk_times_ns=times, chunk_tokens=sizes, output_tokens=sum(sizes)
        )
        (whole,) = round_trip.requests([round_trip.batch_of([exact])])
        assert row["user_idle_latency_ns"] <= whole["user_idle_latency_ns"]
        assert row["late_tokens"] <= whole["late_tokens"]

    holds()


def sglang_of(backend, entries):
    """A result of requests given as times, output tokens and error."""
    return make.sglang_result(
        backend=backend,
        input_lens=[round_trip.INPUT_TOKENS] * len(entries),
        output_lens=[output for _, output, _ in entries],
        ttfts=[seconds(times[0]) for times, _, _ in entries],
        itls=[[seconds(gap) for gap in gaps_of(times)] for times, _, _ in entries],
        errors=[error for _, _, error in entries],
        generated_texts=[],
    )


def rows_of(values):
    return sum(len(run["ttfts"]) for run in values if isinstance(run.get("ttfts"), list))


def test_damaged_files_are_refused_or_every_row_is_counted(path):
    results = [make.sglang_result(), make.sglang_result(**OAI, errors=["", "boom"])]
    damage.check_all(path, results, rows_of, rounds=100)


@pytest.mark.parametrize("backend", MOCK)
def test_the_client_prints_what_its_file_holds(shared_dir, backend):
    folder = shared_dir / "traces" / "_mock-server" / "sglang"
    (file,) = folder.glob(f"*_{backend}_*.jsonl")
    printed = json.loads(file.read_text())
    got = make.read_back(file)
    (fact,) = got.facts
    ok = [row for row in got.rows if row["status"] == "ok"]
    assert (got.rejects, len(got.rows), len(ok)) == ([], 24, printed["completed"])
    assert fact.stated_duration_ns == round(printed["duration"] * 1e9)
    check_printed(printed, "ttft", [row["chunk_times_ns"][0] for row in ok])
    check_printed(printed, "itl", np.concatenate([np.diff(row["chunk_times_ns"]) for row in ok]))
    per_second = printed["duration"] * np.array(
        [printed["request_throughput"], printed["output_throughput"]]
    )
    outputs = sum(row["output_tokens"] for row in ok)
    assert per_second == pytest.approx([len(ok), outputs], rel=1e-12)


def check_printed(printed, name, values):
    """Times of the file are whole ns, the client's have more digits."""
    milliseconds = np.asarray(values) / 1e6
    figures = {"mean": np.mean, "median": np.median, "std": np.std}
    for key, figure in figures.items():
        assert figure(milliseconds) == pytest.approx(printed[f"{key}_{name}_ms"], abs=1e-6)
    for rank in (90, 95, 99):
        found = np.percentile(milliseconds, rank)
        assert found == pytest.approx(printed[f"p{rank}_{name}_ms"], abs=1e-6)


def test_the_native_backend_counts_every_token(shared_dir):
    folder = shared_dir / "traces" / "_mock-server" / "sglang"
    (file,) = folder.glob("*_generate_*.jsonl")
    got = make.read_back(file)
    measured = round_trip.requests(batch.deliveries for batch in got.batches)
    ok = [row for row in measured if row["status"] == "ok"]
    assert {row["token_deficit"] for row in ok} == {0}
    printed = json.loads(file.read_text())
    assert sum(row["n_output_tokens"] for row in ok) == printed["total_output_tokens"]


def test_a_real_summary_without_details_is_refused_with_what_to_do(shared_dir):
    (file,) = (shared_dir / "traces" / "sglang").glob("*/*.jsonl")
    with pytest.raises(FormatError, match="--output-details"):
        make.read_back(file)
