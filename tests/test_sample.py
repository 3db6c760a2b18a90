"""The sample traces: made again they are the same, they keep the rules, and hold what is promised."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import pyarrow.parquet as pq
import pytest

from sgengine.errors import UsageError
from sgengine.sample import sample_deliveries, sample_texts, write_sample
from sgengine.sample.draws import Draws
from sgengine.schema import DELIVERIES
from sgengine.schema.enums import STATUSES

MS = 1_000_000


@pytest.fixture(scope="module")
def tables():
    return sample_deliveries()


@pytest.fixture(scope="module")
def rows(tables):
    return [row for table in tables.values() for row in table.to_pylist()]


def gaps_ns(row):
    return [after - before for before, after in pairwise(row["chunk_times_ns"])]


def test_stored_tables_are_what_the_generator_makes(repo, tables):
    for name, table in tables.items():
        stored = pq.read_table(repo / "data" / name)
        assert stored.column_names == table.column_names
        assert stored.to_pylist() == table.to_pylist(), name


def test_stored_client_files_are_what_the_generator_makes(repo):
    for name, text in sample_texts().items():
        assert (repo / "data" / name).read_bytes() == text.encode(), name


def test_written_sample_is_the_stored_one(repo, tmp_path):
    paths = write_sample(tmp_path / "new" / "folder")
    assert sorted(path.name for path in paths) == sorted(
        path.name for path in (repo / "data").iterdir() if path.name != "README.md"
    )
    for path in paths:
        if path.suffix == ".parquet":
            stored = pq.read_table(repo / "data" / path.name)
            assert pq.read_table(path).equals(stored, check_metadata=True)


def test_another_seed_makes_another_sample(tables):
    other = sample_deliveries(seed=1)
    assert not any(other[name].equals(table) for name, table in tables.items())


def test_sample_is_small_and_described(repo):
    files = [path for path in (repo / "data").iterdir() if path.name != "README.md"]
    text = (repo / "data" / "README.md").read_text()
    assert sum(path.stat().st_size for path in files) < 400_000
    assert all(f"`{path.name}`" in text for path in files)


def test_described_counts_are_those_of_the_tables(repo, rows):
    text = (repo / "data" / "README.md").read_text()
    for system, workload in {(row["system"], row["workload"]) for row in rows}:
        run = [r for r in rows if (r["system"], r["workload"]) == (system, workload)]
        counts = Counter(row["status"] for row in run)
        named = ("ok", "failed", "timeout", "rejected", "cancelled", "incomplete")
        figures = [
            *(counts[status] for status in named),
            sum(sum(row["chunk_tokens"]) for row in run),
            sum(len(row["chunk_times_ns"]) for row in run),
        ]
        assert f"| {system} | {workload} | {' | '.join(map(str, figures))} |" in text


def test_tables_have_the_deliveries_columns_first(tables):
    for table in tables.values():
        assert table.schema.names == [*DELIVERIES.names, "model", "tenant"]
        for field in DELIVERIES.schema():
            assert table.schema.field(field.name).equals(field, check_metadata=True)
            assert field.nullable or not table[field.name].null_count


def test_rows_keep_the_rules(rows):
    for row in rows:
        times, tokens = row["chunk_times_ns"], row["chunk_tokens"]
        assert len(times) == len(tokens)
        assert all(time >= 0 for time in times)
        assert all(gap >= 0 for gap in gaps_ns(row))
        assert all(count >= 1 for count in tokens)
        assert row["end_ns"] is None or not times or row["end_ns"] >= times[-1]
        assert row["output_tokens"] in (None, sum(tokens))
        assert (row["error"] is None) == (row["status"] in ("ok", "incomplete"))


def test_keys_are_unique(rows):
    assert len({(row["run"], row["request_id"]) for row in rows}) == len(rows)


def test_every_status_occurs(rows):
    assert {row["status"] for row in rows} == set(STATUSES)


def test_answers_end_midway_and_before_the_first_token(rows):
    for status in ("failed", "cancelled", "incomplete"):
        assert any(row["chunk_tokens"] for row in rows if row["status"] == status)
    assert any(not row["chunk_tokens"] for row in rows if row["status"] == "cancelled")


def test_systems_serve_the_same_requests(rows):
    asked = ("request_id", "workload", "model", "tenant", "arrival_ns", "input_tokens")
    by_system = {}
    for row in rows:
        by_system.setdefault(row["system"], []).append(tuple(row[name] for name in asked))
    first, *others = by_system.values()
    assert len(others) == 3
    assert all(other == first for other in others)


def test_only_speculative_chunks_hold_several_tokens(rows):
    largest = Counter()
    for row in rows:
        largest[row["system"]] = max([largest[row["system"]], *row["chunk_tokens"]])
    assert largest == {
        "prefill-first": 1,
        "chunked-prefill": 1,
        "delayed": 1,
        "speculative": 5,
    }


def test_prefill_stalls_running_answers_and_chunked_prefill_less(rows):
    def worst_ms(system):
        return max(
            gap / MS
            for row in rows
            if row["system"] == system and row["workload"] == "summarization"
            for gap in gaps_ns(row)
        )

    assert worst_ms("prefill-first") > 1_000
    assert worst_ms("chunked-prefill") < 500


def test_delayed_chunks_are_never_closer_than_the_threshold(rows):
    delayed = [row for row in rows if row["system"] == "delayed"]
    assert min(gap for row in delayed for gap in gaps_ns(row)) == 50 * MS


def test_chat_touches_two_hours(rows):
    hours = {row["arrival_ns"] // (3_600_000 * MS) for row in rows if row["workload"] == "chat"}
    assert len(hours) == 2


def test_vllm_file_agrees_with_itself(repo):
    document = json.loads((repo / "data" / "vllm-bench-serve.json").read_text())
    n = document["num_prompts"]
    lists = [value for value in document.values() if isinstance(value, list)]
    assert [len(value) for value in lists] == [n] * len(lists)
    assert document["completed"] + document["failed"] == n
    assert sum(document["output_lens"]) == document["total_output_tokens"]
    for length, gaps, error in zip(
        document["output_lens"], document["itls"], document["errors"], strict=True
    ):
        assert length == (0 if error else len(gaps) + 1)


def test_aiperf_latencies_add_up(repo):
    lines = (repo / "data" / "profile_export.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert [r["metadata"]["benchmark_phase"] for r in records].count("warmup") == 1
    for metrics in (record["metrics"] for record in records if record["metrics"]):
        gaps = metrics.get("inter_chunk_latency", {"value": []})["value"]
        total = metrics["time_to_first_token"]["value"] + sum(gaps)
        assert total == pytest.approx(metrics["request_latency"]["value"], abs=1e-6)
        assert len(gaps) + 1 == metrics["output_sequence_length"]["value"]


def test_unwritable_folder_is_a_usage_error(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UsageError, match="cannot write the sample to"):
        write_sample(tmp_path / "taken")


def test_draws_are_pinned_and_within_bounds():
    draws = Draws(1, 2)
    assert [draws.below(1_000) for _ in range(5)] == [448, 430, 419, 277, 821]
    assert {draws.between(3, 5) for _ in range(200)} == {3, 4, 5}
    assert {draws.skewed(7, 8) for _ in range(200)} == {7, 8}
    assert {draws.pick({"a": 1, "b": 2, "never": 0}) for _ in range(200)} == {"a", "b"}
    assert not any(draws.chance(0) for _ in range(200))
    assert all(draws.chance(1_000_000) for _ in range(200))
