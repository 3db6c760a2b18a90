"""What the grouping does with events that do not make a whole request: every row is accounted for."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import sgengine
from sgengine.analyze import Analysis, AnalyzeSettings, analyze
from sgengine.errors import FormatError, UsageError
from tests.events import make

Row = dict[str, Any]


def event(kind: str, time: int, request: Any = "a", **more: Any) -> Row:
    return {"request_id": request, "event": kind, "time_ns": time} | more


ARRIVAL, CHUNK, END = event("arrival", 10), event("chunk", 15, tokens=1), event("end", 20)


def analysed(tmp_path: Path, *rows: Row, **settings: Any) -> Analysis:
    """The analysis of these events in one file; all of them are counted once."""
    path = make.write(tmp_path / "log.jsonl", rows, "jsonl")
    found = analyze([str(path)], AnalyzeSettings(**settings), keep_requests=True)
    (run,) = found.runs.to_pylist()
    assert run["rows_in"] == len(rows)
    assert run["rows_measured"] + run["rows_rejected"] == len(rows)
    assert run["rows_rejected"] == sum(reject.count for reject in found.rejected)
    return found


def requests(found: Analysis) -> list[Row]:
    assert found.requests is not None
    return found.requests.to_pylist()


def reasons(found: Analysis) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for reject in found.rejected:
        counts[reject.reason] += reject.count
    return dict(counts)


def notes(found: Analysis) -> str | None:
    return found.runs.to_pylist()[0]["notes"]


def test_a_whole_request(tmp_path: Path) -> None:
    found = analysed(tmp_path, ARRIVAL, CHUNK, END)
    (row,) = requests(found)
    assert (row["status"], row["arrival_ns"], row["ttft_ns"], row["end_ns"]) == ("ok", 10, 5, 10)
    assert (row["timing"], row["clock"], row["origin"]) == ("chunk", "monotonic", "sent")
    assert found.is_clean
    assert notes(found) is None


def test_without_an_arrival_nothing_has_a_time(tmp_path: Path) -> None:
    found = analysed(tmp_path, ARRIVAL, event("chunk", 1, "b"), event("end", 2, "b"))
    assert [row["request_id"] for row in requests(found)] == ["a"]
    assert reasons(found) == {"no_arrival": 2}
    assert not found.is_clean


def test_no_arrival_at_all(tmp_path: Path) -> None:
    found = analysed(tmp_path, CHUNK, END, event("chunk", 3, "b"))
    assert requests(found) == []
    assert reasons(found) == {"no_arrival": 3}
    assert "request a and 1 more" in found.rejected[0].line()


def test_without_an_end_a_request_is_incomplete(tmp_path: Path) -> None:
    (row,) = requests(analysed(tmp_path, ARRIVAL, CHUNK))
    assert (row["status"], row["end_ns"], row["n_chunks"]) == ("incomplete", None, 1)


def test_an_end_that_does_not_say_is_ok_or_by_its_error_failed(tmp_path: Path) -> None:
    rows = [ARRIVAL, END, event("arrival", 10, "b"), event("end", 20, "b", error="reset")]
    found = requests(analysed(tmp_path, *rows))
    assert [(row["status"], row["error"]) for row in found] == [("ok", None), ("failed", "reset")]


def test_the_earliest_arrival_and_end_count(tmp_path: Path) -> None:
    later = [event("arrival", 12, model="late"), event("end", 30, status="failed")]
    found = analysed(tmp_path, *later, CHUNK, END, ARRIVAL | {"model": "m"})
    (row,) = requests(found)
    assert (row["arrival_ns"], row["end_ns"], row["status"], row["model"]) == (10, 10, "ok", "m")
    assert reasons(found) == {"duplicate_event": 2}
    assert found.is_clean


def test_a_chunk_before_its_arrival_takes_the_request_with_it(tmp_path: Path) -> None:
    found = analysed(tmp_path, ARRIVAL, CHUNK, event("chunk", 9, tokens=1), END)
    assert requests(found) == []
    assert reasons(found) == {"chunk_before_arrival": 4}


def test_a_chunk_at_its_arrival_is_none_before_it(tmp_path: Path) -> None:
    (row,) = requests(analysed(tmp_path, ARRIVAL, event("chunk", 10, tokens=1), END))
    assert row["ttft_ns"] == 0


def test_an_end_before_its_arrival_is_a_negative_time(tmp_path: Path) -> None:
    found = analysed(tmp_path, ARRIVAL, event("end", 9))
    assert reasons(found) == {"negative_time": 2}


def test_chunks_after_the_end_are_kept_and_noted(tmp_path: Path) -> None:
    late = [event("chunk", 21, tokens=1), event("chunk", 22, tokens=1)]
    found = analysed(tmp_path, ARRIVAL, CHUNK, END, *late)
    (row,) = requests(found)
    assert (row["n_chunks"], row["last_chunk_ns"], row["end_ns"]) == (3, 12, 10)
    assert notes(found) == "2 chunks after their request's end, kept."


def test_equal_chunks_without_a_seq_are_two_chunks(tmp_path: Path) -> None:
    (row,) = requests(analysed(tmp_path, ARRIVAL, CHUNK, CHUNK, END))
    assert row["n_chunks"] == 2


def test_equal_chunks_with_a_seq_are_one(tmp_path: Path) -> None:
    numbered = [CHUNK | {"seq": 0}, CHUNK | {"seq": 1}, CHUNK | {"seq": 0}]
    found = analysed(tmp_path, ARRIVAL, *numbered, END)
    (row,) = requests(found)
    assert row["n_chunks"] == 2
    assert reasons(found) == {"duplicate_event": 1}


def test_a_seq_that_comes_again_at_another_time_is_another_chunk(tmp_path: Path) -> None:
    numbered = [CHUNK | {"seq": 0}, event("chunk", 16, tokens=1, seq=0)]
    (row,) = requests(analysed(tmp_path, ARRIVAL, *numbered, END))
    assert row["n_chunks"] == 2


def test_chunks_without_a_seq_among_numbered_ones_are_kept(tmp_path: Path) -> None:
    (row,) = requests(analysed(tmp_path, ARRIVAL, CHUNK, CHUNK, CHUNK | {"seq": 3}, END))
    assert row["n_chunks"] == 3


def test_a_size_that_some_chunks_lack_is_a_null_chunk(tmp_path: Path) -> None:
    found = analysed(tmp_path, ARRIVAL, CHUNK, event("chunk", 16), END)
    assert reasons(found) == {"null_chunk": 4}


def test_a_size_that_all_chunks_lack_is_unknown(tmp_path: Path) -> None:
    bare = [event("chunk", 15), event("chunk", 16)]
    sized = [event("arrival", 1, "b"), event("chunk", 2, "b", tokens=3)]
    a, b = requests(analysed(tmp_path, ARRIVAL, *bare, END | {"output_tokens": 7}, *sized))
    assert (a["n_output_tokens"], a["token_deficit"], a["late_tokens"]) == (7, 5, None)
    assert (b["n_output_tokens"], b["late_tokens"]) == (3, 0)


def test_an_unknown_event_is_left_out_by_name(tmp_path: Path) -> None:
    found = analysed(tmp_path, ARRIVAL, CHUNK, END, event("queued", 11), event("Chunk", 16))
    assert reasons(found) == {"unknown_event": 2}
    assert "'queued'" in found.rejected[0].detail
    assert len(requests(found)) == 1


def test_a_log_in_which_no_event_is_any_good(tmp_path: Path) -> None:
    found = analysed(tmp_path, event("queued", 1), event("queued", 2, "b"))
    assert requests(found) == []
    assert reasons(found) == {"unknown_event": 2}


def test_a_request_without_an_id_is_none(tmp_path: Path) -> None:
    found = analysed(tmp_path, ARRIVAL, CHUNK, END)
    path = tmp_path / "log.jsonl"
    path.write_text(path.read_text() + '{"event": "chunk", "time_ns": 3}\n')
    found = analyze([str(path)], keep_requests=True)
    assert reasons(found) == {"missing_request_id": 1}


def test_what_only_the_end_knows_is_a_dimension_too(tmp_path: Path) -> None:
    rows = [ARRIVAL | {"model": "m"}, CHUNK, END | {"finish": "stop", "model": "other"}]
    (row,) = requests(analysed(tmp_path, *rows))
    assert (row["model"], row["finish"]) == ("m", "stop")


def test_dimensions_that_differ_in_type_become_texts(tmp_path: Path) -> None:
    make.write(tmp_path / "a.parquet", [ARRIVAL | {"tier": 1, "cost": 1}], "parquet")
    make.write(tmp_path / "b.jsonl", [event("arrival", 1, "b", tier="x", cost=0.5)], "jsonl")
    found = requests(analyze([str(tmp_path)], keep_requests=True))
    assert [(row["tier"], row["cost"]) for row in found] == [("1", 1.0), ("x", 0.5)]


def test_whole_and_text_ids_of_one_log_are_the_same(tmp_path: Path) -> None:
    make.write(tmp_path / "a.parquet", [event("arrival", 10, 7)], "parquet", whole_ids=True)
    make.write(tmp_path / "b.ipc", [event("chunk", 15, "7", tokens=1)], "ipc")
    (row,) = requests(analyze([str(tmp_path)], keep_requests=True))
    assert (row["request_id"], row["n_chunks"]) == ("7", 1)


# --- Runs -------------------------------------------------------------------------------------------


def halves(folder: Path) -> list[Path]:
    folder.mkdir()
    first = make.write(folder / "0.jsonl", [ARRIVAL, CHUNK], "jsonl")
    return [first, make.write(folder / "1.parquet", [END], "parquet")]


def runs(*inputs: object, **options: Any) -> list[tuple[str, str]]:
    trace = sgengine.read([str(given) for given in inputs], **options)
    return [(row["run"], row["status"]) for row in trace.deliveries.to_pylist()]


def test_all_files_of_an_input_are_one_run(tmp_path: Path) -> None:
    paths = halves(tmp_path / "day")
    assert runs(tmp_path / "day") == [("day", "ok")]
    assert runs(tmp_path / "day" / "*") == [("day", "ok")]
    assert runs(*paths) == [("day", "ok")]
    assert runs(tmp_path / "day", run="mine") == [("mine", "ok")]
    assert runs(f"new={tmp_path / 'day'}") == [("new", "ok")]


def test_folders_are_runs_of_their_own(tmp_path: Path) -> None:
    halves(tmp_path / "one")
    halves(tmp_path / "two")
    assert runs(tmp_path / "one", tmp_path / "two") == [("one", "ok"), ("two", "ok")]
    assert runs(tmp_path) == [(tmp_path.name, "ok")]
    (tmp_path / "deep").mkdir()
    halves(tmp_path / "deep" / "one")
    assert {run for run, _ in runs(tmp_path / "one", tmp_path / "deep" / "one")} == {
        "one",
        "deep/one",
    }


def test_a_file_alone_gives_its_name(tmp_path: Path) -> None:
    path = make.write(tmp_path / "gateway.jsonl", [ARRIVAL], "jsonl")
    assert runs(path) == [("gateway", "incomplete")]


def test_runs_of_the_rows_are_kept_apart(tmp_path: Path) -> None:
    rows = [row | {"run": run} for run in ("x", "y", None) for row in (ARRIVAL, CHUNK, END)]
    path = make.write(tmp_path / "log.jsonl", rows, "jsonl")
    assert runs(path) == [("x", "ok"), ("y", "ok"), ("log", "ok")]
    assert runs(path, run="all") == [("all", "ok")]


def test_an_output_over_an_input_is_refused(tmp_path: Path) -> None:
    paths = [str(path) for path in halves(tmp_path / "day")]
    with pytest.raises(UsageError, match="is an input"):
        analyze(paths, requests_path=paths[1])


def test_deliveries_beside_events(tmp_path: Path) -> None:
    halves(tmp_path / "day")
    lines = tmp_path / "other.jsonl"
    lines.write_text(json.dumps({"request_id": "z", "chunk_times_ns": [1, 2]}) + "\n")
    found = analyze([str(tmp_path / "day"), str(lines)])
    assert [row["run"] for row in found.runs.to_pylist()] == ["other", "day"]


def test_a_log_is_no_deliveries(tmp_path: Path) -> None:
    path = make.write(tmp_path / "log.jsonl", [ARRIVAL], "jsonl")
    with pytest.raises(Exception, match="is events-jsonl, not deliveries"):
        sgengine.read(str(path.parent), format="deliveries")
    assert runs(path, format="events") == [("log", "incomplete")]
    with pytest.raises(FormatError):
        sgengine.read(str(path), format="events-parquet")
