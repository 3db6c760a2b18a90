from __future__ import annotations

import gzip
import tracemalloc

import pyarrow as pa
import pytest

from sgengine.errors import DataError, FormatError
from sgengine.readers import detect as module
from sgengine.readers.detect import detect
from tests.readers import make


@pytest.fixture
def path(tmp_path):
    """A path whose name tells nothing."""
    return tmp_path / "file.bin"


def written(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


def test_tables_are_told_by_their_first_bytes(path):
    table = make.deliveries_table()
    assert detect(str(make.parquet(path, table))) == "deliveries-parquet"
    assert detect(str(make.ipc_file(path, table))) == "deliveries-ipc"
    assert detect(str(make.ipc_stream(path, table))) == "deliveries-ipc"


def test_json_lines_are_told_by_the_keys_of_a_row(path):
    assert detect(str(make.json_lines(path, {"chunk_times_ns": []}))) == "deliveries-jsonl"
    assert detect(str(make.json_lines(path, {"ttft_ns": 1}))) == "deliveries-jsonl"
    assert detect(str(make.json_lines(path, make.aiperf_line()))) == "aiperf"


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_vllm_is_told_however_its_json_is_laid_out(path, indent):
    assert detect(str(make.vllm(path, make.vllm_result(), indent=indent))) == "vllm"


@pytest.mark.parametrize("first", ["generated_texts", "itls", "mean_ttft_ms"])
def test_vllm_is_told_whatever_key_comes_first_and_however_long_it_is(path, first, monkeypatch):
    monkeypatch.setattr(module, "HEAD", 64)
    result = make.vllm_result(generated_texts=['x" "chunk_times_ns": [' * 100, ""])
    reordered = {first: result[first]} | result
    assert detect(str(make.vllm(path, reordered))) == "vllm"


@pytest.mark.parametrize("size", [1, 7, 100])
def test_keys_are_found_wherever_a_file_is_cut_in_parts(path, size, monkeypatch):
    monkeypatch.setattr(module, "_PART", size)
    result = make.vllm_result(generated_texts=['say "itls" \\', "y" * 500])
    assert detect(str(make.vllm(path, result, indent=2))) == "vllm"
    page = '{"data": [\n{"startTime": "", "usageDetails": {}}]}'
    assert detect(written(path, page)) == "langfuse"


def test_telling_a_large_document_takes_no_memory(path):
    """It may be too large, which is said once its format is known."""
    make.vllm(path, make.vllm_result(generated_texts=["x" * (64 << 20), ""]))
    tracemalloc.start()
    try:
        assert detect(str(path)) == "vllm"
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


def test_a_damaged_first_line_does_not_hide_the_format(path):
    lines = make.json_lines(path, '{"metadata": {"x_re', make.aiperf_line(), make.aiperf_line())
    assert detect(str(lines)) == "aiperf"


def test_one_cut_line_is_still_told_by_its_keys(path):
    assert detect(written(path, '{"chunk_times_ns": [1, 2')) == "deliveries-jsonl"


def test_a_byte_order_mark_is_passed_over(path):
    assert detect(written(path, b'\xef\xbb\xbf{"chunk_times_ns": []}\n')) == "deliveries-jsonl"


@pytest.mark.parametrize("data", [b"", b" \n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_said_to_be_empty(path, data):
    with pytest.raises(DataError, match="is empty"):
        detect(written(path, data))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("hello", "not a trace"),
        ('{"a": 1}', "JSON with such keys as a"),
        ("[1, 2]", "not a trace"),
        (gzip.compress(b'{"chunk_times_ns": []}', mtime=0), "gzip"),
        (b"PAR1 but no more", "cannot be read"),
        (b"ARROW1\0\0 but no more", "cannot be read"),
        ('{"benchmarks": [], "metadata": {"guidellm_version": "0.8.1"}}', "without the requests"),
        ('{"input_config": {}, "request_throughput": {}}', "is the summary"),
        ('{"benchmarks": [\n{"metrics": {},\n"metadata": {}}]}', "not a trace"),
        ('{"completed": 1, "server_info": {}}', "SGLang's summary .* --output-details"),
    ],
)
def test_other_content_is_refused_with_a_line_that_says_what_it_is(path, data, says):
    with pytest.raises(FormatError, match=says) as caught:
        detect(written(path, data))
    assert "\n" not in str(caught.value)


def test_a_vllm_summary_is_refused_with_the_options_that_save_the_details(path):
    bare = make.vllm_result(input_lens=..., output_lens=..., ttfts=..., itls=..., errors=...)
    with pytest.raises(FormatError, match="--save-detailed"):
        detect(str(make.vllm(path, bare)))


def test_a_table_without_times_is_refused_naming_its_columns(path):
    with pytest.raises(FormatError, match=r"neither .* \(it has: a, b\)"):
        detect(str(make.parquet(path, pa.table({"a": [1], "b": [2]}))))


def test_measured_requests_are_no_trace(path):
    measured = pa.table({"ttft_ns": [1], "user_idle_latency_ns": [0]})
    with pytest.raises(FormatError, match=r"holds measured requests.*--store DIR"):
        detect(str(make.parquet(path, measured)))
