"""``sgengine simulate``: a file of deliveries that says what it is, whole or not at all."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sgengine.simulate import COST_PRESETS, SYSTEMS
from sgengine.simulate.workloads import WORKLOADS
from tests.cli.support import document, good, refused, run
from tests.cli.test_help import option_help
from tests.simulate.test_loads import KINDS, REPLAYED

SMALL = ("--workload", "fixed:200/20", "--requests", 30)
AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.0000000,4808,10
2023-11-16 18:17:03.5000000,110,27
2023-11-16 18:17:05.0000000,3180,0
2023-11-16 18:17:07.0000000,34,12
"""


def test_writes_a_run_for_each_system_rate_and_seed(tmp_path):
    out = tmp_path / "runs.parquet"
    words = ("--rate", "2,40", "--system", "prefill-first,chunked", "--seed", "1,2")
    found = document("simulate", out, *SMALL, *words)
    assert found["file"] == str(out)
    ways = itertools.product((2, 40), (1, 2), ("prefill-first", "chunked"))
    assert [(r["request_rate"], r["seed"], r["system"]) for r in found["runs"]] == list(ways)
    table = pq.read_table(out)
    assert table.num_rows == 8 * 30
    assert len(pc.unique(table["run"])) == 8
    for run_ in found["runs"]:
        mine = table.filter(pc.equal(table["run"], run_["run"]))
        assert (run_["requests"], run_["status"]) == (30, {"ok": 30})
        assert pc.sum(pc.list_value_length(mine["chunk_times_ns"])).as_py() == run_["tokens"] == 600
        for name in ("system", "workload", "request_rate", "seed", "model", "hardware"):
            assert pc.unique(mine[name]).to_pylist() == [run_[name]]


def test_what_it_writes_is_analyzed_by_its_parameters_and_checked(tmp_path):
    out = tmp_path / "runs.parquet"
    made = document("simulate", out, *SMALL, "--rate", "2,40", "--system", "prefill-first,chunked")
    groups = document("analyze", out, "--by", "system,request_rate", "--goodput", "ttft:1s")[
        "groups"
    ]
    assert len(groups) == 4
    by_key = {(r["system"], r["request_rate"]): r for r in made["runs"]}
    for group in groups:
        facts = by_key[group["system"], group["request_rate"]]
        assert group["requests"] == group["status"]["ok"] == facts["requests"]
        tokens = group["output_throughput"] * group["duration_s"]
        assert tokens == pytest.approx(facts["tokens"])
        assert group["slo_attainment"] is not None
    assert document("check", out)["requests"] == 4 * 30


def test_the_same_words_give_the_same_bytes_and_another_seed_others(tmp_path):
    words = (*SMALL, "--rate", "8", "--arrivals", "gamma:3")
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        good("simulate", tmp_path / f"{name}.parquet", *words, "--seed", seed)
    a, b, c = ((tmp_path / f"{name}.parquet").read_bytes() for name in "abc")
    assert a == b != c


def test_replays_a_trace(tmp_path):
    (tmp_path / "azure.csv").write_text(AZURE)
    out = tmp_path / "out.parquet"
    (made,) = document("simulate", out, "--workload", tmp_path / "azure.csv")["runs"]
    assert (made["requests"], made["tokens"], made["workload"]) == (3, 49, "azure")
    assert made["request_rate"] == 0.5  # two gaps in four seconds
    table = pq.read_table(out)
    assert table["arrival_ns"].to_pylist() == [0, 500_000_000, 4_000_000_000]
    assert table["input_tokens"].to_pylist() == [4808, 110, 34]


@pytest.mark.parametrize("name", KINDS)
def test_replays_every_format_that_its_help_names(tmp_path, name):
    (tmp_path / name).write_text(KINDS[name])
    out = tmp_path / "out.parquet"
    document("simulate", out, "--workload", tmp_path / name)
    seconds, prompts, answers, _ = REPLAYED[name]
    table = pq.read_table(out)
    assert [t / 1e9 for t in table["arrival_ns"].to_pylist()] == seconds
    assert table["input_tokens"].to_pylist() == prompts
    assert pc.list_value_length(table["chunk_times_ns"]).to_pylist() == answers


def test_conversations_are_turns_that_wait_for_one_another(tmp_path):
    out = tmp_path / "out.parquet"
    words = ("--workload", "chat", "--rate", "4", "--requests", "20", "--seed", "3")
    document("simulate", out, *words)
    rows = pq.read_table(out).to_pylist()
    turns = {(row["session"], row["turn"]): row for row in rows}
    assert len(turns) == len(rows) > 20
    assert max(row["turn"] for row in rows) > 0
    for (session, turn), row in turns.items():
        if turn:
            before = turns[session, turn - 1]
            assert row["arrival_ns"] > before["arrival_ns"] + before["end_ns"]
            grown = before["input_tokens"] + before["output_tokens"]
            assert row["input_tokens"] > grown


def test_options_change_every_system(tmp_path):
    out = tmp_path / "out.parquet"
    words = ("--rate", "40", "--system", "prefill-first,chunked", "--max-running", "3")
    narrow = document("simulate", out, *SMALL, *words)["runs"]
    wide = document("simulate", out, *SMALL, *words[:-2])["runs"]
    for less, more in zip(narrow, wide, strict=True):
        assert less["span_ns"] > more["span_ns"]
    two = document("simulate", out, *SMALL, *words, "--replicas", "2")["runs"]
    assert [len(r["peak_kv"]) for r in two] == [2, 2]
    apart = document("simulate", out, *SMALL, *words, "--disaggregate", "1+2")["runs"]
    assert [(len(r["peak_kv"]), r["migrations"]) for r in apart] == [(3, 30), (3, 30)]
    document("simulate", out, *SMALL, "--rate", "4", "--delay", "tbt:100ms")
    gaps = pq.read_table(out)["chunk_times_ns"].to_pylist()
    assert min(b - a for times in gaps for a, b in itertools.pairwise(times)) >= 100_000_000
    words = ("--rate", "4000", "--abandon", "ttft:50ms", "--max-running", "1")
    (lost,) = document("simulate", out, *SMALL, *words)["runs"]
    assert lost["status"]["cancelled"] > 0
    words = ("--rate", "4000", "--reject", "prefill:50ms")
    (refused_,) = document("simulate", out, *SMALL, *words)["runs"]
    assert refused_["status"]["rejected"] > 0


def test_says_what_it_did(tmp_path):
    out = tmp_path / "out.parquet"
    text = good("simulate", out, *SMALL, "--rate", "2")
    (line,) = (line for line in text.splitlines() if line.startswith("prefill-first"))
    assert line.split()[:7] == ["prefill-first", "fixed:200/20", "2.00", "0", "30", "30", "600"]
    assert text.endswith(f"written to {out}\n")


def test_help_names_every_preset():
    for option, names in {
        "--workload": WORKLOADS,
        "--system": SYSTEMS,
    }.items():
        words = option_help("simulate", option)
        assert [name for name in names if name not in words] == [], option
    words = option_help("simulate", "--workload")
    assert [w for w in ("Azure", "BurstGPT", "Mooncake", "turns") if w not in words] == []
    words = option_help("simulate", "--cost")
    for preset in COST_PRESETS.values():
        for part in (preset.model.name.lower(), preset.hardware.name.lower()):
            assert part in words


REFUSED = [
    (("--rate", "0"), "above 0"),
    (("--rate", "fast"), "give a number"),
    (("--rate", "nan"), "above 0"),
    ((), "give requests/s"),
    (("--rate", "1", "--seed", "-1"), "whole number"),
    (("--rate", "1", "--requests", "0"), "1 or more"),
    (("--rate", "1", "--requests", "5", "--duration", "5s"), "exclude"),
    (("--rate", "1", "--duration", "5 minutes"), "give a number with ns"),
    (("--rate", "1", "--workload", "sharegtp"), "sharegpt"),
    (("--rate", "1", "--arrivals", "bursty"), "gamma:CV"),
    (("--rate", "1", "--system", "vllm"), "prefill-first"),
    (("--rate", "1", "--system", "chunked,chunked"), "each once"),
    (("--rate", "1", "--system", ","), "none"),
    (("--rate", "1", "--order", "lifo"), "fcfs"),
    (("--rate", "1", "--router", "random"), "round-robin"),
    (("--rate", "1", "--preempt", "kill"), "recompute"),
    (("--rate", "1", "--replicas", "0"), "give 1 to"),
    (("--rate", "1", "--disaggregate", "2"), "as in 1+3"),
    (("--rate", "1", "--disaggregate", "0+1"), "give 1 to"),
    (("--rate", "1", "--reject", "queue:5"), "prefill:DURATION"),
    (("--rate", "1", "--reject", "kv:much"), "give a number"),
    (("--rate", "1", "--delay", "100ms"), "tbt:100ms"),
    (("--rate", "1", "--delay", "tbt:soon"), "give a number with ns"),
    (("--rate", "1", "--abandon", "ttft"), "NAME:VALUE"),
    (("--rate", "1", "--abandon", "ttft:1s", "--delay", "tbt:1s"), "exclude"),
    (("--rate", "1", "--speed", "-2"), "above 0"),
    (("--rate", "1", "--cost", "gpt-4"), "llama-3.1-8b-a100-80g"),
    (("--rate", "1", "--memory-share", "2"), "memory_share"),
    (("--rate", "1", "--memory-share", "0.1"), "no memory"),
    (("--rate", "1", "--jitter", "2"), "give a share"),
    (("--rate", "1", "--duration", "0"), "more than 0"),
    (("--rate", "1", "--speed", "0"), "above 0"),
    (("--rate", "1,2,1"), "rates are 1, 2, 1: give each once"),
    (("--rate", "10,10.000001"), "rates are 10, 10: give each once"),
    (("--rate", "1", "--seed", "3,03"), "seeds are 3, 3: give each once"),
    (("--rate", "1", "--seed", ","), "no seed"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED, ids=range(len(REFUSED)))
def test_a_wrong_call_is_one_line_and_leaves_no_file(tmp_path, words, said):
    refused(run("simulate", tmp_path / "out.parquet", *words), 2, said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("out", ["FOLDER", "FOLDER/none/out.parquet"])
def test_a_path_that_cannot_be_written(tmp_path, out):
    refused(run("simulate", out.replace("FOLDER", str(tmp_path)), "--rate", 1), 2, "the output is")


@pytest.mark.parametrize("option", ["--workload", "--arrivals"])
def test_a_trace_that_is_read_is_not_written_over(tmp_path, option):
    path = tmp_path / "azure.csv"
    path.write_text(AZURE)
    refused(run("simulate", path, option, path, "--rate", 1), 2, "which is an input")
    assert path.read_text() == AZURE


def test_a_file_that_is_there_stays_until_the_new_one_is_whole(tmp_path):
    out = tmp_path / "out.parquet"
    out.write_text("mine")
    words = ("--rate", "1", "--duration", "1s", "--seed", ",".join(map(str, range(2000))))
    command = [sys.executable, "-m", "sgengine", "simulate", str(out), *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 180
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=180)
    assert process.returncode != 0
    assert out.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [out]
