from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine.compute import MeasureSettings, compute
from sgengine.errors import DataError, FormatError
from sgengine.readers.detect import detect
from tests import strategies
from tests.readers import damage, make

BEGIN = 1_800_000_000_000_000_001


def rows_of(path, *lines, **options):
    return make.read_back(make.json_lines(path, *lines), **options)


def attributes(**values):
    """Those of a chat span, with these (dots for double underscores) besides."""
    named = {key.replace("__", "."): value for key, value in values.items()}
    base = {"gen_ai.operation.name": "chat", "gen_ai.response.id": "c1"}
    return make.otlp_attributes(**(base | named))


def one(path, *spans, **options):
    got = rows_of(path, make.otlp_line(*spans), **options)
    assert got.rejects == []
    (row,) = got.rows
    return row, got


def test_chunk_events_are_chunk_times(tmp_path):
    path = make.json_lines(tmp_path / "x", make.otlp_line(make.otlp_span(chunks=[50, 60, 75])))
    assert detect(str(path)) == "otlp"
    got = make.read_back(path)
    (row,) = got.rows
    assert row["chunk_times_ns"] == [50, 60, 75]
    assert row["chunk_tokens"] is None
    assert row["output_tokens"] is None
    assert (row["timing"], row["status"], row["origin"]) == ("chunk", "ok", "sent")
    assert (row["arrival_ns"], row["end_ns"]) == (BEGIN, 900)
    assert (row["request_id"], row["model"], row["service"]) == ("c1", "m/7B", "app")
    assert (got.facts[0].clock, got.facts[0].origin) == ("unix", "sent")


def test_nanoseconds_may_be_texts_or_numbers(tmp_path):
    span = make.otlp_span(chunks=[5], startTimeUnixNano=BEGIN, endTimeUnixNano=BEGIN + 9)
    row, _ = one(tmp_path / "x", span)
    assert (row["arrival_ns"], row["end_ns"], row["chunk_times_ns"]) == (BEGIN, 9, [5])


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("lines", [1, 2])
def test_the_server_span_of_a_request_gives_its_tokens(tmp_path, order, lines):
    spans = [make.otlp_span(chunks=[50, 51, 60, 75]), make.vllm_span(tokens=3)][::order]
    packed = [make.otlp_line(*spans)] if lines == 1 else [make.otlp_line(span) for span in spans]
    (row,) = rows_of(tmp_path / "x", *packed).rows
    assert (row["input_tokens"], row["output_tokens"]) == (7, 3)
    assert row["chunk_tokens"] == [1, 0, 1, 1]
    assert (row["server_ttft_ns"], row["server_e2e_ns"]) == (100, 700)


@pytest.mark.parametrize(
    "changes",
    [
        {"parentSpanId": "", "traceId": "f" * 32},
        {
            "attributes": make.otlp_attributes(
                **{"gen_ai.latency.e2e": 1e-6, "gen_ai.usage.completion_tokens": 3}
            )
        },
    ],
)
def test_spans_are_joined_by_the_id_of_the_response_or_as_child(tmp_path, changes):
    spans = (make.otlp_span(chunks=[50, 51, 60, 75]), make.vllm_span(**changes))
    row, got = one(tmp_path / "x", *spans)
    assert row["output_tokens"] == 3
    assert not any("no client" in note for note in got.facts[0].notes)


@pytest.mark.parametrize(
    ("operation", "chunks", "output", "sizes"),
    [
        ("chat", 4, 3, [1, 0, 1, 1]),
        ("chat", 5, 3, [1, 0, 1, 1, 0]),
        ("chat", 6, 3, [1, 0, 1, 1, 0, 0]),
        ("chat", 7, 3, None),
        ("chat", 3, 3, None),
        ("chat", 3, 5, None),
        ("chat", 2, 1, [1, 0]),
        ("text_completion", 4, 3, [1, 1, 1, 0]),
        ("text_completion", 5, 3, [1, 1, 1, 0, 0]),
        ("text_completion", 6, 3, None),
    ],
)
def test_items_of_the_stream_without_tokens_are_told(tmp_path, operation, chunks, output, sizes):
    about = attributes(gen_ai__operation__name=operation, gen_ai__usage__output_tokens=output)
    row, _ = one(tmp_path / "x", make.otlp_span(chunks=range(50, 50 + chunks), attributes=about))
    assert row["chunk_tokens"] == sizes
    assert sizes is None or sum(sizes) == output


def test_dropped_events_leave_the_first_token_unknown(tmp_path):
    span = make.otlp_span(chunks=[60, 75], droppedEventsCount=30)
    row, got = one(tmp_path / "x", span, make.vllm_span(tokens=32))
    assert (row["timing"], row["chunk_times_ns"]) == ("first_last", None)
    assert (row["ttft_ns"], row["last_ns"], row["output_tokens"]) == (None, 75, 32)
    assert any("lost their first chunk events" in note for note in got.facts[0].notes)


def test_dropped_events_beside_a_stated_first_chunk(tmp_path):
    about = attributes(gen_ai__response__time_to_first_chunk=5e-8)
    row, _ = one(
        tmp_path / "x", make.otlp_span(chunks=[75], droppedEventsCount=3, attributes=about)
    )
    assert (row["ttft_ns"], row["last_ns"]) == (50, 75)


def test_a_span_without_events_has_its_end(tmp_path):
    about = attributes(gen_ai__usage__prompt_tokens=5, gen_ai__usage__completion_tokens=4)
    row, got = one(tmp_path / "x", make.otlp_span(attributes=about))
    assert (row["timing"], row["ttft_ns"], row["last_ns"]) == ("first_last", None, 900)
    assert (row["input_tokens"], row["output_tokens"]) == (5, 4)
    assert "1 of 1 clients' spans have no chunk events" in got.facts[0].notes[0]


def test_server_spans_alone_are_requests_since_they_were_accepted(tmp_path):
    row, got = one(tmp_path / "x", make.vllm_span(2, ttft=1e-7, e2e=7e-7, tokens=5))
    assert (row["timing"], row["origin"]) == ("first_last", "accepted")
    assert (row["ttft_ns"], row["last_ns"], row["output_tokens"]) == (100, 700, 5)
    assert (row["arrival_ns"], row["request_id"]) == (BEGIN + 100, "c2")
    assert got.facts[0].origin == "accepted"


def test_one_token_and_none_of_a_server(tmp_path):
    line = make.otlp_line(make.vllm_span(1, tokens=1), make.vllm_span(2, tokens=0))
    got = rows_of(tmp_path / "x", line)
    assert got.column("ttft_ns") == [100, None]
    assert got.column("last_ns") == [None, None]
    measured = compute(got.batches[0].deliveries, MeasureSettings())
    assert measured.breaches == ()


def test_the_origin_chooses_between_clients_and_servers(tmp_path):
    line = make.otlp_line(make.otlp_span(chunks=[50]), make.vllm_span(), make.vllm_span(9))
    every, sent, accepted = (
        rows_of(tmp_path / "x", line, origin=origin) for origin in (None, "sent", "accepted")
    )
    assert every.column("origin") == ["sent", "accepted"]
    assert sent.column("origin") == ["sent"]
    assert accepted.column("request_id") == ["c1", "c9"]
    assert [any("have no client" in n for n in got.facts[0].notes) for got in (every, sent)] == [
        True,
        False,
    ]
    with pytest.raises(DataError, match="has no scheduled times, only sent and accepted"):
        rows_of(tmp_path / "x", line, origin="scheduled")
    with pytest.raises(DataError, match="has no sent times, only accepted"):
        rows_of(tmp_path / "x", make.otlp_line(make.vllm_span()), origin="sent")


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        (0, None, "ok"),
        (2, None, "failed"),
        ("STATUS_CODE_ERROR", "500", "failed"),
        (2, "APITimeoutError", "timeout"),
        (2, "RateLimitError", "rejected"),
        (2, "429", "rejected"),
        (0, "CancelledError", "cancelled"),
    ],
)
def test_how_a_request_ended(tmp_path, code, kind, status):
    about = attributes(**({"error__type": kind} if kind else {}))
    span = make.otlp_span(attributes=about, status={"code": code, "message": "it\nbroke"})
    row, _ = one(tmp_path / "x", span)
    assert row["status"] == status
    assert (row["error"] is None) == (status == "ok")
    assert (row["last_ns"] is None) == (status != "ok")


def test_a_span_without_an_end_is_incomplete(tmp_path):
    row, _ = one(tmp_path / "x", make.otlp_span(endTimeUnixNano="0"))
    assert (row["status"], row["end_ns"], row["last_ns"]) == ("incomplete", None, None)


def test_other_spans_are_left_out_and_counted(tmp_path):
    agent = make.otlp_span(5, attributes=attributes(gen_ai__operation__name="invoke_agent"))
    http = make.otlp_span(6, attributes=make.otlp_attributes(**{"http.method": "POST"}))
    _, got = one(tmp_path / "x", agent, http, make.otlp_span(chunks=[1]))
    assert got.places == [3]
    assert got.facts[0].notes == ("2 spans that are no requests for text were left out.",)
    with pytest.raises(FormatError, match="no span of a request"):
        rows_of(tmp_path / "x", make.otlp_line(agent, http))


def test_one_document_over_many_lines_is_read(tmp_path):
    path = tmp_path / "x"
    path.write_text(json.dumps(make.otlp_line(make.otlp_span(chunks=[5])), indent=2))
    assert detect(str(path)) == "otlp"
    assert make.read_back(path).column("chunk_times_ns") == [[5]]


@pytest.mark.parametrize("key", ["resourceMetrics", "resourceLogs"])
def test_other_signals_are_refused(tmp_path, key):
    path = make.json_lines(tmp_path / "x", {key: []})
    with pytest.raises(FormatError, match="is OTLP without spans"):
        detect(str(path))


def test_a_damaged_span_is_a_reject_of_its_own(tmp_path):
    spans = [
        make.otlp_span(1, chunks=[5]),
        make.otlp_span(2, startTimeUnixNano="soon"),
        make.otlp_span(3, startTimeUnixNano=...),
        make.otlp_span(4, events=[{"name": "gen_ai.content.completion.chunk"}]),
        make.otlp_span(5, traceId=7),
        make.otlp_span(6, attributes=attributes(gen_ai__usage__output_tokens=2**40)),
        make.vllm_span(7, ttft=1e300),
        make.otlp_span(8, chunks=[6]),
    ]
    got = rows_of(tmp_path / "x", make.otlp_line(*spans), '{"resourceSpans": [', {"a": 1})
    assert got.places == [1, 8]
    expected = [*[f"span {n}" for n in range(2, 8)], "line 2", "line 3"]
    assert [reject.place for reject in got.rejects] == expected


def test_batches_are_small_if_wished(tmp_path):
    lines = [make.otlp_line(make.otlp_span(n, chunks=[5])) for n in range(1, 20)]
    got = rows_of(tmp_path / "x", *lines, batch_bytes=4096)
    assert len(got.batches) > 3
    assert got.places == list(range(1, 20))


def test_damage_is_an_error_for_the_user_or_counted(tmp_path):
    lines = [
        make.otlp_line(make.otlp_span(1, chunks=[50, 51, 60])),
        make.otlp_line(make.vllm_span(1, tokens=2)),
        make.otlp_line(make.otlp_span(2), make.vllm_span(9)),
    ]
    data = make.json_lines(tmp_path / "x", *lines).read_bytes()
    for damaged in [*damage.cuts(data), *damage.flips(data), *damage.swaps(lines, 400)]:
        got = damage.survive(tmp_path / "x", damaged)
        if got:
            assert 1 <= damage.counted(got) <= 5


@given(st.lists(strategies.chunk_times(min_size=1, gaps=strategies.GAPS), min_size=1), st.data())
def test_chunk_times_and_counts_survive_the_way_through_spans(tmp_path_factory, curves, data):
    path = tmp_path_factory.mktemp("otlp") / "x"
    counts = [data.draw(st.integers(max(1, len(times) - 3), len(times) + 3)) for times in curves]
    spans = [
        make.otlp_span(n, chunks=times, end=times[-1], start=BEGIN + n)
        for n, times in enumerate(curves)
    ]
    servers = [make.vllm_span(n, tokens=count) for n, count in enumerate(counts)]
    shuffled = data.draw(st.permutations(spans + servers))
    got = rows_of(path, *[make.otlp_line(span) for span in shuffled])
    assert got.rejects == []
    found = {row["arrival_ns"] - BEGIN: row for row in got.rows}
    assert [found[n]["chunk_times_ns"] for n in range(len(curves))] == curves
    assert [found[n]["output_tokens"] for n in range(len(curves))] == counts
    measured = [compute(batch.deliveries, MeasureSettings()) for batch in got.batches]
    assert all(each.breaches == () for each in measured)


def test_the_recorded_spans(shared_dir):
    folder = shared_dir / "traces" / "otel" / "openllmetry-plus-vllm-spans"
    got = make.read_back(folder)
    assert got.rejects == []
    assert got.column("timing") == ["first_last", "chunk", "first_last"]
    assert got.column("output_tokens") == [40, 22, 24]
    assert got.column("input_tokens") == [17, 22, 268]
    stream = got.rows[1]
    assert stream["arrival_ns"] == 1782187866601937580
    assert stream["chunk_times_ns"][:3] == [76633947, 76887932, 93067300]
    assert stream["chunk_tokens"] == [1, 0, *[1] * 21]
    assert (stream["server_ttft_ns"], stream["server_e2e_ns"]) == (70931435, 488285065)
    measured = compute(got.batches[0].deliveries, MeasureSettings()).requests.to_pylist()
    assert [row["token_deficit"] for row in measured] == [None, 0, None]
    assert measured[1]["e2e_latency_ns"] == 1782187867094099262 - 1782187866601937580
    server = make.read_back(folder, origin="accepted")
    assert server.column("ttft_ns") == [77387094, 70931435]
    assert server.column("last_ns") == [848643541, 488285065]
