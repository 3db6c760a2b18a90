"""``--goodput ttft:500 tpot:50`` takes its words unquoted, wherever it stands."""

from __future__ import annotations

import pytest

from sgengine.cli.words import is_clause, joined
from tests.cli.support import document, refused, run, trace

SLO = ["ttft:500ms", "tpot:50ms"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current folder with traces of usual and of confusing names."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.parquet", "b.parquet", "ttft:5.json", "tpot:7"):
        trace(tmp_path / name, [[100, 120, 140], [600]])
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        "--goodput ttft:500 tpot:50 a.parquet",
        "a.parquet --goodput ttft:500 tpot:50",
        "--goodput ttft:500 tpot:50 --by system a.parquet",
        "--goodput ttft:500, tpot:50 a.parquet",
        "--goodput ttft:500,tpot:50 a.parquet",
        "--goodput ttft:500,tpot:50ms a.parquet --speed 5",
        "--goodput=ttft:500,tpot:50 a.parquet",
        "--goodput=ttft:500 tpot:50 a.parquet",
        "--goodput ttft:500 --goodput tpot:50 a.parquet",
        "--goodput ttft:500 a.parquet --goodput tpot:50",
        "--goodput TTFT:500 time_per_output_token:50 a.parquet",
        "a.parquet --goodput tpot:0.05s ttft:0.5s",
        "--goodput ttft:500 tpot:50 -- a.parquet",
    ],
)
@pytest.mark.usefixtures("folder")
def test_clauses_are_words_anywhere(words):
    found = document("analyze", *([w for w in words.split() if w != "--"]))
    assert found["settings"]["slo"] == SLO
    assert [source["source"] for source in found["sources"]] == ["a.parquet"]


@pytest.mark.usefixtures("folder")
def test_between_two_inputs():
    found = document("analyze", "a.parquet", "--goodput", "ttft:500", "tpot:50", "b.parquet")
    assert found["settings"]["slo"] == SLO
    assert [source["source"] for source in found["sources"]] == ["a.parquet", "b.parquet"]


@pytest.mark.usefixtures("folder")
def test_quoted_as_one_word():
    assert document("analyze", "--goodput", "ttft:500 tpot:50", "a.parquet")["settings"]["slo"] == (
        SLO
    )


@pytest.mark.usefixtures("folder")
def test_after_a_double_dash_all_words_are_inputs():
    given = ["analyze", "--json", "--goodput", "ttft:500", "tpot:50", "--", "a.parquet"]
    assert joined(given)[-2:] == ["--", "a.parquet"]
    refused(run("analyze", "--", "--goodput", "ttft:500"), 2, "--goodput: --goodput does not exist")


@pytest.mark.usefixtures("folder")
def test_labels_are_inputs():
    found = document("analyze", "--goodput", "ttft:500", "tpot:50", "x=a.parquet", "y=b.parquet")
    assert [group["system"] for group in found["groups"]] == ["x", "y"]


@pytest.mark.usefixtures("folder")
def test_files_named_like_clauses_are_inputs_but_for_the_first_word():
    found = document("analyze", "--goodput", "ttft:500", "tpot:50", "ttft:5.json", "tpot:7")
    assert found["settings"]["slo"] == SLO
    assert [source["source"] for source in found["sources"]] == ["ttft:5.json", "tpot:7"]
    first = document("analyze", "--goodput", "tpot:7", "a.parquet")
    assert first["settings"]["slo"] == ["tpot:7ms"]


@pytest.mark.usefixtures("folder")
def test_in_sql_a_query_is_no_clause():
    for words in (
        ["--goodput", "ttft:500", "tpot:50", "SELECT {'a': 1} AS s", "a.parquet"],
        ["SELECT {'a': 1} AS s", "--goodput", "ttft:500", "tpot:50", "a.parquet"],
        ["SELECT {'a': 1} AS s", "a.parquet", "--goodput", "ttft:500", "tpot:50"],
    ):
        assert document("sql", *words) == [{"s": {"a": 1}}]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("ttft:500", True),
        ("e2el:10s,tbt:1s", True),
        ("tokens:0.9@100ms", True),
        ("itl:50", True),
        ("speed:5", True),
        ("speed:fast", False),
        ("a=ttft:5", False),
        ("dir/ttft:5", False),
        ("s3://bucket", False),
        ("ttft:*.json", False),
        ("trace.json", False),
        ("ttft:", False),
        ("", False),
        (",", False),
        ("a\0b", False),
    ],
)
def test_what_reads_as_a_clause(word, expected):
    assert is_clause(word) is expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--goodput"], "--goodput"),
        (["a.parquet", "--goodput", "--json"], "--json"),
        (["--goodput", "a.parquet", "b.parquet"], "'a.parquet' is not known"),
        (["--goodput", "", "a.parquet"], "no clause"),
        (["--goodput", "ttft:500", "itl:50", "a.parquet"], "two things"),
        (["--goodput", "ttft:500", "latency:50", "a.parquet"], "'latency:50' is not known"),
        (["--goodput", "ttft:500", "ttft:600", "a.parquet"], "twice"),
        (["--goodput", "ttft:500", "--goodput", "ttft:600", "a.parquet"], "twice"),
        (["--goodput", "ttft:-5", "a.parquet"], "SLO clause ttft is '-5'"),
        (["--goodput", "tokens:0.9@1s", "a.parquet"], "--speed"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_wrong_clauses_are_refused_in_one_line(words, said):
    refused(run("analyze", *words), 2, said)
