"""``sgengine analyze``: the document, the tables, CSV, groups, presets, and the REQUESTS file."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import pty
import re
import subprocess
import termios

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sgengine
from sgengine.api import LATENCIES
from sgengine.objectives import PRESETS
from sgengine.schema import REQUESTS, RUNS
from sgengine.schema.enums import STATUSES
from tests.cli.support import MS, document, good, process, run, same, strict, trace

STATISTICS = ("mean", "std", "p50", "p90", "p95", "p99", "p99_9", "min", "max")
FIGURES = (
    "requests",
    "status",
    "duration_s",
    "request_throughput",
    "output_throughput",
    "total_throughput",
    "slo_attainment",
    "request_goodput",
    "token_goodput",
    "smooth_goodput",
    "chunks_per_token",
)


@pytest.fixture
def two(tmp_path):
    """Two requests, by hand: three tokens on time, and one token 400 ms late."""
    return trace(tmp_path / "two.parquet", [[100, 120, 140], [600]], input_tokens=[7, 8])


@pytest.fixture
def many(tmp_path):
    """Requests of every status under two tenants."""
    rows = [[100 + 10 * i, 200 + 10 * i] for i in range(12)]
    return trace(
        tmp_path / "many.parquet",
        rows,
        status=[STATUSES[i % 6] for i in range(12)],
        tenant=["x", "y"] * 6,
    )


def test_the_document_has_the_keys_of_the_contract(two):
    found = document("analyze", two, "--goodput", "ttft:500", "tpot:50")
    assert list(found) == ["settings", "sources", "groups", "rejected", "skipped", "failures"]
    assert (found["rejected"], found["skipped"], found["failures"]) == ([], [], [])
    (source,) = found["sources"]
    assert tuple(source) == RUNS.names
    (group,) = found["groups"]
    assert {"system", "workload", *FIGURES, *LATENCIES} <= group.keys()
    assert group["status"] == dict.fromkeys(STATUSES, 0) | {"ok": 2}
    for name in LATENCIES:
        assert set(STATISTICS) <= group[name].keys()


def test_figures_by_hand(two):
    (group,) = document("analyze", two, "--goodput", "ttft:500", "tpot:50")["groups"]
    seconds = 1.6  # from the first arrival to the second's only chunk
    expected = {
        "system": "two",
        "workload": "default",
        "requests": 2,
        "duration_s": seconds,
        "request_throughput": 2 / seconds,
        "output_throughput": 4 / seconds,
        "total_throughput": 19 / seconds,
        "slo_attainment": 0.5,
        "request_goodput": 1 / seconds,
        "token_goodput": 3 / seconds,
        "smooth_goodput": (4 - 2.5 * 0.4) / seconds,
        "chunks_per_token": 1.0,
    }
    assert [name for name in expected if not same(group[name], expected[name])] == []
    assert (group["ttft_ms"]["min"], group["ttft_ms"]["max"]) == (100.0, 600.0)
    assert (group["tpot_ms"]["count"], group["tpot_ms"]["p50"]) == (1, 20.0)
    assert (group["itl_ms"]["count"], group["itl_ms"]["std"]) == (2, 0.0)
    assert group["user_idle_latency_ms"]["max"] == 400.0


def test_settings_are_all_that_the_figures_depend_on(two):
    found = document(
        *("analyze", two, "--speed", 10, "--first-token", "1s", "--penalty", "fraction:10s"),
        *("--alpha", 2, "--unfinished-idle", "2s", "--goodput", "ttft:500", "pace:100"),
        *("--by", "run,hour", "--denominator", "completed", "--population", "ok"),
        *("--itl-rule", "spread", "--duration", "10s", "--on", "threads:1", "--memory", "128MiB"),
    )
    assert found["settings"] == {
        "sgengine": sgengine.__version__,
        "reader": {"first_ns": 1000 * MS, "pace_ns": 100 * MS, "speed": 10.0},
        "benefit": {"penalty": "fraction", "alpha": 2.0, "tau_s": 10.0, "unfinished_idle_s": 2.0},
        "slo": ["ttft:500ms", "pace:100ms"],
        "target": None,
        "preset": None,
        "by": ["run", "hour"],
        "denominator": "completed",
        "population": "ok",
        "itl_rule": "spread",
        "duration_s": 10.0,
        "window": None,
        "on": "threads:1",
        "memory_bytes": 128 << 20,
    }
    assert [group["duration_s"] for group in found["groups"]] == [10.0]


def test_undefined_is_null_and_a_dash_and_never_0(tmp_path):
    path = trace(tmp_path / "none.parquet", [[]], status=["failed"])
    (group,) = document("analyze", path)["groups"]
    assert group["slo_attainment"] is None
    assert group["duration_s"] is None
    assert group["smooth_goodput"] is None
    for name in LATENCIES:
        assert group[name]["count"] == 0
        assert {group[name][part] for part in STATISTICS} == {None}
    text = good("analyze", path)
    assert re.search(r"none +default +0( +-){7}\n", text)
    assert "- undefined" in text


def test_the_table_shows_settings_window_statuses_and_marks(two):
    text = good("analyze", two, "--goodput", "ttft:500", "tpot:50", "--speed", 10)
    assert "reader: 10 tokens/s (V = 100ms a token), first token by 100ms" in text
    assert "benefit: tokens - alpha * f(l): linear (f = l in seconds), alpha = 2.5" in text
    assert "SLO: ttft:500ms tpot:50ms" in text
    assert "SLO met: of all requests" in text
    assert "itl: chunk rule 'chunk'" in text
    assert "T: observed over the run" in text
    assert " ".join(["requests", *STATUSES]) in re.sub(" +", " ", text)
    assert re.search(r"two +default +2 +2 +0 +0 +0 +0 +0\n", text)
    assert re.search(r"two +default +1\.60 +1\.25 +2\.50 +11\.88 +1\.00\n", text)
    assert re.search(r"  two +default +2 +350\.00 +350\.00 +550\.00\* ", text)
    assert "* too few values" in text


def test_the_table_is_plain_text_without_blanks_at_line_ends_when_it_is_no_terminal(two):
    text = good("analyze", two, "--system", "s" * 200)
    assert text.isascii()
    assert "\x1b" not in text
    assert "s" * 200 in text
    assert not re.search(r"[ \t]+$", text, re.MULTILINE)


def test_names_are_printed_as_they_are(two):
    text = good("analyze", two, "--system", "[bold]x[/bold] :smile:", "--workload", "größe")
    assert "[bold]x[/bold] :smile:" in text
    assert "größe" in text
    found = document("analyze", two, "--system", "größe")
    assert found["groups"][0]["system"] == "größe"


def test_bounds_of_smooth_goodput_are_printed_as_such(tmp_path):
    path = trace(
        tmp_path / "bounds.parquet",
        [[100, 700]],
        timing=["chunk"],
        output_tokens=pa.array([4], pa.int32()),
    )
    (group,) = document("analyze", path)["groups"]
    assert group["smooth_goodput"] is None
    low, high = group["smooth_goodput_min"], group["smooth_goodput_max"]
    assert low < high
    assert f"{low:.2f}..{high:.2f}" in good("analyze", path)


def test_csv_is_the_flat_table_of_the_library(many, two):
    rows = list(csv.DictReader(io.StringIO(good("analyze", many, two, "--csv"))))
    groups = document("analyze", many, two)["groups"]
    assert [row["system"] for row in rows] == ["many", "two"]
    for row, group in zip(rows, groups, strict=True):
        assert float(row["smooth_goodput"]) == group["smooth_goodput"]
        assert float(row["ttft_p99_9_ms"]) == group["ttft_ms"]["p99_9"]
        assert int(row["n_ttft"]) == group["ttft_ms"]["count"]
        assert [int(row[f"n_{name}"]) for name in STATUSES] == list(group["status"].values())
        assert row["slo_attainment"] == ""


def test_by(many):
    groups = document("analyze", many, "--by", "tenant,timing")["groups"]
    assert [list(group)[:3] for group in groups] == [["tenant", "timing", "requests"]] * 2
    assert [group["requests"] for group in groups] == [6, 6]
    (whole,) = document("analyze", many, "--by", "")["groups"]
    assert whole["requests"] == 12
    assert re.search(r"^all +12 ", good("analyze", many, "--by", ""), re.MULTILINE)


def test_by_a_column_that_is_named_like_a_figure(many):
    groups = document("analyze", many, "--by", "status")["groups"]
    assert [group["status_dim"] for group in groups] == sorted(STATUSES)
    assert [group["status"][group["status_dim"]] for group in groups] == [2] * 6
    assert re.search(r"^failed +2 +0 +2 ", good("analyze", many, "--by", "status"), re.MULTILINE)


def test_by_hour_is_a_time_in_the_table(many):
    (group,) = document("analyze", many, "--by", "hour")["groups"]
    assert (group["hour"], group["duration_source"]) == (0, "slice")
    assert "1970-01-01 00:00" in good("analyze", many, "--by", "hour")


@pytest.mark.parametrize("name", [preset.name for preset in PRESETS])
def test_presets(two, name):
    found = document("analyze", two, "--preset", name)
    (chosen,) = [preset for preset in PRESETS if preset.name == name]
    settings = found["settings"]
    assert settings["preset"] == {"name": name, "source": chosen.source}
    assert settings["slo"] == (list(chosen.slo.clauses()) if chosen.slo else None)
    assert settings["reader"]["pace_ns"] == chosen.reader.pace_ns
    assert ("target_met" in found["groups"][0]) == (chosen.target is not None)


def test_a_preset_prints_its_source_and_target(two):
    text = good("analyze", two, "--preset", "etalon-strict")
    assert "preset: etalon-strict: Etalon, arXiv 2407.07000" in text
    assert "target: fluidity >= 0.9 for 99 %" in text
    text = good("analyze", two, "--preset", "mlperf-llama2-70b")
    assert "target: the percentile at 99 % of each clause's metric is within the clause" in text


def test_a_pace_clause_of_another_reader(two):
    (group,) = document("analyze", two, "--goodput", "pace:650")["groups"]
    assert group["slo_attainment"] == 1.0
    (group,) = document("analyze", two, "--goodput", "pace:550")["groups"]
    assert group["slo_attainment"] == 0.5


def test_labels_are_systems(two, many):
    found = document("analyze", f"old={two}", f"new={many}")
    assert [group["system"] for group in found["groups"]] == ["new", "old"]
    assert [source["system"] for source in found["sources"]] == ["old", "new"]


def test_folders_and_globs(tmp_path, two, many):
    whole = document("analyze", tmp_path)
    assert [group["requests"] for group in whole["groups"]] == [12, 2]
    assert document("analyze", tmp_path / "*.parquet")["groups"] == whole["groups"]
    assert document("analyze", many, two)["groups"] == whole["groups"]


def test_the_requests_file_holds_every_column_and_the_dimensions(tmp_path, many, two):
    out = tmp_path / "out" / "requests.parquet"
    out.parent.mkdir()
    found = document("analyze", many, two, "--requests", out)
    table = pq.read_table(out)
    assert table.column_names == [*REQUESTS.names, "tenant"]
    assert table.num_rows == sum(group["requests"] for group in found["groups"])
    assert table.column("tenant").to_pylist() == ["x", "y"] * 6 + [None, None]
    assert [path.name for path in out.parent.iterdir()] == ["requests.parquet"]
    assert found["groups"] == document("analyze", many, two)["groups"]


def test_the_requests_file_replaces_an_older_one(tmp_path, two):
    out = tmp_path / "requests.parquet"
    out.write_text("older")
    good("analyze", two, "--requests", out)
    assert pq.read_table(out).num_rows == 2


def test_rows_of_the_warm_up_are_noted_and_no_error(repo):
    result = run("analyze", repo / "data" / "profile_export.jsonl", "--json")
    assert result.exit_code == 0
    assert re.fullmatch(r"sgengine: note: .*: 1 warmup row left out\n", result.stderr)
    assert [row["reason"] for row in strict(result.stdout)["rejected"]] == ["warmup"]


def test_the_sample_as_the_readme_shows_it(repo, monkeypatch):
    monkeypatch.chdir(repo)
    files = sorted(str(path) for path in (repo / "data").glob("*.parquet"))
    text = good("analyze", *files, "--goodput", "ttft:500", "tpot:50")
    assert max(map(len, text.splitlines())) < 200
    for system in ("chunked-prefill", "delayed", "prefill-first", "speculative"):
        assert system in text
    found = document("analyze", *files, "--goodput", "ttft:500", "tpot:50")
    assert len(found["groups"]) == 8
    assert len(found["sources"]) == 8


_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(columns, *words):
    """What ``sgengine WORDS`` shows on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (50, columns))
    pipes = {"stdin": theirs, "stdout": theirs, "stderr": subprocess.DEVNULL, "text": False}
    made = process(*words, environment={"TERM": "xterm", "COLUMNS": ""}, **pipes)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # what a terminal says at the end
        while data := os.read(ours, 65536):
            shown += data
    os.close(ours)
    assert made.wait(timeout=180) == 0
    return shown.decode().replace("\r\n", "\n")


def test_a_narrow_terminal_gets_fewer_percentiles_and_every_digit(many, monkeypatch):
    """And no colours, where a terminal says that it wants none."""
    wide = _STYLE.sub("", on_terminal(140, "analyze", many))
    monkeypatch.setenv("NO_COLOR", "1")
    styled = on_terminal(72, "analyze", many)
    assert "\x1b[3" not in styled
    narrow = _STYLE.sub("", styled)
    assert "p99.9" in wide
    assert "p99.9" not in narrow
    assert "more percentiles" in narrow
    assert max(map(len, narrow.splitlines())) <= 72
    (group,) = document("analyze", many)["groups"]
    for text in (wide, narrow):
        assert f"{group['e2e_latency_ms']['p99']:.2f}*" in text
