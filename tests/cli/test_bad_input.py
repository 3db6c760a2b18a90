"""Bad input: one clear line, exit code 2 for usage and 1 for data, good rows measured, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.support import MS, document, lines, process, refused, run, strict, trace

OK_ROW = {"request_id": "a", "arrival_ns": 0, "chunk_times_ns": [5 * MS, 6 * MS]}


@pytest.fixture
def good_trace(tmp_path):
    return trace(tmp_path / "good.parquet", [[100, 120, 140], [600]])


def rows_file(tmp_path, *rows):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


WHOLE_FILES = {
    "not a trace": b"hello\n",
    "a png": b"\x89PNG\r\n\x1a\n\x00\x00",
    "empty": b"",
    "blank": b"\n\n",
    "truncated JSON": b'{"ttfts": [0.1, 0.2], "itls": [[0.1',
    "another JSON": b'{"a": 1}',
    "a list": b"[1, 2]",
    "truncated Parquet": b"PAR1\x15\x04",
    "not UTF-8": b"\xff\xfe{}",
}


@pytest.mark.parametrize("data", list(WHOLE_FILES.values()), ids=list(WHOLE_FILES))
@pytest.mark.parametrize("verb", [["analyze"], ["sql", "SELECT 1"]], ids=["analyze", "sql"])
def test_a_file_that_is_no_trace(tmp_path, data, verb):
    path = tmp_path / "bad.json"
    path.write_bytes(data)
    result = run(*verb, path)
    refused(result, 1, "bad.json")
    assert result.stdout == ""


def test_wrong_column_types(tmp_path):
    path = tmp_path / "bad.parquet"
    pq.write_table(pa.table({"chunk_times_ns": ["a", "b"]}), path)
    refused(run("analyze", path), 1, "chunk_times_ns")
    pq.write_table(pa.table({"chunk_times_ns": [[1]], "arrival_ns": ["noon"]}), path)
    refused(run("analyze", path), 1, "arrival_ns")


BAD_ROWS = {
    "negative_time": {"chunk_times_ns": [-1, 5]},
    "decreasing_times": {"chunk_times_ns": [9, 5]},
    "counts_mismatch": {"chunk_times_ns": [1, 2], "chunk_tokens": [1]},
    "bad_chunk_tokens": {"chunk_times_ns": [1, 2], "chunk_tokens": [0, 1]},
    "negative_count": {"chunk_times_ns": [1], "input_tokens": -1},
    "null_chunk": {"chunk_times_ns": [1, None]},
    "unknown_value": {"chunk_times_ns": [1], "status": "fine"},
    "wrong_type": {"chunk_times_ns": "soon"},
}


@pytest.mark.parametrize("reason", list(BAD_ROWS))
def test_good_rows_are_measured_and_bad_ones_counted_with_reason_and_place(tmp_path, reason):
    bad = {"request_id": "b", "arrival_ns": 0} | BAD_ROWS[reason]
    path = rows_file(tmp_path, OK_ROW, bad, OK_ROW | {"request_id": "c"})
    result = run("analyze", path, "--json")
    (line,) = lines(result.stderr)
    assert result.exit_code == 1
    assert line.startswith(f"sgengine: {path}: line 2: 1 row not measured: {reason}: ")
    found = strict(result.stdout)
    assert [group["requests"] for group in found["groups"]] == [2]
    (rejected,) = found["rejected"]
    assert rejected.keys() == {"source", "run", "place", "reason", "count", "detail"}
    assert (rejected["source"], rejected["place"]) == (str(path), "line 2")
    assert (rejected["reason"], rejected["count"]) == (reason, 1)
    (source,) = found["sources"]
    assert (source["rows_in"], source["rows_measured"], source["rows_rejected"]) == (3, 2, 1)


def test_a_line_that_is_cut_is_one_bad_row(tmp_path):
    path = rows_file(tmp_path, OK_ROW)
    path.write_text(path.read_text() + '{"request_id": "b", "chunk_ti')
    result = run("sql", "SELECT count(*) AS n FROM requests", path, "--json")
    assert result.exit_code == 1
    assert strict(result.stdout) == [{"n": 1}]
    (line,) = lines(result.stderr)
    assert "line 2: 1 row not measured: unreadable_row" in line


def test_many_bad_rows_are_a_few_lines_and_all_in_the_document(tmp_path):
    bad = [{"request_id": str(i), "chunk_times_ns": [-1]} for i in range(50)]
    result = run("analyze", rows_file(tmp_path, OK_ROW, *bad), "--json")
    said = lines(result.stderr)
    assert len(said) == 21
    assert "and 30 more" in said[-1]
    assert sum(row["count"] for row in strict(result.stdout)["rejected"]) == 50


def test_a_trace_of_bad_rows_alone(tmp_path):
    path = rows_file(tmp_path, {"request_id": "a", "chunk_times_ns": [-1]})
    result = run("analyze", path)
    assert result.exit_code == 1
    assert "No requests were measured" in result.stdout
    assert len(lines(result.stderr)) == 1


def test_one_bad_file_among_good_ones_is_a_failure_and_the_rest_is_measured(tmp_path, good_trace):
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"ttft_ns": 1}\n')
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(good_trace.read_bytes()[:200] + b"PAR1")
    result = run("analyze", good_trace, broken, "--json")
    assert result.exit_code == 1
    assert "broken.parquet" in result.stderr
    if result.stdout:
        assert len(strict(result.stdout)["groups"]) == 1


def test_what_a_folder_holds_beside_traces_is_skipped_and_noted(tmp_path, good_trace):
    (tmp_path / "README.md").write_text("# about\n")
    result = run("analyze", tmp_path, "--json")
    assert result.exit_code == 0
    (line,) = lines(result.stderr)
    assert line == f"sgengine: note: skipped 1 file that is no trace: {tmp_path / 'README.md'}"
    (skipped,) = strict(result.stdout)["skipped"]
    assert skipped["path"].endswith("README.md")
    assert skipped["reason"]


USAGE = {
    "missing file": (["nowhere.parquet"], "nowhere.parquet does not exist"),
    "missing glob": (["*.nothing"], "matches no file"),
    "missing labelled": (["a=nowhere"], "nowhere does not exist"),
    "label alone": (["a="], "label=PATH"),
    "given twice": (["GOOD", "GOOD"], "2 times"),
    "no input": ([], "INPUT"),
    "unknown option": (["GOOD", "--colour"], "--colour"),
    "unknown preset": (["GOOD", "--preset", "fast"], "reader-5"),
    "unknown penalty": (["GOOD", "--penalty", "cubic"], "quadratic"),
    "penalty without alpha": (["GOOD", "--penalty", "quadratic"], "--alpha"),
    "penalty without tau": (["GOOD", "--penalty", "fraction", "--alpha", "1"], "tau"),
    "tau of 0": (["GOOD", "--penalty", "fraction:0", "--alpha", "1"], "tau"),
    "unknown column": (["GOOD", "--by", "colour"], "colour"),
    "column twice": (["GOOD", "--by", "system,system"], "once"),
    "column of lists": (["GOOD", "--by", "envelope", "--requests", "x.parquet"], "lists"),
    "unknown clause": (["GOOD", "--goodput", "latency:5"], "latency"),
    "alpha below 0": (["GOOD", "--alpha", "-1"], "alpha is -1"),
    "alpha no number": (["GOOD", "--alpha", "much"], "--alpha"),
    "alpha nan": (["GOOD", "--alpha", "nan"], "alpha"),
    "speed of 0": (["GOOD", "--speed", "0"], "speed is 0"),
    "speed below 0": (["GOOD", "--speed", "-5"], "speed is -5"),
    "speed infinite": (["GOOD", "--speed", "inf"], "speed is inf"),
    "first token": (["GOOD", "--first-token", "soon"], "first token is 'soon'"),
    "unfinished idle": (["GOOD", "--unfinished-idle", "-1"], "unfinished idle is '-1'"),
    "denominator": (["GOOD", "--denominator", "most"], "completed"),
    "population": (["GOOD", "--population", "most"], "defined"),
    "itl rule": (["GOOD", "--itl-rule", "mean"], "spread"),
    "duration": (["GOOD", "--duration", "0"], "duration"),
    "format": (["GOOD", "--format", "csv"], "aiperf"),
    "origin": (["GOOD", "--origin", "start"], "scheduled"),
    "empty name": (["GOOD", "--system", ""], "system is empty"),
    "on": (["GOOD", "--on", "gpu"], "threads:N"),
    "on 0": (["GOOD", "--on", "threads:0"], "threads:N"),
    "memory": (["GOOD", "--memory", "lots"], "512MB"),
    "memory unit": (["GOOD", "--memory", "5XB"], "512MB"),
    "little memory": (["GOOD", "--memory", "5MB"], "64 MiB"),
    "vast memory": (["GOOD", "--memory", "9999999999TB"], "8 EiB"),
    "json and csv": (["GOOD", "--json", "--csv"], "--csv"),
    "requests folder": (["GOOD", "--requests", "no/where.parquet"], "no does not exist"),
    "requests is a folder": (["GOOD", "--requests", "."], "a folder"),
    "requests is the input": (["GOOD", "--requests", "GOOD"], "which is an input"),
}


@pytest.mark.parametrize("case", list(USAGE))
def test_wrong_calls_are_one_line_and_exit_code_2(good_trace, monkeypatch, case):
    monkeypatch.chdir(good_trace.parent)
    words, said = USAGE[case]
    before = sorted(map(str, Path().iterdir()))
    data = good_trace.read_bytes()
    result = run("analyze", *[str(good_trace) if word == "GOOD" else word for word in words])
    refused(result, 2, said)
    assert result.stdout == ""
    assert sorted(map(str, Path().iterdir())) == before
    assert good_trace.read_bytes() == data


def test_wrong_verbs():
    refused(run("analyse", "x"), 2, "analyse")
    refused(run("schema", "nothing"), 2, "no table, view or macro")


def test_names_that_would_break_a_line_or_a_terminal_are_shown_escaped(tmp_path):
    path = tmp_path / "a\nb\x1b[31m.json"
    path.write_text("hello")
    refused(run("analyze", path), 1, "a b\\x1b[31m.json")


def test_a_path_that_is_no_utf8_is_shown_escaped(tmp_path, good_trace):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.parquet"))
    good_trace.rename(path)
    refused(run("analyze", path), 2, "caf\\udce9.parquet")


def test_a_file_named_like_a_time_is_read(tmp_path, good_trace, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good_trace.rename("run-12:30.parquet")
    (group,) = document("analyze", "run-12:30.parquet", "--requests", "out:1.parquet")["groups"]
    assert group["system"] == "run-12:30"
    assert Path("out:1.parquet").exists()


def test_a_folder_that_refuses_the_output(tmp_path, good_trace):
    out = "/proc/out.parquet"
    result = run("analyze", good_trace, "--requests", out)
    assert result.exit_code == 1
    assert "/proc" in lines(result.stderr)[0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [["analyze", "GOOD", "--json"], ["--help"]], ids=["verb", "help"])
def test_a_full_disk_is_one_line(good_trace, words):
    with Path("/dev/full").open("w") as full:
        made = process(*[good_trace if word == "GOOD" else word for word in words], stdout=full)
        _, said = made.communicate(timeout=180)
    (line,) = lines(said)
    assert made.returncode == 1
    assert "No space left" in line


@pytest.mark.skipif(os.name != "posix", reason="needs a shell that closes its streams")
@pytest.mark.parametrize(
    ("closed", "words", "code"),
    [(">&-", ["schema"], 0), ("2>&-", ["schema", "nothing"], 2), ("<&- >&- 2>&-", ["schema"], 0)],
)
def test_closed_streams_are_written_nowhere(closed, words, code):
    call = [sys.executable, "-m", "sgengine", *words]
    variables = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    made = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *call],
        env=variables,
        capture_output=True,
        timeout=180,
    )
    assert (made.returncode, made.stdout, made.stderr) == (code, b"", b"")


def test_a_reader_that_leaves_is_no_error():
    made = process("schema")
    made.stdout.close()
    said = made.stderr.read()
    made.stderr.close()
    assert made.wait(timeout=180) == 141
    assert said == ""


def test_a_bug_is_one_line_and_debug_shows_where(good_trace, monkeypatch):
    def broken(*_args, **_settings):
        raise RuntimeError("oops")

    monkeypatch.setattr(import_module("sgengine.analyze"), "analyze", broken)
    result = run("analyze", good_trace)
    refused(result, 1, "RuntimeError: oops", "SGENGINE_DEBUG=1")
    monkeypatch.setenv("SGENGINE_DEBUG", "1")
    from click.testing import CliRunner

    from sgengine.cli.main import cli

    shown = CliRunner().invoke(cli, ["analyze", str(good_trace)])
    assert "Traceback" in shown.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [(MemoryError(), "out of memory"), (OSError(28, "No space left"), "No space")],
)
def test_what_the_system_refuses_is_one_line(good_trace, monkeypatch, error, said):
    def broken(*_args, **_settings):
        raise error

    monkeypatch.setattr(import_module("sgengine.analyze"), "analyze", broken)
    refused(run("analyze", good_trace), 1, said)
