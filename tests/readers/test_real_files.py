"""Real files of every client: what the client printed follows from what is read, exactly."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sgengine import readers
from sgengine.errors import DataError
from tests.readers import make

VLLM = (
    "qwen2.5-0.5b-day06_c1_i128_o64_n64",
    "qwen2.5-0.5b-day06_c16_i128_o64_n64",
    "qwen3-8b-awq-in128_out512_c8",
)
AIPERF = (
    "aiperf/example-run1-cancelled",
    "aiperf/fixture-llama_concurrency4",
    "aiperf/inferencex-kimik2.7-mi355x-conc1",
    "_mock-server/aiperf-0.13.0",
)


@pytest.fixture(scope="module")
def traces(shared_dir):
    return shared_dir / "traces"


def first_times(got):
    return np.array([row["chunk_times_ns"][0] for row in got.rows if row["status"] == "ok"])


def last_times(got):
    return np.array([row["chunk_times_ns"][-1] for row in got.rows if row["status"] == "ok"])


def gaps(got):
    return np.concatenate([np.diff(r["chunk_times_ns"]) for r in got.rows if r["status"] == "ok"])


@pytest.mark.parametrize("folder", VLLM)
def test_vllm_prints_what_its_file_holds(traces, folder):
    (path,) = (traces / "vllm" / folder).glob("*.json")
    printed = json.loads(path.read_text())
    got = make.read_back(path)
    (fact,) = got.facts
    assert got.rejects == []
    assert len(got.rows) == printed["completed"]
    seconds = fact.stated_duration_ns / 1e9
    assert len(got.rows) / seconds == pytest.approx(printed["request_throughput"], rel=1e-9)
    assert first_times(got).mean() / 1e6 == pytest.approx(printed["mean_ttft_ms"], rel=1e-9)
    assert gaps(got).mean() / 1e6 == pytest.approx(printed["mean_itl_ms"], abs=1e-6)
    assert np.quantile(gaps(got), 0.99) / 1e6 == pytest.approx(printed["p99_itl_ms"], abs=1e-6)
    assert [sum(row["chunk_tokens"]) for row in got.rows] == printed["output_lens"]
    assert sum(got.column("input_tokens")) == printed["total_input_tokens"]


@pytest.mark.parametrize("folder", AIPERF)
def test_aiperf_prints_what_its_file_holds(traces, folder):
    path = traces / folder / "profile_export.jsonl"
    printed = json.loads((traces / folder / "profile_export_aiperf.json").read_text())
    printed = printed.get("records", printed)
    got = make.read_back(path, origin="sent")
    (fact,) = got.facts
    count = printed["request_count"]["avg"]
    assert got.column("status").count("ok") == count
    rate = count / (fact.stated_duration_ns / 1e9)
    assert rate == pytest.approx(printed["request_throughput"]["avg"], rel=1e-9)
    ttft = printed.get("time_to_first_token") or printed["ttft"]
    assert first_times(got).mean() / 1e6 == pytest.approx(ttft["avg"], rel=1e-12)
    latency = printed["request_latency"]
    assert last_times(got).mean() / 1e6 == pytest.approx(latency["avg"], rel=1e-12)
    assert np.quantile(last_times(got), 0.99) / 1e6 == pytest.approx(latency["p99"], rel=1e-12)
    chunks = printed["inter_chunk_latency"]
    assert gaps(got).mean() / 1e6 == pytest.approx(chunks["avg"], rel=1e-12)


def test_the_load_of_each_aiperf_run_decides_its_origin(traces):
    got = {folder: make.read_back(traces / folder).facts[0] for folder in AIPERF}
    assert [fact.origin for fact in got.values()] == ["sent", "sent", "sent", "scheduled"]
    assert [fact.request_rate for fact in got.values()] == [None, None, None, 6.0]


def test_warmup_and_cancelled_requests_of_aiperf_are_told(traces):
    kimi = make.read_back(traces / AIPERF[2])
    assert [(r.place, r.reason, r.count) for r in kimi.rejects] == [("line 1", "warmup", 1)]
    assert len(kimi.rows) == 195
    cancelled = make.read_back(traces / AIPERF[0])
    assert cancelled.column("status").count("cancelled") == 11


def test_a_whole_folder_of_traces_gives_every_run_its_own_name(traces):
    inputs = [str(traces / "aiperf"), str(traces / "vllm")]
    found = readers.find(inputs, readers.ReadOptions())
    names = [source.name for source in found.sources]
    assert names[:3] == [f"{folder.partition('/')[2]}/profile_export" for folder in AIPERF[:3]]
    assert len(set(names)) == 6
    skipped = {item.path.rpartition("/")[2] for item in found.skipped}
    assert skipped == {"profile_export_aiperf.json", "profile_export_console.txt"}


def test_files_of_clients_that_are_not_read_are_refused_one_by_one(traces):
    for folder in ("sglang",):
        with pytest.raises(DataError):
            readers.resolve([str(traces / folder)], readers.ReadOptions())
