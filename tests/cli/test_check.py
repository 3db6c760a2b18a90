"""``sgengine check``: table, JSON and exit codes."""

from __future__ import annotations

from tests.cli.support import MS, document, good, refused, run, strict, trace

FIELDS = ["name", "severity", "count", "of", "share", "example", "message"]


def test_a_fine_trace_exits_with_0(tmp_path):
    times = [[100, 120 + i % 20, 150] for i in range(200)]
    arrivals = [1_700_000_000_000 * MS + i * 1000 * MS for i in range(200)]
    path = trace(tmp_path / "x.parquet", times, arrival_ns=arrivals)
    text = good("check", path)
    assert "200 requests of 200 rows in 1 run of 1 source\n" in text
    assert "severity  finding" in text
    assert "info      time_span" in text
    assert text.endswith("0 errors, 0 warnings\n")


def test_an_error_exits_with_1_and_says_where_and_what_to_do(tmp_path):
    path = trace(tmp_path / "x.parquet", [[5, 4], *[[100, 120]] * 9])
    result = run("check", path)
    assert (result.exit_code, result.stderr) == (1, "")
    (line,) = [line for line in result.stdout.splitlines() if "decreasing_times" in line]
    assert line.startswith("error ")
    assert f"{path} x row 1" in line
    assert "logged out of order" in line


def test_the_document_holds_every_finding(tmp_path):
    path = trace(tmp_path / "x.parquet", [[5, 4], *[[100, 120]] * 9])
    result = run("check", path, "--json")
    assert result.exit_code == 1
    found = strict(result.stdout)
    assert list(found) == ["sgengine", "sources", "runs", "rows", "requests", "findings"]
    assert (found["sources"], found["runs"], found["rows"], found["requests"]) == (1, 1, 10, 9)
    for finding in found["findings"]:
        assert list(finding) == FIELDS
    assert [each["severity"] for each in found["findings"]].count("error") == 1
    first = found["findings"][0]
    assert (first["name"], first["severity"], first["count"], first["share"]) == (
        "decreasing_times",
        "error",
        1,
        0.1,
    )
    assert first["example"] == {"source": str(path), "run": "x", "request": "row 1"}


def test_a_trace_without_rows_has_a_table_too(tmp_path):
    path = trace(tmp_path / "x.parquet", [])
    result = run("check", path)
    assert result.exit_code == 1
    assert "no_requests" in result.stdout


def test_inputs_are_read_as_the_options_say(tmp_path):
    path = trace(tmp_path / "x.parquet", [[100, 120]] * 3)
    found = document("check", path, "--run", "r9", "--on", "serial", "--memory", "64MiB")
    assert {finding["example"]["run"] for finding in found["findings"]} == {"r9"}


def test_wrong_calls_are_refused(tmp_path):
    refused(run("check", tmp_path / "none"), 2, "does not exist")
    (tmp_path / "x.txt").write_text("hello")
    refused(run("check", tmp_path / "x.txt"), 1, "not a trace")
    path = trace(tmp_path / "x.parquet", [[100]])
    refused(run("check", path, "--memory", "1"), 2, "memory")
    assert run("check").exit_code == 2
    assert run("check", path, "--speed", "5").exit_code == 2
