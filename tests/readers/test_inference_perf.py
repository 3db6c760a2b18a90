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

row = make.inference_perf_row
NAME = "per_request_lifecycle_metrics.json"


@pytest.fixture
def path(tmp_path):
    return tmp_path / NAME


def read(path, *rows, indent=2, **options):
    path.write_text(json.dumps(list(rows), indent=indent))
    return make.read_back(path, **options)


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_it_is_told_by_its_content_however_it_is_laid_out(path, indent):
    path.write_text(json.dumps([row(), make.inference_perf_failure()], indent=indent))
    assert detect(str(path)) == "inference-perf"


def test_its_summaries_are_refused_with_what_to_give(path):
    path.write_text(json.dumps({"load_summary": {}, "successes": {}, "failures": {}}, indent=2))
    with pytest.raises(FormatError, match="per_request"):
        detect(str(path))


def test_a_row_is_a_request(path):
    got = read(path, row())
    (found,) = got.rows
    assert (found["timing"], found["status"], found["clock"]) == ("chunk", "ok", "monotonic")
    assert (found["origin"], found["arrival_ns"]) == ("sent", 100_000_000_000)
    assert found["chunk_times_ns"] == [50_000_000, 100_000_000]
    assert found["chunk_tokens"] == [1, 2]
    assert found["end_ns"] == 200_000_000
    assert (found["input_tokens"], found["output_tokens"]) == (7, 3)
    assert (found["request_id"], found["model"]) == ("0", "m/7B")
    assert (got.places, got.batches[0].place_word) == ([1], "request")


def test_usage_in_every_chunk_is_trusted_over_the_clients_tokenizer(path):
    chunks = [make.sse_event(content=text, usage=total) for text, total in (("a", 2), ("b", 3))]
    (found,) = read(path, row(response_metrics={"response_chunks": chunks})).rows
    assert found["chunk_tokens"] == [2, 1]


def test_messages_without_output_among_the_chunks_are_passed_over(path):
    chunks = [
        make.sse_event(role="assistant", content="", usage=0),
        make.sse_event(content="a", usage=2),
        make.sse_event(content="b", usage=3),
    ]
    (found,) = read(path, row(response_metrics={"response_chunks": chunks})).rows
    assert found["chunk_tokens"] == [2, 1]


@pytest.mark.parametrize(
    ("tokens", "sizes"),
    [
        ((100.05, 100.1), None),
        ((100.05, 100.05, 100.05), [3, 0]),
        ((100.1, 100.1, 100.1), None),
        ((100.05, 100.1, 100.2), None),
        ((100.05, 100.1, 100.05), None),
        ((), None),
    ],
)
def test_token_times_tell_sizes_only_where_they_go_with_the_chunk_times(path, tokens, sizes):
    assert read(path, row(tokens=tokens)).column("chunk_tokens") == [sizes]


def test_chunks_of_one_time_cannot_be_told_apart_by_it(path):
    (found,) = read(path, row(chunks=(100.05, 100.05), tokens=(100.05,) * 3)).rows
    assert found["chunk_times_ns"] == [50_000_000] * 2
    assert found["chunk_tokens"] is None


def test_flat_rows_of_2025_have_their_token_times_in_info(path):
    flat = {
        "request_metrics": None,
        "response_metrics": None,
        "output_tokens": 3,
        "output_token_times": [100.05, 100.1, 100.1],
    }
    (found,) = read(path, row(info=flat)).rows
    assert found["chunk_times_ns"] == [50_000_000, 100_000_000]
    assert (found["chunk_tokens"], found["output_tokens"]) == ([1, 2], 3)
    assert found["input_tokens"] == 8


@pytest.mark.parametrize(
    ("kind", "response", "status", "timing"),
    [
        ("HTTP Error 500", '{"error": 1}', "failed", "chunk"),
        ("ClientPayloadError", "data: ...", "failed", "none"),
        ("ClientConnectorError", "", "failed", "chunk"),
        ("TimeoutError", "", "timeout", "chunk"),
    ],
)
def test_failures_delivered_nothing_unless_bytes_came(path, kind, response, status, timing):
    got = read(path, row(), make.inference_perf_failure(kind, response))
    found = got.rows[1]
    assert (found["status"], found["timing"]) == (status, timing)
    assert found["chunk_times_ns"] == ([] if timing == "chunk" else None)
    assert (found["error"], found["input_tokens"]) == (f"{kind}: boom bang", None)


def test_replies_that_broke_off_are_noted(path):
    got = read(path, make.inference_perf_failure("ClientPayloadError", "data:"), row())
    assert any(note.startswith("1 requests broke off") for note in got.facts[0].notes)


def test_a_reply_that_was_not_streamed_has_no_timing(path):
    quiet = {"chunk_times": [], "output_token_times": []}
    (found,) = read(path, row(response_metrics=quiet)).rows
    assert (found["timing"], found["output_tokens"]) == ("none", 3)
    silent = quiet | {"output_tokens": 0, "server_usage": None}
    assert read(path, row(response_metrics=silent)).column("chunk_times_ns") == [[]]


def test_labels_are_dimensions_of_every_row(path):
    labels = {"tenant": "t1", "tier": 2, "status": "taken", "none": None}
    got = read(path, row(), row(info={"labels": labels, "lora_adapter": "l"}), batch_bytes=1)
    assert got.column("tenant") == [None, "t1"]
    assert got.column("tier") == [None, "2"]
    assert got.column("lora_adapter") == [None, "l"]
    assert got.column("status") == ["ok"] * 2
    assert len({str(batch.deliveries.schema) for batch in got.batches}) == 1


def test_only_the_first_field_of_a_request_names_its_model(path):
    other = json.dumps({"prompt": "x", "model": "no"})
    assert read(path, row(request=other)).column("model") == [None]


def test_times_keep_every_digit(path):
    path.write_text(json.dumps([row()]).replace("100.0,", "4000000000.740993123,", 1))
    (found,) = make.read_back(path).rows
    assert found["arrival_ns"] == 4_000_000_000_740_993_123


def test_only_sent_times_are_offered(path):
    assert read(path, row(), origin="sent").column("origin") == ["sent"]
    with pytest.raises(DataError, match="no scheduled times"):
        read(path, row(), origin="scheduled")


def test_the_summary_beside_the_file_tells_the_duration(path):
    beside = path.with_name("summary_lifecycle_metrics.json")
    beside.write_text('{"benchmark_time_seconds": 8.463221142999828}')
    assert read(path, row()).facts[0].stated_duration_ns == 8_463_221_143


@pytest.mark.parametrize("content", ["{", "[]", "7", '{"benchmark_time_seconds": "x"}', "\udcff"])
def test_a_damaged_summary_is_no_error(path, content):
    beside = path.with_name("summary_lifecycle_metrics.json")
    beside.write_bytes(content.encode(errors="surrogateescape"))
    assert read(path, row()).facts[0].stated_duration_ns is None


def test_damaged_rows_are_rejected_one_by_one(path):
    got = read(
        path,
        row(),
        row(start_time="soon"),
        7,
        row(chunks=(100.05, "NaN")),
        row(response_metrics={"server_usage": {"completion_tokens": 2**40}}),
        row(),
    )
    assert got.column("request_id") == ["0", "5"]
    assert [(r.place, r.reason) for r in got.rejects] == [
        (f"request {number}", "wrong_type") for number in range(2, 6)
    ]


def test_a_file_without_any_request_is_refused(path):
    for content in ("[]", "[7]", "{}", '[{"start_time": 1}'):
        path.write_text(content)
        with pytest.raises(FormatError):
            make.read_back(path, format="inference-perf")


def test_large_files_are_read_in_ranges(path, monkeypatch):
    monkeypatch.setattr(json_lines, "PIECE_BYTES", 3000)
    got = read(path, *[row() for _ in range(20)])
    assert len(got.plans[0].partitions) > 3
    assert got.places == list(range(1, 21))


_REQUESTS = st.lists(
    st.tuples(round_trip.chunked(), st.booleans(), round_trip.statuses), min_size=1, max_size=8
)


@given(_REQUESTS)
def test_what_the_format_can_hold_comes_back(tmp_path_factory, requests):
    path = tmp_path_factory.mktemp("x") / NAME
    written = [_written(*request) for request in requests]
    path.write_text(json.dumps(written).replace('"@', "").replace('@"', ""))
    round_trip.check(make.read_back(path), [_delivery(*request) for request in requests])


def _exact(nanoseconds):
    """A number whose digits survive being written; see the marks taken out above."""
    return f"@{Decimal(nanoseconds).scaleb(-9)}@"


def _written(chunks, is_counted, status):
    times, sizes = chunks
    start = 3_444_591_957_406
    if status != "ok":
        return make.inference_perf_failure(start_time=_exact(start), end_time=_exact(start + 9))
    absolute = [_exact(start + time) for time in times]
    tokens = [at for at, size in zip(absolute, sizes, strict=True) for _ in range(size)]
    events = [
        make.sse_event(content="x", usage=int(total) if is_counted else None)
        for total in np.cumsum(sizes)
    ]
    response = {
        "output_tokens": sum(sizes),
        "server_usage": {"prompt_tokens": round_trip.INPUT_TOKENS},
        "response_chunks": events,
    }
    return row(
        start_time=_exact(start),
        end_time=_exact(start + times[-1] + 5),
        chunks=absolute,
        tokens=absolute if is_counted else tokens,
        response_metrics=response,
    )


def _delivery(chunks, is_counted, status):
    times, sizes = chunks
    common = {"clock": "monotonic", "arrival_ns": 3_444_591_957_406, "status": status}
    if status != "ok":
        nothing = {"chunk_times_ns": [], "end_ns": 9, "input_tokens": None}
        return round_trip.delivery(timing="chunk", **common, **nothing)
    return round_trip.delivery(
        timing="chunk",
        chunk_times_ns=times,
        chunk_tokens=sizes,
        output_tokens=sum(sizes),
        end_ns=times[-1] + 5,
        **common,
    )


def rows_of(values):
    return sum(len(rows) for rows in values)


def test_damaged_files_are_refused_or_every_row_is_counted(path):
    rows = [row(), make.inference_perf_failure(), row(info={"labels": {"a": "b"}})]
    damage.check_all(path, [rows], rows_of, rounds=75)


def test_the_client_prints_what_its_file_holds(shared_dir):
    folder = shared_dir / "traces" / "_mock-server" / "inference-perf-0.5.0"
    printed = json.loads((folder / "summary_lifecycle_metrics.json").read_text())
    got = make.read_back(folder)
    (fact,) = got.facts
    seconds = fact.stated_duration_ns / 1e9
    assert seconds == pytest.approx(printed["benchmark_time_seconds"], abs=1e-9)
    ok = [found for found in got.rows if found["status"] == "ok"]
    success, rates = printed["successes"], printed["successes"]["throughput"]
    assert (len(got.rows), len(ok)) == (printed["load_summary"]["count"], success["count"])
    _check(success["latency"]["time_to_first_token"], [r["chunk_times_ns"][0] for r in ok])
    _check(success["latency"]["request_latency"], [r["end_ns"] for r in ok])
    _check(success["latency"]["time_per_output_token"], [_tpot(r) for r in ok])
    _check(success["latency"]["inter_token_latency"], np.concatenate([_itls(r) for r in ok]))
    outputs = sum(sum(found["chunk_tokens"] or found["chunk_times_ns"]) for found in ok)
    assert outputs / seconds == pytest.approx(rates["output_tokens_per_sec"], rel=1e-8)
    assert len(ok) / seconds == pytest.approx(rates["requests_per_sec"], rel=1e-8)


def _tpot(found):
    times = found["chunk_times_ns"]
    return (times[-1] - times[0]) / (found["output_tokens"] - 1)


def _itls(found):
    """Gaps between tokens, those of one chunk 0, as the client counts them."""
    return np.diff(np.repeat(found["chunk_times_ns"], found["chunk_tokens"]))


def _check(printed, nanoseconds):
    values = np.asarray(nanoseconds) / 1e9
    assert values.mean() == pytest.approx(printed["mean"], abs=2e-9)
    for key, rank in (("median", 50), ("p90", 90), ("p99", 99)):
        assert np.percentile(values, rank) == pytest.approx(printed[key], abs=2e-9)
