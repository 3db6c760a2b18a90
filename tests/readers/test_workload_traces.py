from __future__ import annotations

import pytest

from sgengine.errors import FormatError
from sgengine.readers.detect import detect
from tests.readers import damage, make

AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
BURST = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
BURST_FULL = (
    "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
)


def written(path, text):
    path.write_text(text, newline="")
    return path


def test_azure_has_arrivals_to_100_ns_and_no_final_newline(tmp_path):
    text = AZURE + "2023-11-16 18:17:03.9799600,4808,10\r\n2023-11-16 18:17:04.0319600,3180,8"
    path = written(tmp_path / "x", text)
    assert detect(str(path)) == "azure"
    got = make.read_back(path)
    assert got.column("arrival_ns") == [1700158623979960000, 1700158624031960000]
    assert got.column("input_tokens") == [4808, 3180]
    assert got.column("output_tokens") == [10, 8]
    assert set(got.column("timing")) == {"none"}
    assert set(got.column("status")) == {"ok"}
    assert set(got.column("chunk_times_ns")) == {None}
    (fact,) = got.facts
    assert (fact.clock, fact.origin) == ("unix", "accepted")
    assert "Times without a zone were taken for UTC." in fact.notes


def test_azure_with_a_zone_is_read_as_it_says(tmp_path):
    got = make.read_back(written(tmp_path / "x", AZURE + "2024-05-10 00:00:00.009930+00:00,1,2\n"))
    assert got.column("arrival_ns") == [1715299200009930000]
    assert len(got.facts[0].notes) == 1


def test_burstgpt_without_the_optional_columns(tmp_path):
    path = written(
        tmp_path / "x", BURST + "5,ChatGPT,472,18,490,Conversation log\n6.5,GPT-4,3,0,3,API log\n"
    )
    assert detect(str(path)) == "burstgpt"
    got = make.read_back(path)
    assert got.column("arrival_ns") == [5 * 10**9, 6_500_000_000]
    assert got.column("status") == ["ok", "failed"]
    assert got.column("timing") == ["none", "none"]
    assert got.column("model") == ["ChatGPT", "GPT-4"]
    assert got.column("log_type") == ["Conversation log", "API log"]
    assert got.facts[0].clock == "monotonic"


def test_burstgpt_states_the_time_of_the_last_token(tmp_path):
    rows = (
        "5,3,1.25,GPT-4,472,18,490,API log\n6,,,GPT-4,1,2,3,API log\n7,,2.5,GPT-4,1,0,1,API log\n"
    )
    got = make.read_back(written(tmp_path / "x", BURST_FULL + rows))
    assert got.column("timing") == ["first_last", "none", "none"]
    assert got.column("last_ns") == [1_250_000_000, None, None]
    assert got.column("ttft_ns") == [None, None, None]
    assert got.column("end_ns") == [1_250_000_000, None, 2_500_000_000]
    assert got.column("session_id") == ["3", None, None]


def test_mooncake_has_ties(tmp_path):
    rows = [
        {"timestamp": 0, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1]},
        {"timestamp": 0, "input_length": 10, "output_length": 5, "hash_ids": []},
        {"timestamp": 3000, "input_length": 11, "output_length": 6, "hash_ids": []},
    ]
    path = make.json_lines(tmp_path / "x", *rows)
    assert detect(str(path)) == "mooncake"
    got = make.read_back(path)
    assert got.column("arrival_ns") == [0, 0, 3 * 10**9]
    assert got.column("request_id") == ["1", "2", "3"]
    assert got.facts[0].clock == "monotonic"


def test_damaged_rows_are_rejects(tmp_path):
    rows = "soon,1,2\n2023-11-16 18:17:03.97,1,2\n2023-11-16 18:17:03,1\n2023-11-16 18:17:03,1,x\n"
    got = make.read_back(
        written(tmp_path / "x", AZURE + rows + "2023-11-16 18:17:03,1,9999999999\n")
    )
    assert got.places == [3]
    assert [reject.place for reject in got.rejects] == ["line 2", "line 4", "line 5", "line 6"]
    assert {reject.reason for reject in got.rejects} == {"wrong_type"}


@pytest.mark.parametrize("text", [AZURE, AZURE + "a,b,c\n", "TIMESTAMP,ContextTokens\n1,2\n"])
def test_a_header_alone_is_no_trace(tmp_path, text):
    with pytest.raises(FormatError):
        make.read_back(written(tmp_path / "x", text))


@pytest.mark.parametrize(
    "text",
    [
        AZURE + "2023-11-16 18:17:03.9799600,4808,10\r\n" * 3,
        BURST_FULL + "5,3,1.25,GPT-4,472,18,490,API log\n" * 3,
        '{"timestamp": 1.5, "input_length": 2, "output_length": 3, "hash_ids": [1]}\n' * 3,
    ],
)
def test_no_damage_loses_a_row(tmp_path, text):
    data = text.encode()
    header = 1 if data[:1] != b"{" else 0
    for damaged in [*damage.cuts(data), *damage.flips(data)]:
        got = damage.survive(tmp_path / "x", damaged)
        if got and (not header or damaged.split(b"\n")[0].strip()):
            assert damage.counted(got) == damage.lines_in(damaged) - header


def test_the_published_traces(shared_dir):
    azure, mooncake = shared_dir / "workloads" / "azure", shared_dir / "workloads" / "mooncake"
    code = make.read_back(azure / "AzureLLMInferenceTrace_code.csv")
    conversation = make.read_back(azure / "AzureLLMInferenceTrace_conv.csv")
    assert (len(code.rows), len(conversation.rows)) == (8819, 19366)
    assert code.rejects == conversation.rejects == []
    assert sum(code.column("output_tokens")) == 245_896
    shared = make.read_back(mooncake / "conversation_trace.jsonl")
    assert len(shared.rows) == 12031
    assert len(set(shared.column("arrival_ns"))) == 1180
    assert max(shared.column("arrival_ns")) // 10**9 in (3536, 3537)
